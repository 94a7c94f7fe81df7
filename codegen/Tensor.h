// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A tensor inside a kernel's algorithm: a function from an index to a Halide expression. Shapes are outermost first, as
// in the IR; Halide's own argument order (innermost first) appears only where a Func is defined or called.
#pragma once

#include "Halide.h"

#include <functional>
#include <vector>

namespace attnc {

/// The place of one element.
struct Index {
  /// One expression per dimension, outermost first. Empty for a scalar.
  std::vector<Halide::Expr> dims;
  /// The position among the rows (all dimensions but the last, flattened) where the asker knows it; saves the tensor to
  /// compute it from dims. Undefined otherwise.
  Halide::Expr row;
};

struct Tensor {
  /// Extents, outermost first; the run-time batch is the kernel's parameter.
  std::vector<Halide::Expr> extents;
  Halide::Type type;
  std::function<Halide::Expr(const Index &)> at;

  size_t rank() const { return extents.size(); }
};

/// Product of all extents but the last; 1 for rank <= 1.
Halide::Expr rowCount(const Tensor &tensor);

/// The position of an index among its tensor's rows.
Halide::Expr rowOf(const Tensor &tensor, const Index &index);

/// The index of element `column` of row `row`.
Index indexOfRow(const Tensor &tensor, const Halide::Expr &row, const Halide::Expr &column);

/// The element of `tensor` that belongs to `index` of a tensor with `extents`, by NumPy's broadcasting rule.
Halide::Expr broadcastAt(const Tensor &tensor, const std::vector<Halide::Expr> &extents, const Index &index);

/// Whether two lists of extents are provably the same.
bool sameExtents(const std::vector<Halide::Expr> &a, const std::vector<Halide::Expr> &b);

/// An extent as a number; the extent has to be static.
int staticExtent(const Halide::Expr &extent);

} // namespace attnc
