// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The reference's tensors: places of elements, broadcasting, constants.

#include "ir/Reference.h"

using namespace mlir;
using namespace attnc::attn;

namespace attnc::reference {

Tensor::Tensor(ArrayRef<int64_t> shape, DType dtype)
    : shape(shape), dtype(dtype), values(size_t(productOfStatic(shape).value_or(0))) {}

int64_t Tensor::position(ArrayRef<int64_t> index) const {
  int64_t position = 0;
  for (auto [i, extent] : llvm::zip(index, shape))
    position = position * extent + i;
  return position;
}

double Tensor::atBroadcast(ArrayRef<int64_t> index) const {
  int64_t position = 0;
  for (auto [i, extent] : llvm::zip(index.take_back(rank()), shape))
    position = position * extent + (extent == 1 ? 0 : i);
  return values[position];
}

bool isHoldable(ArrayRef<int64_t> shape) {
  std::optional<int64_t> elements = productOfStatic(shape);
  return llvm::all_of(shape, [](int64_t extent) { return extent >= 0; }) && elements && *elements <= int64_t(1) << 28;
}

void forEachIndex(ArrayRef<int64_t> shape, llvm::function_ref<void(ArrayRef<int64_t>)> visit) {
  if (llvm::is_contained(shape, 0))
    return;
  SmallVector<int64_t> index(shape.size(), 0);
  while (true) {
    visit(index);
    int64_t dim = int64_t(shape.size()) - 1;
    while (dim >= 0 && ++index[dim] == shape[dim])
      index[dim--] = 0;
    if (dim < 0)
      return;
  }
}

DType dtypeOf(Type element) {
  if (isa<FloatType>(element))
    return DType::f32;
  if (element.isInteger(1))
    return DType::i1;
  return element.isInteger(32) ? DType::i32 : DType::i64;
}

Tensor tensorFromElements(DenseElementsAttr elements) {
  Tensor tensor(elements.getType().getShape(), dtypeOf(elements.getElementType()));
  auto out = tensor.values.begin();
  if (tensor.dtype == DType::f32)
    for (const APFloat &value : elements.getValues<APFloat>())
      *out++ = value.convertToDouble();
  else
    for (const APInt &value : elements.getValues<APInt>())
      *out++ = tensor.dtype == DType::i1 ? double(value.getZExtValue()) : double(value.getSExtValue());
  return tensor;
}

} // namespace attnc::reference
