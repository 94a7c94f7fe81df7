// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Ops that passes make: constraints and result types of attention, of packed rows, group and packed.

#include "ir/Infer.h"

using namespace mlir;
using namespace attnc::attn;

// --- attention -------------------------------------------------------------------------------------------------------

static LogicalResult checkScoreWeight(OptionalLoc loc, AttentionOp::Adaptor op, int64_t headDim) {
  // attention_c4: score_weight is a vector of head_dim.
  if (!op.getScoreWeight() || tensorType(op.getScoreWeight()).getShape() == ArrayRef<int64_t>(headDim))
    return success();
  return inferError<AttentionOp>(loc, "score_weight must be a vector of ", headDim, " elements, but is ",
                                 tensorType(op.getScoreWeight()));
}

static LogicalResult checkNormalizer(OptionalLoc loc, AttentionOp::Adaptor op) {
  // attention_c5: softmax has the factor 1; any other normalizer has a finite factor > 0, fully_masked zero and no
  // log-sum-exp.
  if (op.getNormalizer() == Normalizer::softmax) {
    if (op.getFactor().isExactlyValue(1.0))
      return success();
    return inferError<AttentionOp>(loc, "softmax has no factor, but it is ", op.getFactor().convertToDouble());
  }
  if (isPositiveFinite(op.getFactor()) && op.getFullyMasked() == FullyMasked::zero && !op.getReturnsLogSumExp())
    return success();
  return inferError<AttentionOp>(loc, "normalizer ", stringifyNormalizer(op.getNormalizer()),
                                 " needs a finite factor > 0, fully_masked zero and no log-sum-exp");
}

static LogicalResult checkLiveKeys(OptionalLoc loc, AttentionOp::Adaptor op, int64_t keys) {
  // attention_c6: live_keys is about captures that there are, and about keys that there are.
  std::optional<LiveKeysAttr> live = op.getLiveKeys();
  if (!live)
    return success();
  for (int64_t capture : live->getConstants().asArrayRef())
    if (capture < 0 || capture >= int64_t(op.getCaptures().size()))
      return inferError<AttentionOp>(loc, "live_keys names capture ", capture, " of ", op.getCaptures().size());
  ArrayRef<int64_t> runs = live->getRuns().asArrayRef();
  for (size_t i = 0; i < runs.size(); i += 4)
    if (runs[i + 2] > keys)
      return inferError<AttentionOp>(loc, "live_keys names keys up to ", runs[i + 2], " of ", keys);
  return success();
}

LogicalResult AttentionOp::inferReturnTypes(MLIRContext *, OptionalLoc loc, Adaptor op, InferredTypes &types) {
  RankedTensorType query = tensorType(op.getQuery()), key = tensorType(op.getKey()), value = tensorType(op.getValue());
  int64_t rank = query.getRank();
  // attention_c1: ranks are 3 or 4 and equal; batch and heads agree.
  if ((rank != 3 && rank != 4) || key.getRank() != rank || value.getRank() != rank ||
      query.getShape().drop_back(2) != key.getShape().drop_back(2) ||
      query.getShape().drop_back(2) != value.getShape().drop_back(2))
    return inferError<AttentionOp>(loc, "query, key and value need rank 3 or 4 and the same batch and heads, but are ",
                                   query, ", ", key, " and ", value);
  // attention_c2: query and key have the same head_dim, key and value the same number of keys; only the batch is a
  // run-time extent.
  auto onlyBatchIsDynamic = [&](RankedTensorType type) {
    return !llvm::any_of(type.getShape().take_back(3), ShapedType::isDynamic);
  };
  ArrayRef<int64_t> queryDims = query.getShape().take_back(2), keyDims = key.getShape().take_back(2),
                    valueDims = value.getShape().take_back(2);
  if (queryDims[1] != keyDims[1] || keyDims[0] != valueDims[0] || !onlyBatchIsDynamic(query) ||
      !onlyBatchIsDynamic(key) || !onlyBatchIsDynamic(value))
    return inferError<AttentionOp>(loc,
                                   "query and key need one head_dim, key and value one number of keys, all static, but "
                                   "they are ",
                                   query, ", ", key, " and ", value);
  if (failed(checkScoreWeight(loc, op, keyDims[1])) || failed(checkNormalizer(loc, op)) ||
      failed(checkLiveKeys(loc, op, keyDims[0])))
    return failure();
  SmallVector<int64_t> shape(query.getShape());
  auto addResult = [&](ArrayRef<int64_t> last) {
    shape.truncate(rank - 1);
    llvm::append_range(shape, last);
    (void)inferred(types, shape, query.getElementType());
  };
  addResult(valueDims[1]);
  if (op.getReturnsWeights())
    addResult(keyDims[0]);
  if (op.getReturnsLogSumExp())
    addResult({});
  return success();
}

/// The region's arguments are the dot product or score, four indices and the captures; its ops are arith, math and
/// attn.element.
static LogicalResult verifyScoreRegion(Operation *op, Block &body, ValueRange captures) {
  SmallVector<Type> expected(5, IndexType::get(op->getContext()));
  expected.front() = Float32Type::get(op->getContext());
  llvm::append_range(expected, captures.getTypes());
  if (!llvm::equal(body.getArgumentTypes(), expected, sameIgnoringEncoding))
    return op->emitOpError("region must take (") << expected << "), but takes (" << body.getArgumentTypes() << ")";
  for (Operation &inner : body) {
    if (isa<ElementOp, ScoreOp>(inner) || isa_and_nonnull<arith::ArithDialect, math::MathDialect>(inner.getDialect()))
      continue;
    return inner.emitOpError("is not allowed in the score of ")
           << op->getName() << ": only arith, math and attn.element are";
  }
  return success();
}

LogicalResult AttentionOp::verifyRegions() {
  // attention_c3: the region's arguments are the dot product, four indices and the captures; its ops are arith, math
  // and attn.element.
  return verifyScoreRegion(*this, getScore().front(), getCaptures());
}

LogicalResult ModifyScoresOp::inferReturnTypes(MLIRContext *, OptionalLoc loc, Adaptor op, InferredTypes &types) {
  RankedTensorType scores = tensorType(op.getScores());
  // modify_scores_c1: scores have rank 3 or 4 and no run-time extent but the batch.
  if ((scores.getRank() != 3 && scores.getRank() != 4) ||
      llvm::any_of(scores.getShape().take_back(3), ShapedType::isDynamic))
    return inferError<ModifyScoresOp>(loc,
                                      "needs scores [batch, heads, queries, keys] or [heads, queries, keys], static "
                                      "but for the batch, but they are ",
                                      scores);
  return inferredAs(types, op.getScores());
}

LogicalResult ModifyScoresOp::verifyRegions() {
  // modify_scores_c2: the region's arguments and ops are as attention_c3 says.
  return verifyScoreRegion(*this, getScore().front(), getCaptures());
}

LogicalResult ElementOp::verify() {
  // element_c1: as many indices as the tensor's rank, and the result has the tensor's element type.
  RankedTensorType type = getTensor().getType();
  if (int64_t(getIndices().size()) != type.getRank() || getType() != type.getElementType())
    return emitOpError("needs ") << type.getRank() << " indices and the result " << type.getElementType()
                                 << ", but has " << getIndices().size() << " and " << getType();
  return success();
}

// --- packed rows -----------------------------------------------------------------------------------------------------

LogicalResult TokenRowsOp::inferReturnTypes(MLIRContext *context, OptionalLoc loc, Adaptor op, InferredTypes &types) {
  RankedTensorType lengths = tensorType(op.getLengths());
  int64_t size = op.getSize();
  // token_rows_c1: lengths has rank 1. token_rows_c2: size >= 1.
  if (failed(checkLengths<TokenRowsOp>(loc, lengths, size)))
    return failure();
  int64_t batch = lengths.getDimSize(0);
  (void)inferred(types, {batch, size}, lengths.getElementType(), PackedRowsAttr::get(context, op.getNumber()));
  (void)inferred(types, {batch, 2}, lengths.getElementType());
  return inferred(types, {}, lengths.getElementType());
}

static bool areSpans(Value spans, int64_t batch) {
  return tensorType(spans).getShape() == ArrayRef({batch, int64_t(2)});
}

LogicalResult PackRowsOp::inferReturnTypes(MLIRContext *, OptionalLoc loc, Adaptor op, InferredTypes &types) {
  RankedTensorType input = tensorType(op.getInput()), rows = tensorType(op.getRows());
  // pack_rows_c1: rows is i32 [batch, size] with packed rows, and the input begins with these extents.
  if (rows.getRank() != 2 || !packingOf(rows) || input.getRank() < 2 ||
      input.getShape().take_front(2) != rows.getShape())
    return inferError<PackRowsOp>(loc, "rows must be packed and have the first two extents of the input, but they are ",
                                  rows, " for ", input);
  // pack_rows_c2: spans is i32 [batch, 2].
  if (!areSpans(op.getSpans(), rows.getDimSize(0)))
    return inferError<PackRowsOp>(loc, "spans must be [batch, 2], but is ", tensorType(op.getSpans()));
  return inferred(types, input.getShape(), input.getElementType(), packingOf(rows));
}

LogicalResult UnpackRowsOp::inferReturnTypes(MLIRContext *, OptionalLoc loc, Adaptor op, InferredTypes &types) {
  RankedTensorType input = tensorType(op.getInput());
  // unpack_rows_c1: the input has packed rows and rank >= 2.
  if (!packingOf(input) || input.getRank() < 2)
    return inferError<UnpackRowsOp>(loc, "input must have packed rows and rank >= 2, but is ", input);
  // unpack_rows_c2: spans is i32 [batch, 2].
  if (!areSpans(op.getSpans(), input.getDimSize(0)))
    return inferError<UnpackRowsOp>(loc, "spans must be [batch, 2], but is ", tensorType(op.getSpans()));
  return inferred(types, input.getShape(), input.getElementType());
}

// --- group -----------------------------------------------------------------------------------------------------------

LogicalResult GroupOp::verifyRegions() {
  // group_c1: block arguments have the inputs' types, the yielded values the results' types.
  Block &body = getBody().front();
  if (!llvm::equal(body.getArgumentTypes(), getInputs().getTypes(), sameIgnoringEncoding))
    return emitOpError("block arguments (")
           << body.getArgumentTypes() << ") differ from the inputs (" << getInputs().getTypes() << ")";
  auto yield = dyn_cast<YieldOp>(body.back());
  if (!yield)
    return emitOpError("body must end in attn.yield");
  if (!llvm::equal(yield.getValues().getTypes(), getResultTypes(), sameIgnoringEncoding))
    return emitOpError("yields (") << yield.getValues().getTypes() << "), but its results are (" << getResultTypes()
                                   << ")";
  return success();
}

// --- packed ----------------------------------------------------------------------------------------------------------

/// Where a piece lands, as a range of the packed weight's rows (rank 2) or elements (any other rank); nothing where it
/// does not fit into `cols` columns or its numbers make no sense.
static std::optional<std::pair<int64_t, int64_t>> pieceRange(PieceAttr piece, RankedTensorType type) {
  bool matrix = type.getRank() == 2;
  int64_t total = matrix ? type.getDimSize(0) : type.getNumElements();
  if (piece.getRows() < 1 || piece.getCols() < 1 || piece.getOffset() < 0 || piece.getFirst() < 0 ||
      (matrix && piece.getCols() != type.getDimSize(1)))
    return std::nullopt;
  std::optional<int64_t> size = matrix ? piece.getRows() : productOfStatic({piece.getRows(), piece.getCols()});
  if (!size || *size > total || piece.getFirst() > total - *size)
    return std::nullopt;
  return std::make_pair(piece.getFirst(), piece.getFirst() + *size);
}

LogicalResult PackedOp::verify() {
  RankedTensorType type = getType();
  // packed_c1: a static f32 tensor, at an offset >= 0 that is a multiple of 64.
  if (!type.hasStaticShape())
    return emitOpError("result must be static, but is ") << type;
  if (int64_t(getOffset()) < 0 || getOffset() % 64 != 0)
    return emitOpError("offset must be >= 0 and a multiple of 64, but is ") << int64_t(getOffset());
  // packed_c2: pieces cover its elements exactly once.
  SmallVector<std::pair<int64_t, int64_t>> ranges;
  for (Attribute attribute : getPieces()) {
    auto piece = dyn_cast<PieceAttr>(attribute);
    auto range = piece ? pieceRange(piece, type) : std::nullopt;
    if (!range)
      return emitOpError("has a piece that does not lie in ") << type << ": " << attribute;
    ranges.push_back(*range);
  }
  llvm::sort(ranges);
  int64_t covered = 0;
  for (auto [first, end] : ranges) {
    if (first != covered)
      return emitOpError("pieces must cover each row once, but those up to ")
             << covered << " are followed by " << first;
    covered = end;
  }
  int64_t total = type.getRank() == 2 ? type.getDimSize(0) : type.getNumElements();
  if (covered != total)
    return emitOpError("pieces must cover ") << total << " rows, but cover " << covered;
  // packed_c3: a balance goes with the encoding of int8 panels and is a vector of f32, one for each k.
  if (std::optional<Attribute> balance = getBalance()) {
    auto panels = dyn_cast_if_present<PanelsAttr>(type.getEncoding());
    auto values = dyn_cast<DenseElementsAttr>(*balance);
    if (!panels || panels.getPrecision() != Precision::int8 || !values || !values.getElementType().isF32() ||
        values.getType().getShape() != ArrayRef(type.getDimSize(1)))
      return emitOpError("a balance goes with int8 panels, one f32 for each k, but is ")
             << *balance << " with a result " << type;
  }
  return success();
}
