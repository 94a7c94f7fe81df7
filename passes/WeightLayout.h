// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Where the elements of a weight expression lie in its parameters: the expression evaluated as addresses instead of
// values.
#pragma once

#include "ir/AttnDialect.h"

#include "llvm/ADT/SmallVector.h"

#include <optional>
#include <vector>

namespace attnc {

/// A box of a weight that is one strided view of one source.
struct WeightBox {
  llvm::StringRef parameter; ///< Empty for a constant.
  mlir::DenseElementsAttr constant;
  int64_t offset = 0;                 ///< Of the box's first element in the source, in elements.
  llvm::SmallVector<int64_t> first;   ///< The box's place in the weight, one number a dimension.
  llvm::SmallVector<int64_t> shape;   ///< The box's extents.
  llvm::SmallVector<int64_t> strides; ///< In the source, in elements.
};

/// A weight as boxes that cover it exactly once.
struct WeightLayout {
  llvm::SmallVector<int64_t> shape;
  std::vector<WeightBox> boxes;
};

/// The layout of a value made of attn.weight and f32 attn.constant by slice, concat, reshape and transpose; nothing for
/// any other value, and where #attn.piece cannot describe the result.
std::optional<WeightLayout> layoutOf(mlir::Value value);

/// The pieces of attn.packed for a layout. With `transposed` the packed weight is the layout's [n, k] from [k, n].
/// Nothing where there is no such description.
std::optional<llvm::SmallVector<attn::PieceAttr>> piecesOf(WeightLayout layout, bool transposed,
                                                           mlir::MLIRContext *context);

} // namespace attnc
