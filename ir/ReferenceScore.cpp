// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "ir/ReferenceScore.h"

#include "llvm/ADT/TypeSwitch.h"

#include <cmath>

using namespace mlir;
using namespace attnc::attn;

namespace attnc::reference {
namespace {

/// Every scalar is held as a double: i1 as 0 or 1, integers and indices exactly up to 2^53.
class ScoreEvaluator {
public:
  ScoreEvaluator(Block &region, ArrayRef<const Tensor *> captures, Precision precision)
      : region(region), captures(captures), precision(precision) {}

  FailureOr<Score> run(double dot, ArrayRef<int64_t> indices) {
    scalars[region.getArgument(0)] = dot;
    for (auto [argument, index] : llvm::zip(region.getArguments().slice(1, 4), indices))
      scalars[argument] = index;
    for (Operation &op : region.without_terminator()) {
      FailureOr<double> value = evaluate(&op);
      if (failed(value))
        return failure();
      bool round = precision == Precision::f32 && op.getResult(0).getType().isF32();
      scalars[op.getResult(0)] = round ? float(*value) : *value;
    }
    auto end = cast<ScoreOp>(region.getTerminator());
    return Score{scalars[end.getScore()], scalars[end.getLive()] != 0};
  }

private:
  static LogicalResult unknown(Operation *op) { return op->emitOpError("is not known to the reference"); }

  double operand(Operation *op, unsigned index) const { return scalars.lookup(op->getOperand(index)); }

  FailureOr<double> evaluate(Operation *op) {
    if (auto constant = dyn_cast<arith::ConstantOp>(op))
      return constantValue(constant);
    if (auto element = dyn_cast<ElementOp>(op))
      return elementValue(element);
    if (op->getNumResults() != 1 || op->getNumOperands() == 0)
      return unknown(op);
    return op->getResult(0).getType().isF32() ? evaluateFloat(op) : evaluateInteger(op);
  }

  static FailureOr<double> constantValue(arith::ConstantOp op) {
    if (auto number = dyn_cast<FloatAttr>(op.getValue()))
      return number.getValueAsDouble();
    if (auto number = dyn_cast<IntegerAttr>(op.getValue()))
      return number.getType().isInteger(1) ? double(number.getValue().getZExtValue())
                                           : double(number.getValue().getSExtValue());
    return unknown(op);
  }

  FailureOr<double> elementValue(ElementOp op) {
    auto argument = dyn_cast<BlockArgument>(op.getTensor());
    if (!argument || argument.getArgNumber() < 5)
      return unknown(op);
    const Tensor &tensor = *captures[argument.getArgNumber() - 5];
    SmallVector<int64_t> index;
    for (auto [value, extent] : llvm::zip(op.getIndices(), tensor.shape)) {
      index.push_back(int64_t(scalars.lookup(value)));
      if (index.back() < 0 || index.back() >= extent)
        return op.emitOpError("index ") << index.back() << " is outside the extent " << extent;
    }
    return tensor.at(index);
  }

  FailureOr<double> evaluateFloat(Operation *op) {
    double x = operand(op, 0), y = op->getNumOperands() > 1 ? operand(op, 1) : 0;
    double z = op->getNumOperands() > 2 ? operand(op, 2) : 0;
    bool unordered = std::isnan(x) || std::isnan(y);
    return llvm::TypeSwitch<Operation *, FailureOr<double>>(op)
        .Case([&](arith::AddFOp) { return x + y; })
        .Case([&](arith::SubFOp) { return x - y; })
        .Case([&](arith::MulFOp) { return x * y; })
        .Case([&](arith::DivFOp) { return x / y; })
        .Case([&](arith::RemFOp) { return std::fmod(x, y); })
        .Case([&](arith::NegFOp) { return -x; })
        .Case([&](arith::MaximumFOp) { return unordered ? x + y : std::fmax(x, y); })
        .Case([&](arith::MinimumFOp) { return unordered ? x + y : std::fmin(x, y); })
        .Case([&](arith::MaxNumFOp) { return std::fmax(x, y); })
        .Case([&](arith::MinNumFOp) { return std::fmin(x, y); })
        .Case([&](arith::SelectOp) { return x != 0 ? y : z; })
        .Case([&](arith::SIToFPOp) { return op->getOperand(0).getType().isInteger(1) ? -x : x; })
        .Case([&](arith::UIToFPOp) { return x; })
        .Case([&](math::AbsFOp) { return std::fabs(x); })
        .Case([&](math::CopySignOp) { return std::copysign(x, y); })
        .Case([&](math::FloorOp) { return std::floor(x); })
        .Case([&](math::CeilOp) { return std::ceil(x); })
        .Case([&](math::SqrtOp) { return std::sqrt(x); })
        .Case([&](math::RsqrtOp) { return 1 / std::sqrt(x); })
        .Case([&](math::ExpOp) { return std::exp(x); })
        .Case([&](math::Exp2Op) { return std::exp2(x); })
        .Case([&](math::ExpM1Op) { return std::expm1(x); })
        .Case([&](math::LogOp) { return std::log(x); })
        .Case([&](math::Log2Op) { return std::log2(x); })
        .Case([&](math::Log1pOp) { return std::log1p(x); })
        .Case([&](math::TanhOp) { return std::tanh(x); })
        .Case([&](math::SinOp) { return std::sin(x); })
        .Case([&](math::CosOp) { return std::cos(x); })
        .Case([&](math::ErfOp) { return std::erf(x); })
        .Case([&](math::PowFOp) { return std::pow(x, y); })
        .Case([&](math::FmaOp) { return std::fma(x, y, z); })
        .Default(unknown);
  }

  FailureOr<double> evaluateInteger(Operation *op) {
    if (auto compare = dyn_cast<arith::CmpFOp>(op))
      return double(arith::applyCmpPredicate(compare.getPredicate(), APFloat(operand(op, 0)), APFloat(operand(op, 1))));
    if (isa<arith::SelectOp>(op))
      return operand(op, 0) != 0 ? operand(op, 1) : operand(op, 2);
    bool boolean = op->getOperand(0).getType().isInteger(1);
    // An i1 of 1 is -1 to signed ops; all others are sign-extended.
    APInt x(64, integer(op, 0, boolean), true), y(64, op->getNumOperands() > 1 ? integer(op, 1, boolean) : 0, true);
    if (auto compare = dyn_cast<arith::CmpIOp>(op))
      return double(arith::applyCmpPredicate(compare.getPredicate(), x, y));
    if (isa<arith::DivSIOp, arith::RemSIOp, arith::FloorDivSIOp>(op) && y.isZero())
      return op->emitOpError("divides by zero");
    auto value =
        llvm::TypeSwitch<Operation *, FailureOr<APInt>>(op)
            .Case([&](arith::AddIOp) { return x + y; })
            .Case([&](arith::SubIOp) { return x - y; })
            .Case([&](arith::MulIOp) { return x * y; })
            .Case([&](arith::DivSIOp) { return x.sdiv(y); })
            .Case([&](arith::RemSIOp) { return x.srem(y); })
            .Case([&](arith::FloorDivSIOp) { return llvm::APIntOps::RoundingSDiv(x, y, APInt::Rounding::DOWN); })
            .Case([&](arith::MaxSIOp) { return llvm::APIntOps::smax(x, y); })
            .Case([&](arith::MinSIOp) { return llvm::APIntOps::smin(x, y); })
            .Case([&](arith::AndIOp) { return x & y; })
            .Case([&](arith::OrIOp) { return x | y; })
            .Case([&](arith::XOrIOp) { return x ^ y; })
            .Case([&](math::AbsIOp) { return x.abs(); })
            .Case<arith::IndexCastOp, arith::ExtSIOp, arith::TruncIOp>([&](Operation *) { return x; })
            .Case<arith::ExtUIOp, arith::IndexCastUIOp>([&](Operation *) { return boolean ? -x : x; })
            .Case([&](arith::FPToSIOp) { return APInt(64, int64_t(operand(op, 0)), true); })
            .Default(unknown);
    if (failed(value))
      return failure();
    return narrow(*value, op->getResult(0).getType());
  }

  int64_t integer(Operation *op, unsigned index, bool boolean) const {
    double value = operand(op, index);
    return boolean ? -int64_t(value) : int64_t(value);
  }

  /// Wraps to the width of the result.
  static double narrow(const APInt &value, Type type) {
    if (!isa<IntegerType>(type))
      return double(value.getSExtValue());
    APInt narrowed = value.trunc(type.getIntOrFloatBitWidth());
    return type.isInteger(1) ? double(narrowed.getZExtValue()) : double(narrowed.getSExtValue());
  }

  Block &region;
  ArrayRef<const Tensor *> captures;
  Precision precision;
  llvm::DenseMap<Value, double> scalars;
};

} // namespace

FailureOr<Score> evaluateScore(Block &region, double dot, ArrayRef<int64_t> indices, ArrayRef<const Tensor *> captures,
                               Precision precision) {
  return ScoreEvaluator(region, captures, precision).run(dot, indices);
}

FailureOr<Tensor> modifyScores(ModifyScoresOp op, const Tensor &scores, ArrayRef<const Tensor *> captures,
                               Precision precision) {
  Tensor result = scores;
  bool ok = true;
  forEachIndex(scores.shape, [&](ArrayRef<int64_t> index) {
    if (!ok)
      return;
    SmallVector<int64_t> indices(index);
    if (indices.size() == 3)
      indices.insert(indices.begin(), 0); // batch
    FailureOr<Score> score = evaluateScore(op.getScore().front(), scores.at(index), indices, captures, precision);
    ok = succeeded(score);
    if (ok)
      result.at(index) = score->live ? score->score : -std::numeric_limits<double>::infinity();
  });
  if (!ok)
    return failure();
  return result;
}

} // namespace attnc::reference
