// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "ir/ReferenceShapes.h"

#include "ir/ReferenceMath.h"

using namespace mlir;
using namespace attnc::attn;

namespace attnc::reference {

namespace {

using Index = SmallVector<int64_t>;

/// `source` maps an index of the result to one of the input.
template <typename OpTy, typename Source> Tensor gather(OpTy op, const BlockValues &values, Source source) {
  const Tensor &input = values.get(op.getInput());
  Tensor result = values.zeros(op.getResult());
  forEachIndex(result.shape, [&](ArrayRef<int64_t> index) { result.at(index) = input.at(source(index)); });
  return result;
}

/// The input, with `missing` in the rows of padding.
template <typename OpTy> Tensor trueRows(OpTy op, const BlockValues &values, double missing) {
  const Tensor &input = values.get(op.getInput()), &spans = values.get(op.getSpans());
  Tensor result = values.zeros(op.getResult());
  forEachIndex(result.shape, [&](ArrayRef<int64_t> index) {
    result.at(index) = index[1] < spans.at({index[0], 1}) ? input.at(index) : missing;
  });
  return result;
}

} // namespace

Tensor evaluate(SplitHeadsOp op, const BlockValues &values) {
  return gather(op, values, [&](ArrayRef<int64_t> index) {
    int64_t headDim = op.getType().getShape().back();
    ArrayRef<int64_t> last = index.take_back(3); // head, position, element of the head
    Index source(index.drop_back(3));
    source.append({last[1], last[0] * headDim + last[2]});
    return source;
  });
}

Tensor evaluate(MergeHeadsOp op, const BlockValues &values) {
  return gather(op, values, [&](ArrayRef<int64_t> index) {
    int64_t headDim = op.getInput().getType().getShape().back();
    ArrayRef<int64_t> last = index.take_back(2); // position, element of all heads
    Index source(index.drop_back(2));
    source.append({last[1] / headDim, last[0], last[1] % headDim});
    return source;
  });
}

Tensor evaluate(TransposeOp op, const BlockValues &values) {
  return gather(op, values, [&](ArrayRef<int64_t> index) {
    Index source(index.size());
    for (auto [dim, from] : llvm::enumerate(op.getPermutation()))
      source[from] = index[dim];
    return source;
  });
}

Tensor evaluate(ReshapeOp op, const BlockValues &values) {
  Tensor result = values.zeros(op.getResult());
  result.values = values.get(op.getInput()).values;
  return result;
}

Tensor evaluate(BroadcastOp op, const BlockValues &values) {
  const Tensor &input = values.get(op.getInput());
  Tensor result = values.zeros(op.getResult());
  forEachIndex(result.shape, [&](ArrayRef<int64_t> index) { result.at(index) = input.atBroadcast(index); });
  return result;
}

Tensor evaluate(SliceOp op, const BlockValues &values) {
  return gather(op, values, [&](ArrayRef<int64_t> index) {
    Index source(index);
    source[op.getAxis()] += op.getStart();
    return source;
  });
}

Tensor evaluate(ConcatOp op, const BlockValues &values) {
  Tensor result = values.zeros(op.getResult());
  int64_t first = 0, axis = op.getAxis();
  for (Value operand : op.getInputs()) {
    const Tensor &input = values.get(operand);
    forEachIndex(input.shape, [&](ArrayRef<int64_t> index) {
      Index target(index);
      target[axis] += first;
      result.at(target) = input.at(index);
    });
    first += input.shape[axis];
  }
  return result;
}

mlir::FailureOr<Tensor> evaluate(AppendOp op, const BlockValues &values) {
  Tensor result = values.get(op.getCache());
  const Tensor &position = values.get(op.getPosition());
  const int64_t room = op.getCapacity() - op.getSize();
  if (llvm::any_of(position.values, [&](auto place) { return !(place >= 0 && int64_t(place) <= room); }))
    return op.emitOpError("a position is outside [0, ") << room << "]";
  int64_t first = op.getStart();
  for (Value operand : op.getRows()) {
    const Tensor &rows = values.get(operand);
    forEachIndex(rows.shape, [&](ArrayRef<int64_t> index) {
      result.at({index[0], first + index[1], int64_t(position.values[index[0]]) + index[2], index[3]}) = rows.at(index);
    });
    first += rows.shape[1];
  }
  return result;
}

Tensor slotsFrom(const Tensor &cache, int64_t first) {
  Tensor result(cache.shape, cache.dtype);
  forEachIndex(cache.shape, [&](ArrayRef<int64_t> index) {
    if (index[1] >= first)
      result.at({index[0], index[1] - first, index[2], index[3]}) = cache.at(index);
  });
  return result;
}

Tensor withSlots(Tensor cache, int64_t first, const Tensor &slots) {
  forEachIndex(cache.shape, [&](ArrayRef<int64_t> index) {
    if (index[1] >= first)
      cache.at(index) = slots.at({index[0], index[1] - first, index[2], index[3]});
  });
  return cache;
}

void evaluate(TokenRowsOp op, BlockValues &values) {
  const Tensor &lengths = values.get(op.getLengths());
  Tensor rows = values.zeros(op.getRows()), spans = values.zeros(op.getSpans()), count = values.zeros(op.getCount());
  int64_t size = op.getSize();
  for (int64_t b = 0; b < lengths.shape[0]; ++b) {
    int64_t length = std::clamp<int64_t>(int64_t(lengths.values[b]), 0, size);
    for (int64_t s = 0; s < length; ++s)
      rows.at({b, s}) = b * size + s;
    spans.at({b, 0}) = count.values[0];
    spans.at({b, 1}) = length;
    count.values[0] += length;
  }
  values.set(op.getRows(), std::move(rows));
  values.set(op.getSpans(), std::move(spans));
  values.set(op.getCount(), std::move(count));
}

Tensor evaluate(PackRowsOp op, const BlockValues &values) {
  return trueRows(op, values, values.get(op.getInput()).dtype == DType::f32 ? nan : 0);
}
Tensor evaluate(UnpackRowsOp op, const BlockValues &values) { return trueRows(op, values, 0); }

} // namespace attnc::reference
