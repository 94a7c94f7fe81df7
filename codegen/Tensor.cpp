// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "codegen/Tensor.h"

using namespace Halide;

namespace attnc {

Expr rowCount(const Tensor &tensor) {
  Expr rows = 1;
  for (size_t i = 0; i + 1 < tensor.rank(); ++i)
    rows = rows * tensor.extents[i];
  return Internal::simplify(rows);
}

Expr rowOf(const Tensor &tensor, const Index &index) {
  if (index.row.defined())
    return index.row;
  Expr row = 0;
  for (size_t i = 0; i + 1 < tensor.rank(); ++i)
    row = row * tensor.extents[i] + index.dims[i];
  return Internal::simplify(row);
}

Index indexOfRow(const Tensor &tensor, const Expr &row, const Expr &column) {
  Index index;
  index.row = row;
  index.dims.resize(tensor.rank());
  if (tensor.rank() == 0)
    return index;
  index.dims.back() = column;
  Expr rest = row;
  for (size_t i = tensor.rank() - 1; i-- > 0;) {
    // The outermost extent bounds what is left, so it needs no remainder.
    index.dims[i] = i == 0 ? rest : rest % tensor.extents[i];
    rest = rest / tensor.extents[i];
  }
  return index;
}

bool sameExtents(const std::vector<Expr> &a, const std::vector<Expr> &b) {
  if (a.size() != b.size())
    return false;
  for (size_t i = 0; i < a.size(); ++i)
    if (!Internal::graph_equal(a[i], b[i]))
      return false;
  return true;
}

Expr broadcastAt(const Tensor &tensor, const std::vector<Expr> &extents, const Index &index) {
  if (sameExtents(tensor.extents, extents))
    return tensor.at(index);
  Index own;
  const size_t missing = extents.size() - tensor.rank();
  for (size_t i = 0; i < tensor.rank(); ++i) {
    const bool repeats = Internal::is_const_one(tensor.extents[i]) && !Internal::is_const_one(extents[missing + i]);
    own.dims.push_back(repeats ? Expr(0) : index.dims[missing + i]);
  }
  return tensor.at(own);
}

int staticExtent(const Expr &extent) {
  auto value = Internal::as_const_int(extent);
  _halide_user_assert(value) << "attnc: an extent that has to be static is not";
  return static_cast<int>(*value);
}

} // namespace attnc
