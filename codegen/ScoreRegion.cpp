// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "codegen/ScoreRegion.h"

#include "codegen/ScalarMath.h"

#include "mlir/IR/Matchers.h"
#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace Halide;

namespace attnc {

namespace {

/// Positions of the region's scalar arguments.
enum Argument { kDot, kBatch, kHead, kQuery, kKey, kFirstCapture };

Expr compare(mlir::arith::CmpIPredicate predicate, const Expr &a, const Expr &b) {
  using P = mlir::arith::CmpIPredicate;
  switch (predicate) {
  case P::eq:
    return a == b;
  case P::ne:
    return a != b;
  case P::slt:
  case P::ult: // Indices are never negative.
    return a < b;
  case P::sle:
  case P::ule:
    return a <= b;
  case P::sgt:
  case P::ugt:
    return a > b;
  case P::sge:
  case P::uge:
    return a >= b;
  }
  return Expr();
}

Expr compare(mlir::arith::CmpFPredicate predicate, const Expr &a, const Expr &b) {
  using P = mlir::arith::CmpFPredicate;
  switch (predicate) {
  case P::OEQ:
    return a == b;
  case P::UNE:
    return a != b;
  case P::OLT:
    return a < b;
  case P::OLE:
    return a <= b;
  case P::OGT:
    return a > b;
  case P::OGE:
    return a >= b;
  default:
    return Expr();
  }
}

Expr constantOf(mlir::arith::ConstantOp op) {
  if (auto value = mlir::dyn_cast<mlir::FloatAttr>(op.getValue()))
    return Expr(static_cast<float>(value.getValueAsDouble()));
  auto value = mlir::cast<mlir::IntegerAttr>(op.getValue());
  if (value.getType().isInteger(1))
    return value.getValue().isZero() ? Internal::const_false() : Internal::const_true();
  return Expr(static_cast<int32_t>(value.getInt()));
}

/// One op of the region; undefined where there is no rule.
Expr evaluateOp(mlir::Operation &op, const std::function<Expr(mlir::Value)> &get) {
  namespace arith = mlir::arith;
  namespace math = mlir::math;
  auto operand = [&](unsigned i) { return get(op.getOperand(i)); };
  return llvm::TypeSwitch<mlir::Operation *, Expr>(&op)
      .Case([&](arith::ConstantOp c) { return constantOf(c); })
      .Case<arith::AddFOp, arith::AddIOp>([&](auto) { return operand(0) + operand(1); })
      .Case<arith::SubFOp, arith::SubIOp>([&](auto) { return operand(0) - operand(1); })
      .Case<arith::MulFOp, arith::MulIOp>([&](auto) { return operand(0) * operand(1); })
      .Case([&](arith::DivFOp) { return operand(0) / operand(1); })
      // Halide's quotient rounds down where the divisor is positive, as the frontend's is.
      .Case([&](arith::FloorDivSIOp) { return operand(0) / operand(1); })
      .Case([&](math::FloorOp) { return floor(operand(0)); })
      .Case([&](arith::NegFOp) { return -operand(0); })
      .Case([&](arith::MaximumFOp) { return select(operand(0) > operand(1), operand(0), operand(1)); })
      .Case([&](arith::MinimumFOp) { return select(operand(0) < operand(1), operand(0), operand(1)); })
      .Case([&](arith::SelectOp) { return select(operand(0), operand(1), operand(2)); })
      .Case([&](arith::AndIOp) { return operand(0) && operand(1); })
      .Case([&](arith::OrIOp) { return operand(0) || operand(1); })
      .Case([&](arith::XOrIOp) { return operand(0) != operand(1); })
      .Case([&](arith::CmpIOp c) { return compare(c.getPredicate(), operand(0), operand(1)); })
      .Case([&](arith::CmpFOp c) { return compare(c.getPredicate(), operand(0), operand(1)); })
      .Case([&](arith::IndexCastOp) { return operand(0); })
      .Case<arith::SIToFPOp>([&](auto) { return cast<float>(operand(0)); })
      .Case([&](math::TanhOp) { return tanhOf(operand(0)); })
      .Case([&](math::ExpOp) { return expOf(operand(0)); })
      .Default(Expr());
}

/// Whether `value` depends on one of the region's arguments in `arguments`.
bool dependsOn(mlir::Value value, llvm::ArrayRef<unsigned> arguments) {
  if (auto argument = mlir::dyn_cast<mlir::BlockArgument>(value))
    return llvm::is_contained(arguments, argument.getArgNumber());
  return llvm::any_of(value.getDefiningOp()->getOperands(),
                      [&](mlir::Value operand) { return dependsOn(operand, arguments); });
}

attn::ScoreOp scoreOf(mlir::Block &region) { return mlir::cast<attn::ScoreOp>(region.getTerminator()); }

/// c where the score is dot * c with a constant c > 0.
std::optional<double> constantFactor(mlir::Block &region) {
  auto product = scoreOf(region).getScore().getDefiningOp<mlir::arith::MulFOp>();
  if (!product || product.getLhs() != region.getArgument(kDot))
    return std::nullopt;
  llvm::APFloat factor(0.f);
  if (!mlir::matchPattern(product.getRhs(), mlir::m_ConstantFloat(&factor)) || !(factor.convertToFloat() > 0.f))
    return std::nullopt;
  return factor.convertToFloat();
}

/// key * keys + query * queries + constant.
struct Affine {
  int64_t keys = 0, queries = 0, constant = 0;
};

/// `value` as an affine function of key and query; nothing for any other function.
std::optional<Affine> affineOf(mlir::Value value) {
  if (auto argument = mlir::dyn_cast<mlir::BlockArgument>(value)) {
    if (argument.getArgNumber() == kKey)
      return Affine{1, 0, 0};
    return argument.getArgNumber() == kQuery ? std::optional(Affine{0, 1, 0}) : std::nullopt;
  }
  llvm::APInt constant;
  if (mlir::matchPattern(value, mlir::m_ConstantInt(&constant)))
    return Affine{0, 0, constant.getSExtValue()};
  mlir::Operation *op = value.getDefiningOp();
  if (mlir::isa<mlir::arith::IndexCastOp>(op))
    return affineOf(op->getOperand(0));
  if (!mlir::isa<mlir::arith::AddIOp, mlir::arith::SubIOp>(op))
    return std::nullopt;
  const auto a = affineOf(op->getOperand(0)), b = affineOf(op->getOperand(1));
  if (!a || !b)
    return std::nullopt;
  const int64_t sign = mlir::isa<mlir::arith::AddIOp>(op) ? 1 : -1;
  return Affine{a->keys + sign * b->keys, a->queries + sign * b->queries, a->constant + sign * b->constant};
}

/// Narrows the band by "distance <= 0", where distance = +-(key - query) + constant; false where it says nothing of the
/// two.
bool narrow(KeyBand &band, const Affine &distance) {
  if (distance.keys == 1 && distance.queries == -1)
    band.last = std::min(band.last.value_or(-distance.constant), -distance.constant);
  else if (distance.keys == -1 && distance.queries == 1)
    band.first = std::max(band.first.value_or(distance.constant), distance.constant);
  else
    return false;
  return true;
}

/// Narrows the band by a comparison of key and query; false for any other condition.
bool narrowBy(KeyBand &band, mlir::Value condition) {
  auto comparison = condition.getDefiningOp<mlir::arith::CmpIOp>();
  if (!comparison)
    return false;
  const auto lhs = affineOf(comparison.getLhs()), rhs = affineOf(comparison.getRhs());
  if (!lhs || !rhs)
    return false;
  const Affine less{lhs->keys - rhs->keys, lhs->queries - rhs->queries, lhs->constant - rhs->constant};
  const Affine more{-less.keys, -less.queries, -less.constant};
  using P = mlir::arith::CmpIPredicate;
  // Only signed comparisons: an unsigned one of a negative difference means something else.
  switch (comparison.getPredicate()) {
  case P::sle:
    return narrow(band, less);
  case P::slt:
    return narrow(band, {less.keys, less.queries, less.constant + 1});
  case P::sge:
    return narrow(band, more);
  case P::sgt:
    return narrow(band, {more.keys, more.queries, more.constant + 1});
  default:
    return false;
  }
}

/// `live` taken apart: the band, and the other conditions that have to hold.
struct LiveConditions {
  KeyBand band;
  llvm::SmallVector<mlir::Value> others;
};

void collectConditions(mlir::Value live, LiveConditions &conditions) {
  if (auto both = live.getDefiningOp<mlir::arith::AndIOp>()) {
    collectConditions(both.getLhs(), conditions);
    collectConditions(both.getRhs(), conditions);
  } else if (!narrowBy(conditions.band, live)) {
    conditions.others.push_back(live);
  }
}

LiveConditions conditionsOf(mlir::Block &region) {
  LiveConditions conditions;
  collectConditions(scoreOf(region).getLive(), conditions);
  return conditions;
}

} // namespace

Score evaluateScore(mlir::Block &body, const Expr &dot, const ScorePosition &position,
                    const std::vector<Tensor> &captures) {
  llvm::DenseMap<mlir::Value, Expr> values;
  values[body.getArgument(kDot)] = dot;
  values[body.getArgument(kBatch)] = position.batch;
  values[body.getArgument(kHead)] = position.head;
  values[body.getArgument(kQuery)] = position.query;
  values[body.getArgument(kKey)] = position.key;
  auto get = [&](mlir::Value value) -> Expr { return values.lookup(value); };
  for (mlir::Operation &inner : body.without_terminator()) {
    Expr result;
    if (auto element = mlir::dyn_cast<attn::ElementOp>(inner)) {
      const unsigned capture = mlir::cast<mlir::BlockArgument>(element.getTensor()).getArgNumber() - kFirstCapture;
      Index index;
      for (mlir::Value i : element.getIndices())
        index.dims.push_back(get(i));
      result = captures[capture].at(index);
    } else {
      result = evaluateOp(inner, get);
    }
    _halide_user_assert(result.defined())
        << "attnc: no rule for '" << inner.getName().getStringRef().str() << "' in a score";
    values[inner.getResult(0)] = result;
  }
  Score score{get(scoreOf(body).getScore()), get(scoreOf(body).getLive()), Internal::const_true(), 1.0};
  for (mlir::Value condition : conditionsOf(body).others)
    score.liveInBand = score.liveInBand && get(condition);
  if (auto factor = constantFactor(body))
    score.value = dot, score.factor = *factor;
  return score;
}

bool mayBlockKeys(mlir::Block &region) { return !mlir::matchPattern(scoreOf(region).getLive(), mlir::m_One()); }

bool liveInBandDependsOnKeyOnly(mlir::Block &region) {
  return llvm::none_of(conditionsOf(region).others,
                       [](mlir::Value condition) { return dependsOn(condition, {kDot, kQuery}); });
}

KeyBand keyBand(mlir::Block &region) { return conditionsOf(region).band; }

bool liveDependsOnScore(mlir::Block &region) { return dependsOn(scoreOf(region).getLive(), {kDot}); }

bool liveDependsOnKey(mlir::Block &region) { return dependsOn(scoreOf(region).getLive(), {kDot, kKey}); }

} // namespace attnc
