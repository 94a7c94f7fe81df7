// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Ops that move elements and compute nothing: constraints, result types and folders.

#include "ir/Infer.h"

#include "llvm/Support/CheckedArithmetic.h"

using namespace mlir;
using namespace attnc::attn;

// --- heads -----------------------------------------------------------------------------------------------------------

LogicalResult SplitHeadsOp::inferReturnTypes(MLIRContext *, OptionalLoc loc, Adaptor op, InferredTypes &types) {
  RankedTensorType input = tensorType(op.getInput());
  int64_t heads = op.getHeads();
  // split_heads_c1: rank >= 2 and a static last extent.
  if (input.getRank() < 2 || ShapedType::isDynamic(input.getShape().back()))
    return inferError<SplitHeadsOp>(loc, "needs rank >= 2 and a static last extent, but its operand is ", input);
  int64_t embed = input.getShape().back();
  // split_heads_c2: heads >= 1 divides the last extent.
  if (heads < 1 || embed % heads != 0)
    return inferError<SplitHeadsOp>(loc, "heads must divide the last extent ", embed, ", but is ", heads);
  SmallVector<int64_t> shape(input.getShape().drop_back(2));
  shape.append({heads, input.getShape().take_back(2)[0], embed / heads});
  return inferred(types, shape, input.getElementType());
}

LogicalResult MergeHeadsOp::inferReturnTypes(MLIRContext *, OptionalLoc loc, Adaptor op, InferredTypes &types) {
  RankedTensorType input = tensorType(op.getInput());
  // merge_heads_c1: rank >= 3 and static heads and head_dim.
  ArrayRef<int64_t> last = input.getShape().take_back(std::min<int64_t>(3, input.getRank()));
  if (last.size() < 3 || ShapedType::isDynamic(last[0]) || ShapedType::isDynamic(last[2]))
    return inferError<MergeHeadsOp>(loc, "needs rank >= 3 and static heads and head_dim, but its operand is ", input);
  std::optional<int64_t> embed = llvm::checkedMul(last[0], last[2]);
  if (!embed)
    return inferError<MergeHeadsOp>(loc, "heads times head_dim overflows in ", input);
  SmallVector<int64_t> shape(input.getShape().drop_back(3));
  shape.append({last[1], *embed});
  return inferred(types, shape, input.getElementType());
}

// --- transpose -------------------------------------------------------------------------------------------------------

static bool isPermutation(ArrayRef<int64_t> permutation, int64_t rank) {
  SmallVector<int64_t> sorted(permutation);
  llvm::sort(sorted);
  return llvm::equal(sorted, llvm::seq<int64_t>(0, rank));
}

LogicalResult TransposeOp::inferReturnTypes(MLIRContext *, OptionalLoc loc, Adaptor op, InferredTypes &types) {
  RankedTensorType input = tensorType(op.getInput());
  // transpose_c1: permutation is one of 0..rank-1.
  if (!isPermutation(op.getPermutation(), input.getRank()))
    return inferError<TransposeOp>(loc, "permutation [", op.getPermutation(), "] is not one of 0..",
                                   input.getRank() - 1, ", the dimensions of ", input);
  SmallVector<int64_t> shape;
  for (int64_t dim : op.getPermutation())
    shape.push_back(input.getDimSize(dim));
  return inferred(types, shape, input.getElementType());
}

OpFoldResult TransposeOp::fold(FoldAdaptor) {
  if (llvm::is_sorted(getPermutation()) && getInput().getType() == getType())
    return getInput();
  auto producer = getInput().getDefiningOp<TransposeOp>();
  if (!producer)
    return {};
  SmallVector<int64_t> composed;
  for (int64_t dim : getPermutation())
    composed.push_back(producer.getPermutation()[dim]);
  setPermutation(composed);
  setOperand(producer.getInput());
  return getResult();
}

// --- reshape ---------------------------------------------------------------------------------------------------------

LogicalResult ReshapeOp::verify() {
  RankedTensorType input = getInput().getType(), result = getType();
  // reshape_c1: element type and number of elements are the same.
  if (input.getElementType() != result.getElementType() ||
      productOfStatic(input.getShape()) != productOfStatic(result.getShape()))
    return emitOpError("must keep the element type and the number of elements, but turns ")
           << input << " into " << result;
  // reshape_c2: a run-time batch is the first extent of both shapes, or of neither.
  auto batchIsFirst = [](RankedTensorType type) { return type.getRank() > 0 && type.isDynamicDim(0); };
  if (input.hasStaticShape() != result.hasStaticShape() ||
      (!input.hasStaticShape() && !(batchIsFirst(input) && batchIsFirst(result))))
    return emitOpError("a run-time extent must be the first of both shapes, but it turns ")
           << input << " into " << result;
  return success();
}

OpFoldResult ReshapeOp::fold(FoldAdaptor) {
  if (getInput().getType() == getType())
    return getInput();
  auto producer = getInput().getDefiningOp<ReshapeOp>();
  if (!producer)
    return {};
  setOperand(producer.getInput());
  return getResult();
}

// --- broadcast -------------------------------------------------------------------------------------------------------

LogicalResult BroadcastOp::verify() {
  RankedTensorType input = getInput().getType(), result = getType();
  // broadcast_c1: the element type stays, and the input's shape broadcasts to the result's.
  auto shape = broadcastShapes(input.getShape(), result.getShape());
  if (input.getElementType() != result.getElementType() || !shape || ArrayRef<int64_t>(*shape) != result.getShape())
    return emitOpError("cannot repeat ") << input << " to " << result;
  return success();
}

OpFoldResult BroadcastOp::fold(FoldAdaptor) {
  return getInput().getType() == getType() ? OpFoldResult(getInput()) : OpFoldResult();
}

// --- slice -----------------------------------------------------------------------------------------------------------

LogicalResult SliceOp::inferReturnTypes(MLIRContext *, OptionalLoc loc, Adaptor op, InferredTypes &types) {
  RankedTensorType input = tensorType(op.getInput());
  int64_t axis = op.getAxis(), start = op.getStart(), size = op.getSize();
  // slice_c1: axis is in [0, rank) and its extent is static.
  if (axis < 0 || axis >= input.getRank() || input.isDynamicDim(axis))
    return inferError<SliceOp>(loc, "axis ", axis, " is not a static dimension of its operand ", input);
  // slice_c2: start >= 0, size >= 1 and start + size <= extent.
  int64_t extent = input.getDimSize(axis);
  if (start < 0 || size < 1 || start > extent || size > extent - start)
    return inferError<SliceOp>(loc, "start ", start, " and size ", size, " do not lie in the extent ", extent);
  // slice_c3: of packed rows the axis is not one of the first two, which number them.
  if (packingOf(input) && axis < 2)
    return inferError<SliceOp>(loc, "axis ", axis, " of ", input, " numbers packed rows");
  SmallVector<int64_t> shape(input.getShape());
  shape[axis] = size;
  return inferred(types, shape, input.getElementType(), packingOf(input));
}

/// The input of `concat` that is exactly the elements [start, start + size) along its axis.
static Value inputAt(ConcatOp concat, int64_t start, int64_t size) {
  int64_t first = 0;
  for (Value input : concat.getInputs()) {
    int64_t extent = tensorType(input).getDimSize(concat.getAxis());
    if (first == start && extent == size)
      return input;
    first += extent;
  }
  return nullptr;
}

OpFoldResult SliceOp::fold(FoldAdaptor) {
  if (getInput().getType() == getType())
    return getInput();
  if (auto concat = getInput().getDefiningOp<ConcatOp>(); concat && concat.getAxis() == getAxis()) {
    Value input = inputAt(concat, getStart(), getSize());
    return input && input.getType() == getType() ? input : OpFoldResult();
  }
  auto producer = getInput().getDefiningOp<SliceOp>();
  if (!producer || producer.getAxis() != getAxis())
    return {};
  setStart(producer.getStart() + getStart());
  setOperand(producer.getInput());
  return getResult();
}

// --- concat ----------------------------------------------------------------------------------------------------------

LogicalResult ConcatOp::inferReturnTypes(MLIRContext *, OptionalLoc loc, Adaptor op, InferredTypes &types) {
  int64_t axis = op.getAxis();
  // concat_c1: at least one input, all of one element type and rank; axis is in [0, rank).
  if (op.getInputs().empty())
    return inferError<ConcatOp>(loc, "needs at least one input");
  RankedTensorType first = tensorType(op.getInputs().front());
  if (axis < 0 || axis >= first.getRank())
    return inferError<ConcatOp>(loc, "axis ", axis, " is not a dimension of ", first);
  SmallVector<int64_t> shape(first.getShape());
  shape[axis] = 0;
  for (Value input : op.getInputs()) {
    RankedTensorType type = tensorType(input);
    if (type.getElementType() != first.getElementType() || type.getRank() != first.getRank())
      return inferError<ConcatOp>(loc, "inputs differ in element type or rank: ", first, " and ", type);
    // concat_c2: all extents but those along the axis are equal; those along the axis are static.
    SmallVector<int64_t> expected(first.getShape());
    expected[axis] = type.getDimSize(axis);
    if (type.isDynamicDim(axis) || type.getShape() != ArrayRef<int64_t>(expected))
      return inferError<ConcatOp>(loc, "inputs must agree but for a static axis ", axis, ": ", first, " and ", type);
    std::optional<int64_t> sum = llvm::checkedAdd(shape[axis], type.getDimSize(axis));
    if (!sum)
      return inferError<ConcatOp>(loc, "the extent along axis ", axis, " overflows");
    shape[axis] = *sum;
  }
  return inferred(types, shape, first.getElementType());
}

LogicalResult AppendOp::inferReturnTypes(MLIRContext *, OptionalLoc loc, Adaptor op, InferredTypes &types) {
  RankedTensorType cache = tensorType(op.getCache()), position = tensorType(op.getPosition());
  // append_c1: cache has rank 4, and only its batch may be a run-time extent.
  if (cache.getRank() != 4 || llvm::any_of(cache.getShape().drop_front(), ShapedType::isDynamic))
    return inferError<AppendOp>(loc, "cache must be [batch, slots, capacity, width], but is ", cache);
  // append_c2: there are rows; all have rank 4, the cache's batch and width, and one static size in [1, capacity].
  if (op.getRows().empty())
    return inferError<AppendOp>(loc, "needs rows to append");
  ArrayRef<int64_t> extents = cache.getShape(), first = tensorType(op.getRows().front()).getShape();
  int64_t free = int64_t(op.getStart()) < 0 ? 0 : extents[1] - int64_t(op.getStart());
  for (Value rows : op.getRows()) {
    ArrayRef<int64_t> shape = tensorType(rows).getShape();
    if (shape.size() != 4 || shape[0] != extents[0] || shape[3] != extents[3] || shape[2] != first[2] || shape[2] < 1 ||
        shape[2] > extents[2])
      return inferError<AppendOp>(loc, "rows must be [batch, heads, size, width] of ", cache, ", but are ",
                                  tensorType(rows));
    // append_c3: start >= 0, and the heads of all rows fit into the slots from there on.
    if (int64_t(op.getStart()) < 0 || ShapedType::isDynamic(shape[1]) || shape[1] > free)
      return inferError<AppendOp>(loc, "rows from slot ", int64_t(op.getStart()), " on do not fit into ", cache);
    free -= shape[1];
  }
  // append_c4: position is a vector of the batch.
  if (position.getShape() != extents.take_front(1))
    return inferError<AppendOp>(loc, "position must be a vector of the batch, but is ", position);
  return inferredAs(types, op.getCache());
}

/// The tensor that the inputs of `concat`, adjacent slices of it along the axis, cover from its first element to its
/// last.
static Value coveredTensor(ConcatOp concat) {
  Value tensor;
  int64_t next = 0;
  for (Value input : concat.getInputs()) {
    auto slice = input.getDefiningOp<SliceOp>();
    if (!slice || slice.getAxis() != concat.getAxis() || (tensor && tensor != slice.getInput()) ||
        int64_t(slice.getStart()) != next)
      return nullptr;
    tensor = slice.getInput();
    next += slice.getSize();
  }
  return tensor && tensor.getType() == concat.getType() ? tensor : nullptr;
}

OpFoldResult ConcatOp::fold(FoldAdaptor) {
  if (getInputs().size() == 1 && getInputs().front().getType() == getType())
    return getInputs().front();
  if (Value tensor = coveredTensor(*this))
    return tensor;
  return {};
}
