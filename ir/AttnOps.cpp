// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Weights, contractions, elementwise ops and rows: constraints (each under its label of docs/OPS.md) and result types.

#include "ir/Infer.h"

#include <cmath>

using namespace mlir;
using namespace attnc::attn;

// --- weights ---------------------------------------------------------------------------------------------------------

LogicalResult ParameterOp::verify() {
  // parameter_c1: the type is a static f32 tensor.
  auto type = cast<RankedTensorType>(getType());
  if (!type.hasStaticShape() || type.getEncoding())
    return emitOpError("type must be a static tensor without an encoding, but is ") << type;
  return success();
}

LogicalResult WeightOp::verifySymbolUses(SymbolTableCollection &symbols) {
  // weight_c1: names a parameter of the result's type.
  auto parameter = symbols.lookupNearestSymbolFrom<ParameterOp>(*this, getParameterAttr());
  if (!parameter)
    return emitOpError("'") << getParameter() << "' is not an attn.parameter of this module";
  if (!sameIgnoringEncoding(parameter.getType(), getType()))
    return emitOpError("result type ") << getType() << " differs from the parameter's type " << parameter.getType();
  return success();
}

LogicalResult ConstantOp::verify() {
  // constant_c1: the value is a static tensor of the result's type.
  if (!isa<DenseElementsAttr>(getValue()) || !getType().hasStaticShape())
    return emitOpError("value must be a dense tensor whose elements are in the IR");
  return success();
}

OpFoldResult ConstantOp::fold(FoldAdaptor) { return getValue(); }

// --- rows as a whole -------------------------------------------------------------------------------------------------

template <typename OpTy> static LogicalResult checkPackedRows(OptionalLoc loc, RankedTensorType type) {
  // packed_rows_c3: where a row is taken as a whole, packed rows have rank >= 3.
  if (packingOf(type) && type.getRank() < 3)
    return inferError<OpTy>(loc, "packed rows need rank >= 3 to be taken as a whole, but are ", type);
  return success();
}

// --- contractions ----------------------------------------------------------------------------------------------------

/// The common leading extents and the rows of a matmul's result.
static LogicalResult checkMatmulLeading(OptionalLoc loc, RankedTensorType lhs, RankedTensorType rhs) {
  // matmul_c3: rhs has rank 2, or the rank of lhs and the same leading extents.
  if (rhs.getRank() == 2)
    return success();
  if (rhs.getRank() != lhs.getRank() || lhs.getShape().drop_back(2) != rhs.getShape().drop_back(2))
    return inferError<MatmulOp>(loc, "rhs must have rank 2 or the leading extents of lhs, but lhs is ", lhs,
                                " and rhs is ", rhs);
  return success();
}

/// The layout of the rhs and what the operands are rounded to.
static LogicalResult checkMatmulPrecision(OptionalLoc loc, MatmulOp::Adaptor op, int64_t contracted) {
  RankedTensorType rhs = tensorType(op.getRhs());
  // matmul_c4: an rhs with the encoding #attn.panels has rank 2, transpose_rhs, and the encoding's precision.
  if (rhs.getEncoding() && (rhs.getRank() != 2 || !op.getTransposeRhs()))
    return inferError<MatmulOp>(loc, "rhs with an encoding needs rank 2 and transpose_rhs, but is ", rhs);
  auto panels = dyn_cast_if_present<PanelsAttr>(rhs.getEncoding());
  if (panels && panels.getPrecision() != op.getPrecision())
    return inferError<MatmulOp>(loc, "precision is ", stringifyPrecision(op.getPrecision()), ", but rhs is ", rhs);
  // matmul_c5: a precision other than f32 needs an rhs of rank 2; int8 needs k <= 65536.
  if (op.getPrecision() != Precision::f32 && rhs.getRank() != 2)
    return inferError<MatmulOp>(loc, "precision ", stringifyPrecision(op.getPrecision()),
                                " needs an rhs of rank 2, but it is ", rhs);
  if (op.getPrecision() == Precision::int8 && contracted > MatmulOp::mostInt8Terms)
    return inferError<MatmulOp>(loc, "int8 sums at most ", MatmulOp::mostInt8Terms, " products, but there are ",
                                contracted);
  // matmul_c7: a balance needs the precision int8 and is a vector of the contracted extent.
  if (Value balance = op.getBalance();
      balance && (op.getPrecision() != Precision::int8 || tensorType(balance).getShape() != ArrayRef(contracted)))
    return inferError<MatmulOp>(loc, "a balance needs the precision int8 and ", contracted,
                                " elements, but the precision is ", stringifyPrecision(op.getPrecision()),
                                " and the balance ", balance.getType());
  return success();
}

LogicalResult MatmulOp::inferReturnTypes(MLIRContext *, OptionalLoc loc, Adaptor op, InferredTypes &types) {
  RankedTensorType lhs = tensorType(op.getLhs()), rhs = tensorType(op.getRhs());
  // matmul_c1: lhs has rank >= 1 and rhs rank >= 2.
  if (lhs.getRank() < 1 || rhs.getRank() < 2)
    return inferError<MatmulOp>(loc, "lhs needs rank >= 1 and rhs rank >= 2, but lhs is ", lhs, " and rhs is ", rhs);
  if (failed(checkMatmulLeading(loc, lhs, rhs)) || failed(checkPackedRows<MatmulOp>(loc, lhs)))
    return failure();
  ArrayRef<int64_t> matrix = rhs.getShape().take_back(2);
  int64_t contracted = op.getTransposeRhs() ? matrix[1] : matrix[0];
  int64_t cols = op.getTransposeRhs() ? matrix[0] : matrix[1];
  // matmul_c2: the contracted extents are static and equal.
  if (ShapedType::isDynamic(contracted) || lhs.getShape().back() != contracted)
    return inferError<MatmulOp>(loc, "contracted extents must be static and equal, but lhs ", lhs, " and rhs ", rhs,
                                op.getTransposeRhs() ? " (transpose_rhs)" : "",
                                " contract the last extent of lhs with ",
                                op.getTransposeRhs() ? "the last" : "the one before the last", " of rhs");
  if (failed(checkMatmulPrecision(loc, op, contracted)))
    return failure();
  // matmul_c6: packed rows of lhs go with an rhs of rank 2.
  if (packingOf(lhs) && rhs.getRank() != 2)
    return inferError<MatmulOp>(loc, "packed rows of lhs need an rhs of rank 2, but it is ", rhs);
  SmallVector<int64_t> shape(lhs.getShape().drop_back());
  shape.push_back(cols);
  return inferred(types, shape, lhs.getElementType(), packingOf(lhs));
}

LogicalResult AdditiveScoreOp::inferReturnTypes(MLIRContext *, OptionalLoc loc, Adaptor op, InferredTypes &types) {
  RankedTensorType query = tensorType(op.getQuery()), key = tensorType(op.getKey()),
                   weight = tensorType(op.getWeight());
  int64_t rank = query.getRank();
  // additive_score_c1: query and key have the same rank >= 2, leading extents and width; the width is static.
  if (rank < 2 || key.getRank() != rank || query.getShape().drop_back(2) != key.getShape().drop_back(2) ||
      query.getShape().back() != key.getShape().back() || query.isDynamicDim(rank - 1))
    return inferError<AdditiveScoreOp>(
        loc, "query and key need one rank >= 2, the same leading extents and one static width, but are ", query,
        " and ", key);
  // additive_score_c2: weight is a vector of the width.
  if (weight.getRank() != 1 || weight.getShape()[0] != query.getShape().back())
    return inferError<AdditiveScoreOp>(loc, "weight must be a vector of ", query.getShape().back(),
                                       " elements, but is ", weight);
  SmallVector<int64_t> shape(query.getShape().drop_back());
  shape.push_back(key.getShape()[rank - 2]);
  return inferred(types, shape, query.getElementType());
}

// --- element by element ----------------------------------------------------------------------------------------------

/// May `other` be combined with packed rows of this type, element by element?
static bool goesWithPackedRows(RankedTensorType other, RankedTensorType packed) {
  if (packingOf(other))
    return other == packed;
  // The first two extents of `packed` number its rows.
  int64_t forEachRow = other.getRank() - (packed.getRank() - 2);
  return forEachRow <= 0 || (forEachRow <= 2 && llvm::all_of(other.getShape().take_front(forEachRow),
                                                             [](int64_t extent) { return extent == 1; }));
}

// add_c1, sub_c1, mul_c1, div_c1: the shapes broadcast.
template <typename OpTy>
static LogicalResult inferBinary(OptionalLoc loc, typename OpTy::Adaptor op, InferredTypes &types) {
  RankedTensorType lhs = tensorType(op.getLhs()), rhs = tensorType(op.getRhs());
  std::optional<SmallVector<int64_t>> shape = broadcastShapes(lhs.getShape(), rhs.getShape());
  if (!shape || !isModelShape(*shape))
    return inferError<OpTy>(loc, "shapes do not broadcast: ", lhs, " and ", rhs);
  // packed_rows_c2: operands with packed rows have one shape and number, and another operand is the same for all rows.
  if ((packingOf(lhs) && !goesWithPackedRows(rhs, lhs)) || (packingOf(rhs) && !goesWithPackedRows(lhs, rhs)))
    return inferError<OpTy>(loc,
                            "packed rows go with packed rows of their own number and shape, and with what is the "
                            "same for all rows, but they are ",
                            lhs, " and ", rhs);
  return inferred(types, *shape, lhs.getElementType(), packingOf(packingOf(lhs) ? lhs : rhs));
}

LogicalResult AddOp::inferReturnTypes(MLIRContext *, OptionalLoc loc, Adaptor op, InferredTypes &types) {
  return inferBinary<AddOp>(loc, op, types);
}
LogicalResult SubOp::inferReturnTypes(MLIRContext *, OptionalLoc loc, Adaptor op, InferredTypes &types) {
  return inferBinary<SubOp>(loc, op, types);
}
LogicalResult MulOp::inferReturnTypes(MLIRContext *, OptionalLoc loc, Adaptor op, InferredTypes &types) {
  return inferBinary<MulOp>(loc, op, types);
}
LogicalResult DivOp::inferReturnTypes(MLIRContext *, OptionalLoc loc, Adaptor op, InferredTypes &types) {
  return inferBinary<DivOp>(loc, op, types);
}

LogicalResult ScaleOp::inferReturnTypes(MLIRContext *, OptionalLoc, Adaptor op, InferredTypes &types) {
  return inferredAs(types, op.getInput());
}

OpFoldResult ScaleOp::fold(FoldAdaptor) {
  if (getFactor().isExactlyValue(1.0) && getInput().getType() == getType())
    return getInput();
  auto producer = getInput().getDefiningOp<ScaleOp>();
  if (!producer)
    return {};
  APFloat factor = producer.getFactor();
  factor.multiply(getFactor(), APFloat::rmNearestTiesToEven);
  // A product that overflows or vanishes is not what the two steps compute.
  if (!factor.isNormal())
    return {};
  setFactor(factor);
  setOperand(producer.getInput());
  return getResult();
}

LogicalResult ActivationOp::inferReturnTypes(MLIRContext *, OptionalLoc, Adaptor op, InferredTypes &types) {
  return inferredAs(types, op.getInput());
}

LogicalResult IsZeroOp::inferReturnTypes(MLIRContext *context, OptionalLoc, Adaptor op, InferredTypes &types) {
  return inferred(types, tensorType(op.getInput()).getShape(), IntegerType::get(context, 1));
}

LogicalResult PaddingMaskOp::inferReturnTypes(MLIRContext *context, OptionalLoc loc, Adaptor op, InferredTypes &types) {
  RankedTensorType lengths = tensorType(op.getLengths());
  int64_t size = op.getSize();
  // padding_mask_c1: lengths has rank 1. padding_mask_c2: size >= 1.
  if (failed(checkLengths<PaddingMaskOp>(loc, lengths, size)))
    return failure();
  return inferred(types, {lengths.getDimSize(0), size}, IntegerType::get(context, 1));
}

LogicalResult MaskOp::inferReturnTypes(MLIRContext *, OptionalLoc loc, Adaptor op, InferredTypes &types) {
  RankedTensorType input = tensorType(op.getInput()), blocked = tensorType(op.getBlocked());
  // mask_c1: blocked broadcasts to the input's shape.
  std::optional<SmallVector<int64_t>> shape = broadcastShapes(input.getShape(), blocked.getShape());
  if (!shape || ArrayRef<int64_t>(*shape) != input.getShape())
    return inferError<MaskOp>(loc, "blocked ", blocked, " does not broadcast to the input's shape ", input);
  return inferredAs(types, op.getInput());
}

LogicalResult ScoreWeightsOp::inferReturnTypes(MLIRContext *, OptionalLoc loc, Adaptor op, InferredTypes &types) {
  // score_weights_c1: the kind is relu, sigmoid or identity.
  if (op.getKind() == Normalizer::softmax)
    return inferError<ScoreWeightsOp>(loc, "kind must be relu, sigmoid or identity; softmax is attn.softmax");
  // score_weights_c2: factor is finite and > 0.
  if (!isPositiveFinite(op.getFactor()))
    return inferError<ScoreWeightsOp>(loc, "factor must be finite and > 0, but is ", op.getFactor().convertToDouble());
  return inferredAs(types, op.getScores());
}

// --- rows ------------------------------------------------------------------------------------------------------------

LogicalResult SoftmaxOp::inferReturnTypes(MLIRContext *, OptionalLoc loc, Adaptor op, InferredTypes &types) {
  RankedTensorType input = tensorType(op.getInput());
  int64_t axis = op.getAxis();
  // softmax_c1: axis is in [0, rank).
  if (axis < 0 || axis >= input.getRank())
    return inferError<SoftmaxOp>(loc, "axis ", axis, " is not a dimension of its operand ", input);
  // softmax_c2: the extent along the axis is static.
  if (input.isDynamicDim(axis))
    return inferError<SoftmaxOp>(loc, "the extent along axis ", axis, " must be static, but the operand is ", input);
  return inferredAs(types, op.getInput());
}

template <typename OpTy> static LogicalResult checkRow(OptionalLoc loc, Value input) {
  // log_sum_exp_c1, layernorm_c1, rmsnorm_c1, l2norm_c1: rank >= 1 and a static last extent.
  RankedTensorType type = tensorType(input);
  if (type.getRank() < 1 || type.isDynamicDim(type.getRank() - 1))
    return inferError<OpTy>(loc, "needs rank >= 1 and a static last extent, but its operand is ", type);
  return checkPackedRows<OpTy>(loc, type);
}

template <typename OpTy>
static LogicalResult checkRowVector(OptionalLoc loc, StringRef role, Value vector, Value input) {
  // layernorm_c2, rmsnorm_c2: weight and bias are vectors of the last extent.
  if (!vector)
    return success();
  RankedTensorType type = tensorType(vector);
  int64_t extent = tensorType(input).getShape().back();
  if (type.getRank() != 1 || type.getShape()[0] != extent)
    return inferError<OpTy>(loc, role, " must be a vector of ", extent, " elements, but is ", type);
  return success();
}

template <typename OpTy> static LogicalResult checkEps(OptionalLoc loc, const APFloat &eps) {
  // layernorm_c3, rmsnorm_c3, l2norm_c2: eps >= 0 and finite.
  if (!eps.isFinite() || (eps.isNegative() && !eps.isZero()))
    return inferError<OpTy>(loc, "eps must be finite and >= 0, but is ", eps.convertToDouble());
  return success();
}

LogicalResult LogSumExpOp::inferReturnTypes(MLIRContext *, OptionalLoc loc, Adaptor op, InferredTypes &types) {
  if (failed(checkRow<LogSumExpOp>(loc, op.getInput())))
    return failure();
  RankedTensorType input = tensorType(op.getInput());
  return inferred(types, input.getShape().drop_back(), input.getElementType());
}

LogicalResult LayerNormOp::inferReturnTypes(MLIRContext *, OptionalLoc loc, Adaptor op, InferredTypes &types) {
  if (failed(checkRow<LayerNormOp>(loc, op.getInput())) ||
      failed(checkRowVector<LayerNormOp>(loc, "weight", op.getWeight(), op.getInput())) ||
      failed(checkRowVector<LayerNormOp>(loc, "bias", op.getBias(), op.getInput())) ||
      failed(checkEps<LayerNormOp>(loc, op.getEps())))
    return failure();
  return inferredAs(types, op.getInput());
}

LogicalResult RMSNormOp::inferReturnTypes(MLIRContext *, OptionalLoc loc, Adaptor op, InferredTypes &types) {
  if (failed(checkRow<RMSNormOp>(loc, op.getInput())) ||
      failed(checkRowVector<RMSNormOp>(loc, "weight", op.getWeight(), op.getInput())) ||
      failed(checkEps<RMSNormOp>(loc, op.getEps())))
    return failure();
  return inferredAs(types, op.getInput());
}

LogicalResult L2NormOp::inferReturnTypes(MLIRContext *, OptionalLoc loc, Adaptor op, InferredTypes &types) {
  if (failed(checkRow<L2NormOp>(loc, op.getInput())) || failed(checkEps<L2NormOp>(loc, op.getEps())))
    return failure();
  return inferredAs(types, op.getInput());
}

LogicalResult RotaryOp::inferReturnTypes(MLIRContext *, OptionalLoc loc, Adaptor op, InferredTypes &types) {
  RankedTensorType input = tensorType(op.getInput());
  // rotary_c1: rank >= 2, static seq and head_dim, and head_dim is even.
  if (input.getRank() < 2 || llvm::any_of(input.getShape().take_back(2), ShapedType::isDynamic) ||
      input.getShape().back() % 2 != 0)
    return inferError<RotaryOp>(loc, "needs rank >= 2, a static sequence and an even head_dim, but its operand is ",
                                input);
  // rotary_c2: cos and sin are [seq, head_dim/2].
  int64_t table[] = {input.getShape().take_back(2)[0], input.getShape().back() / 2};
  for (Value angles : {op.getCos(), op.getSin()})
    if (tensorType(angles).getShape() != ArrayRef<int64_t>(table))
      return inferError<RotaryOp>(loc, "cos and sin must be [seq, head_dim/2], but one is ", tensorType(angles),
                                  " for ", input);
  return inferredAs(types, op.getInput());
}

LogicalResult MeanOp::inferReturnTypes(MLIRContext *, OptionalLoc loc, Adaptor op, InferredTypes &types) {
  RankedTensorType input = tensorType(op.getInput());
  int64_t axis = op.getAxis();
  // mean_c1: axis is in [0, rank) and its extent is static and >= 1.
  if (axis < 0 || axis >= input.getRank() || input.getDimSize(axis) < 1)
    return inferError<MeanOp>(loc, "axis ", axis, " is not a static dimension >= 1 of its operand ", input);
  SmallVector<int64_t> shape(input.getShape());
  shape.erase(shape.begin() + axis);
  return inferred(types, shape, input.getElementType());
}

LogicalResult PoolOp::inferReturnTypes(MLIRContext *, OptionalLoc loc, Adaptor op, InferredTypes &types) {
  RankedTensorType input = tensorType(op.getInput());
  // pool_c1: rank >= 2 and a static sequence extent >= 1.
  if (input.getRank() < 2 || input.getShape().take_back(2)[0] < 1)
    return inferError<PoolOp>(loc, "needs rank >= 2 and a static sequence extent >= 1, but its operand is ", input);
  // pool_c2: blocked has the input's shape without its last dimension.
  if (op.getBlocked() && tensorType(op.getBlocked()).getShape() != input.getShape().drop_back())
    return inferError<PoolOp>(loc, "blocked must have the input's shape without its last dimension, but is ",
                              tensorType(op.getBlocked()), " for ", input);
  SmallVector<int64_t> shape(input.getShape());
  shape.erase(shape.end() - 2);
  return inferred(types, shape, input.getElementType());
}

LogicalResult EmbeddingOp::inferReturnTypes(MLIRContext *, OptionalLoc loc, Adaptor op, InferredTypes &types) {
  RankedTensorType table = tensorType(op.getTable());
  // embedding_c1: table is [rows, embed], static.
  if (table.getRank() != 2 || !table.hasStaticShape())
    return inferError<EmbeddingOp>(loc, "table must be static with rank 2, but is ", table);
  RankedTensorType indices = tensorType(op.getIndices());
  SmallVector<int64_t> shape(indices.getShape());
  shape.push_back(table.getShape()[1]);
  return inferred(types, shape, table.getElementType(), packingOf(indices));
}
