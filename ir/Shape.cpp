// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "ir/AttnDialect.h"

#include "llvm/Support/CheckedArithmetic.h"

using namespace mlir;

namespace attnc::attn {

std::optional<int64_t> productOfStatic(ArrayRef<int64_t> shape) {
  // An extent of 0 makes the product 0, whatever the others overflow to.
  if (llvm::is_contained(shape, 0))
    return 0;
  int64_t product = 1;
  for (int64_t extent : shape) {
    if (ShapedType::isDynamic(extent))
      continue;
    std::optional<int64_t> next = llvm::checkedMul(product, extent);
    if (!next)
      return std::nullopt;
    product = *next;
  }
  return product;
}

bool isModelShape(ArrayRef<int64_t> shape) {
  if (llvm::count(shape, ShapedType::kDynamic) > 1)
    return false;
  constexpr int64_t limit = int64_t(1) << 48;
  SmallVector<int64_t> nonZero;
  for (int64_t extent : shape)
    if (extent != 0)
      nonZero.push_back(extent);
  // Strides are products of extents too, so zeros do not excuse the others.
  std::optional<int64_t> product = productOfStatic(nonZero);
  return product && *product <= limit;
}

std::optional<SmallVector<int64_t>> broadcastShapes(ArrayRef<int64_t> lhs, ArrayRef<int64_t> rhs) {
  if (lhs.size() < rhs.size())
    std::swap(lhs, rhs);
  SmallVector<int64_t> result(lhs.begin(), lhs.end());
  size_t offset = lhs.size() - rhs.size();
  for (size_t dim = 0; dim < rhs.size(); ++dim) {
    int64_t &extent = result[offset + dim];
    if (extent == rhs[dim] || rhs[dim] == 1)
      continue;
    if (extent != 1)
      return std::nullopt;
    extent = rhs[dim];
  }
  return result;
}

Attribute packingOf(RankedTensorType type) { return dyn_cast_if_present<PackedRowsAttr>(type.getEncoding()); }

bool hasAllRows(RankedTensorType type) { return !packingOf(type); }

RankedTensorType withoutEncoding(RankedTensorType type) {
  return RankedTensorType::get(type.getShape(), type.getElementType());
}

bool sameIgnoringEncoding(Type lhs, Type rhs) {
  auto lhsTensor = dyn_cast<RankedTensorType>(lhs);
  auto rhsTensor = dyn_cast<RankedTensorType>(rhs);
  if (lhsTensor && rhsTensor)
    return withoutEncoding(lhsTensor) == withoutEncoding(rhsTensor);
  return lhs == rhs;
}

} // namespace attnc::attn
