// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/WeightLayout.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace attnc::attn;

namespace attnc {
namespace {

/// More pieces than this are a sign of a weight that should be materialised elsewhere.
constexpr size_t mostPieces = 4096;

using Layout = std::optional<WeightLayout>;

SmallVector<int64_t> denseStrides(ArrayRef<int64_t> shape) {
  SmallVector<int64_t> strides(shape.size(), 1);
  for (size_t dim = shape.size(); dim-- > 1;)
    strides[dim - 1] = strides[dim] * shape[dim];
  return strides;
}

WeightLayout wholeSource(RankedTensorType type, StringRef parameter, DenseElementsAttr constant) {
  WeightBox box;
  box.parameter = parameter;
  box.constant = constant;
  box.first.assign(type.getRank(), 0);
  box.shape.assign(type.getShape().begin(), type.getShape().end());
  box.strides = denseStrides(type.getShape());
  return {box.shape, {box}};
}

Layout ofConstant(ConstantOp op) {
  auto values = dyn_cast<DenseElementsAttr>(op.getValue());
  auto type = cast<RankedTensorType>(op.getResult().getType());
  if (!values || !type.getElementType().isF32())
    return std::nullopt;
  return wholeSource(type, "", values);
}

Layout ofSlice(SliceOp op, WeightLayout input) {
  int64_t axis = op.getAxis(), start = op.getStart(), end = start + op.getSize();
  WeightLayout result{input.shape, {}};
  result.shape[axis] = op.getSize();
  for (WeightBox box : input.boxes) {
    int64_t from = std::max(box.first[axis], start), to = std::min(box.first[axis] + box.shape[axis], end);
    if (from >= to)
      continue;
    box.offset += (from - box.first[axis]) * box.strides[axis];
    box.first[axis] = from - start;
    box.shape[axis] = to - from;
    result.boxes.push_back(box);
  }
  return result;
}

/// What is repeated is read again at the same place.
Layout ofBroadcast(WeightLayout input, ArrayRef<int64_t> shape) {
  const size_t lead = shape.size() - input.shape.size();
  if (input.boxes.size() != 1 &&
      llvm::any_of(llvm::enumerate(input.shape), [&](auto dim) { return dim.value() != shape[lead + dim.index()]; }))
    return std::nullopt; // Boxes repeated along a dimension would interleave.
  for (WeightBox &box : input.boxes) {
    WeightBox repeated = box;
    repeated.first.assign(shape.size(), 0);
    repeated.shape.assign(shape.begin(), shape.end());
    repeated.strides.assign(shape.size(), 0);
    for (size_t dim = 0; dim < input.shape.size(); ++dim) {
      if (input.shape[dim] == shape[lead + dim]) {
        repeated.first[lead + dim] = box.first[dim];
        repeated.shape[lead + dim] = box.shape[dim];
        repeated.strides[lead + dim] = box.strides[dim];
      }
    }
    box = repeated;
  }
  input.shape.assign(shape.begin(), shape.end());
  return input;
}

Layout ofConcat(ConcatOp op, ArrayRef<WeightLayout> inputs) {
  int64_t axis = op.getAxis(), start = 0;
  WeightLayout result{inputs.front().shape, {}};
  for (const WeightLayout &input : inputs) {
    for (WeightBox box : input.boxes) {
      box.first[axis] += start;
      result.boxes.push_back(box);
    }
    start += input.shape[axis];
  }
  result.shape[axis] = start;
  return result;
}

template <typename Range> SmallVector<int64_t> permuted(const Range &values, ArrayRef<int64_t> permutation) {
  return llvm::map_to_vector(permutation, [&](int64_t dim) -> int64_t { return values[dim]; });
}

Layout ofTranspose(WeightLayout input, ArrayRef<int64_t> permutation) {
  input.shape = permuted(input.shape, permutation);
  for (WeightBox &box : input.boxes) {
    box.first = permuted(box.first, permutation);
    box.shape = permuted(box.shape, permutation);
    box.strides = permuted(box.strides, permutation);
  }
  return input;
}

/// Keeps only the dimensions of extent > 1, merging those that are contiguous in the source.
void collapse(ArrayRef<int64_t> shape, ArrayRef<int64_t> strides, SmallVectorImpl<int64_t> &outShape,
              SmallVectorImpl<int64_t> &outStrides) {
  for (auto [extent, stride] : llvm::zip_equal(shape, strides)) {
    if (extent == 1)
      continue;
    if (!outShape.empty() && outStrides.back() == stride * extent) {
      outShape.back() *= extent;
      outStrides.back() = stride;
    } else {
      outShape.push_back(extent);
      outStrides.push_back(stride);
    }
  }
}

/// A single view whose elements lie in order at one stride takes any shape; other layouts take none but by extents
/// of 1.
Layout ofReshape(WeightLayout input, ArrayRef<int64_t> shape) {
  if (input.boxes.size() == 1) {
    WeightBox &box = input.boxes.front();
    SmallVector<int64_t> flatShape, flatStrides;
    collapse(box.shape, box.strides, flatShape, flatStrides);
    if (flatShape.size() <= 1) {
      int64_t stride = flatStrides.empty() ? 1 : flatStrides.front();
      box.shape.assign(shape.begin(), shape.end());
      box.first.assign(shape.size(), 0);
      box.strides = llvm::map_to_vector(denseStrides(shape), [&](int64_t dense) { return dense * stride; });
      input.shape = box.shape;
      return input;
    }
  }
  auto isUnit = [](int64_t extent) { return extent == 1; };
  SmallVector<int64_t> before(input.shape), after(shape);
  llvm::erase_if(before, isUnit);
  llvm::erase_if(after, isUnit);
  if (before != after)
    return std::nullopt;
  for (WeightBox &box : input.boxes) {
    WeightBox result = box;
    result.first.assign(shape.size(), 0);
    result.shape.assign(shape.size(), 1);
    result.strides.assign(shape.size(), 1);
    size_t source = 0;
    for (size_t dim = 0; dim < shape.size(); ++dim) {
      if (shape[dim] == 1)
        continue;
      while (input.shape[source] == 1)
        ++source;
      result.first[dim] = box.first[source];
      result.shape[dim] = box.shape[source];
      result.strides[dim] = box.strides[source];
      ++source;
    }
    box = result;
  }
  input.shape.assign(shape.begin(), shape.end());
  return input;
}

Layout evaluate(Value value) {
  Operation *op = value.getDefiningOp();
  auto type = dyn_cast<RankedTensorType>(value.getType());
  if (!op || !type || !type.hasStaticShape())
    return std::nullopt;
  if (auto weight = dyn_cast<WeightOp>(op))
    return wholeSource(type, weight.getParameter(), {});
  if (auto constant = dyn_cast<ConstantOp>(op))
    return ofConstant(constant);
  if (!isa<SliceOp, BroadcastOp, ConcatOp, ReshapeOp, TransposeOp>(op))
    return std::nullopt;
  std::vector<WeightLayout> inputs;
  for (Value operand : op->getOperands()) {
    Layout input = evaluate(operand);
    if (!input)
      return std::nullopt;
    inputs.push_back(std::move(*input));
  }
  return TypeSwitch<Operation *, Layout>(op)
      .Case([&](SliceOp slice) { return ofSlice(slice, inputs.front()); })
      .Case([&](BroadcastOp) { return ofBroadcast(inputs.front(), type.getShape()); })
      .Case([&](ConcatOp concat) { return ofConcat(concat, inputs); })
      .Case([&](ReshapeOp) { return ofReshape(inputs.front(), type.getShape()); })
      .Case([&](TransposeOp transpose) { return ofTranspose(inputs.front(), transpose.getPermutation()); })
      .Default([](Operation *) { return Layout(); });
}

/// A box is contiguous in the weight where it spans all dimensions after its first one of extent > 1.
bool isContiguous(const WeightBox &box, ArrayRef<int64_t> shape) {
  bool inside = false;
  for (size_t dim = 0; dim < shape.size(); ++dim) {
    if (inside && box.shape[dim] != shape[dim])
      return false;
    inside |= box.shape[dim] > 1;
  }
  return true;
}

struct View {
  int64_t offset, rows, cols, strideRow, strideCol, first;
};

/// A box of a weight that is no matrix, as views with at most two strides each; `first` counts elements. A box that is
/// not contiguous is taken apart along its first dimension.
bool flatten(const WeightBox &box, ArrayRef<int64_t> shape, SmallVectorImpl<View> &views) {
  if (!isContiguous(box, shape)) {
    const size_t dim = llvm::find_if(box.shape, [](int64_t extent) { return extent > 1; }) - box.shape.begin();
    WeightBox part = box;
    part.shape[dim] = 1;
    for (int64_t i = 0; i < box.shape[dim] && views.size() <= mostPieces; ++i) {
      part.first[dim] = box.first[dim] + i;
      part.offset = box.offset + i * box.strides[dim];
      if (!flatten(part, shape, views))
        return false;
    }
    return views.size() <= mostPieces;
  }
  int64_t first = 0;
  for (auto [place, stride] : llvm::zip_equal(box.first, denseStrides(shape)))
    first += place * stride;
  SmallVector<int64_t> extents, strides;
  collapse(box.shape, box.strides, extents, strides);
  while (extents.size() < 2) {
    extents.insert(extents.begin(), 1);
    strides.insert(strides.begin(), strides.empty() ? 1 : extents.back() * strides.back());
  }
  size_t outerDims = extents.size() - 2;
  int64_t rows = extents[outerDims], cols = extents[outerDims + 1], count = 1;
  for (int64_t extent : ArrayRef<int64_t>(extents).take_front(outerDims))
    if (llvm::MulOverflow(count, extent, count) || count > int64_t(mostPieces))
      return false;
  for (int64_t index = 0; index < count; ++index) {
    int64_t rest = index, offset = box.offset;
    for (size_t dim = outerDims; dim-- > 0;) {
      offset += rest % extents[dim] * strides[dim];
      rest /= extents[dim];
    }
    views.push_back({offset, rows, cols, strides[outerDims], strides[outerDims + 1], first + index * rows * cols});
  }
  return true;
}

/// Rows that follow each other in the weight and in the source are one piece.
bool continues(const WeightBox &before, const View &view, const WeightBox &box, const View &next, bool matrix) {
  int64_t end = view.first + (matrix ? view.rows : view.rows * view.cols);
  if (before.parameter != box.parameter || before.constant != box.constant || next.first != end)
    return false;
  if (matrix || view.rows > 1)
    return view.cols == next.cols && view.strideRow == next.strideRow && view.strideCol == next.strideCol &&
           next.offset == view.offset + view.rows * view.strideRow;
  return next.rows == 1 && view.strideCol == next.strideCol && next.offset == view.offset + view.cols * view.strideCol;
}

} // namespace

std::optional<SmallVector<PieceAttr>> piecesOf(WeightLayout layout, bool transposed, MLIRContext *context) {
  if (transposed)
    layout = *ofTranspose(std::move(layout), {1, 0});
  bool matrix = layout.shape.size() == 2;
  std::vector<std::pair<const WeightBox *, View>> parts;
  for (const WeightBox &box : layout.boxes) {
    SmallVector<View> views;
    if (matrix) {
      if (box.shape[1] != layout.shape[1])
        return std::nullopt;
      views.push_back({box.offset, box.shape[0], box.shape[1], box.strides[0], box.strides[1], box.first[0]});
    } else if (!flatten(box, layout.shape, views)) {
      return std::nullopt;
    }
    for (const View &view : views) {
      if (!parts.empty() && continues(*parts.back().first, parts.back().second, box, view, matrix)) {
        View &last = parts.back().second;
        (matrix || last.rows > 1 ? last.rows : last.cols) += matrix || last.rows > 1 ? view.rows : view.cols;
      } else {
        parts.push_back({&box, view});
      }
    }
    if (parts.size() > mostPieces)
      return std::nullopt;
  }
  return llvm::map_to_vector(parts, [&](const auto &part) {
    const auto &[box, view] = part;
    return PieceAttr::get(context, box->parameter, box->constant, view.offset, view.rows, view.cols, view.strideRow,
                          view.strideCol, view.first);
  });
}

std::optional<WeightLayout> layoutOf(Value value) {
  Layout layout = evaluate(value);
  if (!layout || !piecesOf(*layout, false, value.getContext()))
    return std::nullopt;
  return layout;
}

} // namespace attnc
