// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "codegen/ScoreRegion.h"

#include "codegen/ScalarMath.h"
#include "codegen/StoredProducts.h"

#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace Halide;

namespace attnc {

namespace {

/// a == b. Of integers in a form that Halide's simplifier leaves alone: of loops x and y it takes
/// (16 * y + x) / 2 * 2 == 16 * y + x for y == 0 (Halide 21).
Expr isEqual(const Expr &a, const Expr &b) { return a.type().is_bool() ? a == b : a <= b && b <= a; }

Expr compare(mlir::arith::CmpIPredicate predicate, const Expr &a, const Expr &b) {
  using P = mlir::arith::CmpIPredicate;
  switch (predicate) {
  case P::eq:
    return isEqual(a, b);
  case P::ne:
    return !isEqual(a, b);
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

/// Whether a condition occurs twice in `value`, so that Halide gives it a name.
bool namesCondition(const Expr &value) {
  Expr rest = Internal::common_subexpression_elimination(value);
  for (const auto *let = rest.as<Internal::Let>(); let; let = rest.as<Internal::Let>()) {
    if (let->value.type().is_bool())
      return true;
    rest = let->body;
  }
  return false;
}

/// How a region chooses between two reals.
using Choice = std::function<Expr(const Expr &condition, const Expr &a, const Expr &b)>;

/// A choice; one of reals is opaque. Its condition is often one of indices, which is known for some vectors and tiles
/// and not for others: where it is, LLVM would see the chosen arm, contract a product or fold a constant of it, and so
/// round what is computed from the choice in another way.
Expr choose(mlir::arith::SelectOp op, const Expr &condition, const Expr &a, const Expr &b, const Choice &ofReals) {
  return op.getType().isF32() ? opaque(ofReals(condition, a, b)) : select(condition, a, b);
}

/// One op of the region; undefined where there is no rule.
Expr evaluateOp(mlir::Operation &op, const std::function<Expr(mlir::Value)> &get, const Choice &ofReals) {
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
      .Case([&](arith::MaximumFOp) { return ofReals(operand(0) > operand(1), operand(0), operand(1)); })
      .Case([&](arith::MinimumFOp) { return ofReals(operand(0) < operand(1), operand(0), operand(1)); })
      .Case([&](arith::SelectOp choice) { return choose(choice, operand(0), operand(1), operand(2), ofReals); })
      .Case([&](arith::AndIOp) { return operand(0) && operand(1); })
      .Case([&](arith::OrIOp) { return operand(0) || operand(1); })
      .Case([&](arith::XOrIOp) { return operand(0) != operand(1); })
      .Case([&](arith::CmpIOp c) { return compare(c.getPredicate(), operand(0), operand(1)); })
      .Case([&](arith::CmpFOp c) { return compare(c.getPredicate(), operand(0), operand(1)); })
      .Case([&](arith::IndexCastOp) { return operand(0); })
      // Made of indices, which are constants where loops are unrolled.
      .Case<arith::SIToFPOp>([&](auto) { return opaque(cast<float>(operand(0))); })
      .Case([&](math::TanhOp) { return tanhOf(operand(0)); })
      .Case([&](math::ExpOp) { return expOf(operand(0)); })
      .Default(Expr());
}

attn::ScoreOp scoreOf(mlir::Block &region) { return mlir::cast<attn::ScoreOp>(region.getTerminator()); }

Score evaluate(mlir::Block &body, const Expr &dot, const ScorePosition &position, const std::vector<Tensor> &captures,
               bool namesConditions) {
  const Choice ofReals = [&](const Expr &condition, const Expr &a, const Expr &b) {
    return namesConditions ? selectBits(condition, a, b) : select(condition, a, b);
  };
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
      result = evaluateOp(inner, get, ofReals);
    }
    _halide_user_assert(result.defined())
        << "attnc: no rule for '" << inner.getName().getStringRef().str() << "' in a score";
    values[inner.getResult(0)] = result;
  }
  Score score{get(scoreOf(body).getScore()), get(scoreOf(body).getLive()), Internal::const_true(), 1.0,
              namesConditions};
  for (mlir::Value condition : liveConditions(body).others)
    score.liveInBand = score.liveInBand && get(condition);
  if (auto factor = constantFactor(body))
    score.value = dot, score.factor = *factor;
  return score;
}

} // namespace

Score evaluateScore(mlir::Block &body, const Expr &dot, const ScorePosition &position,
                    const std::vector<Tensor> &captures) {
  const Score score = evaluate(body, dot, position, captures, false);
  return namesCondition(select(score.live, score.value, 0.f)) ? evaluate(body, dot, position, captures, true) : score;
}

} // namespace attnc
