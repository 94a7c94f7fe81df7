// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Arithmetic on shapes. An extent may be mlir::ShapedType::kDynamic: the run-time batch.
#pragma once

#include "mlir/IR/BuiltinTypes.h"

#include <cstdint>
#include <optional>

namespace attnc::attn {

/// True where `shape` has at most one run-time extent and its static extents multiply to at most 2^48 elements, so that
/// sizes in bytes, times a batch, fit into 64 bits.
bool isModelShape(llvm::ArrayRef<int64_t> shape);

/// The product of the static extents (1 for none), or nothing where it exceeds 64 bits.
std::optional<int64_t> productOfStatic(llvm::ArrayRef<int64_t> shape);

/// NumPy's broadcast of two shapes: aligned at the last dimension, an extent of 1 or a missing one repeats. A run-time
/// extent goes with itself and with 1. Nothing where they do not fit.
std::optional<llvm::SmallVector<int64_t>> broadcastShapes(llvm::ArrayRef<int64_t> lhs, llvm::ArrayRef<int64_t> rhs);

/// False where the encoding #attn.packed_rows says that rows of padding are left out.
bool hasAllRows(mlir::RankedTensorType type);

/// The encoding #attn.packed_rows of a type, or null.
mlir::Attribute packingOf(mlir::RankedTensorType type);

/// The type without its encoding.
mlir::RankedTensorType withoutEncoding(mlir::RankedTensorType type);

/// Equality that ignores encodings: an encoding moves elements in memory and changes nothing else.
bool sameIgnoringEncoding(mlir::Type lhs, mlir::Type rhs);

} // namespace attnc::attn
