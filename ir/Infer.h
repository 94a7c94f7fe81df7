// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the inference of the ops' result types shares. Private to ir/.
#pragma once

#include "ir/AttnDialect.h"

namespace attnc::attn {

using InferredTypes = llvm::SmallVectorImpl<mlir::Type>;
using OptionalLoc = std::optional<mlir::Location>;

/// The error of an op of class OpTy that may not exist yet.
template <typename OpTy, typename... Args> mlir::LogicalResult inferError(OptionalLoc loc, Args &&...args) {
  return mlir::emitOptionalError(loc, "'", OpTy::getOperationName(), "' op ", std::forward<Args>(args)...);
}

inline mlir::RankedTensorType tensorType(mlir::Value value) {
  return llvm::cast<mlir::RankedTensorType>(value.getType());
}

/// What a factor of weights has to be, so that -0 and NaN do not arise from it.
inline bool isPositiveFinite(const llvm::APFloat &factor) {
  return factor.isFinite() && !factor.isNegative() && !factor.isZero();
}

/// What an op of class OpTy asks of the lengths of sequences that are padded to `size`: a vector, and room for a token.
template <typename OpTy>
mlir::LogicalResult checkLengths(OptionalLoc loc, mlir::RankedTensorType lengths, int64_t size) {
  if (lengths.getRank() != 1)
    return inferError<OpTy>(loc, "lengths must have rank 1, but are ", lengths);
  if (size < 1)
    return inferError<OpTy>(loc, "size must be at least 1, but is ", size);
  return mlir::success();
}

/// Adds a result type, of this shape and element type; `packing` where its rows are packed.
inline mlir::LogicalResult inferred(InferredTypes &types, llvm::ArrayRef<int64_t> shape, mlir::Type element,
                                    mlir::Attribute packing = {}) {
  types.push_back(mlir::RankedTensorType::get(shape, element, packing));
  return mlir::success();
}

/// Adds a result type: the operand's own.
inline mlir::LogicalResult inferredAs(InferredTypes &types, mlir::Value operand) {
  mlir::RankedTensorType type = tensorType(operand);
  return inferred(types, type.getShape(), type.getElementType(), packingOf(type));
}

} // namespace attnc::attn
