// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/ScoreConditions.h"

#include "mlir/IR/Matchers.h"
#include "llvm/ADT/SetVector.h"
#include "llvm/Support/MathExtras.h"

#include <algorithm>

namespace attnc {

namespace {

/// Positions of the region's scalar arguments.
enum Argument { kDot, kBatch, kHead, kQuery, kKey, kFirstCapture };

/// Whether `value` depends on one of the region's arguments in `arguments`.
bool dependsOn(mlir::Value value, llvm::ArrayRef<unsigned> arguments) {
  // Each op once: ops that share operands have far more paths than ops.
  llvm::SmallSetVector<mlir::Value, 16> values;
  values.insert(value);
  for (size_t i = 0; i < values.size(); ++i) {
    if (auto argument = mlir::dyn_cast<mlir::BlockArgument>(values[i])) {
      if (llvm::is_contained(arguments, argument.getArgNumber()))
        return true;
    } else {
      values.insert_range(values[i].getDefiningOp()->getOperands());
    }
  }
  return false;
}

attn::ScoreOp scoreOf(mlir::Block &region) { return mlir::cast<attn::ScoreOp>(region.getTerminator()); }

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

/// The number of the capture, where the condition is key < capture[batch].
std::optional<unsigned> lengthsOf(mlir::Value condition) {
  auto comparison = condition.getDefiningOp<mlir::arith::CmpIOp>();
  if (!comparison || comparison.getPredicate() != mlir::arith::CmpIPredicate::slt)
    return std::nullopt;
  auto key = mlir::dyn_cast<mlir::BlockArgument>(comparison.getLhs());
  auto cast = comparison.getRhs().getDefiningOp<mlir::arith::IndexCastOp>();
  auto element = cast ? cast.getIn().getDefiningOp<attn::ElementOp>() : attn::ElementOp();
  if (!key || key.getArgNumber() != kKey || !element || element.getIndices().size() != 1)
    return std::nullopt;
  auto batch = mlir::dyn_cast<mlir::BlockArgument>(element.getIndices().front());
  if (!batch || batch.getArgNumber() != kBatch)
    return std::nullopt;
  return mlir::cast<mlir::BlockArgument>(element.getTensor()).getArgNumber() - kFirstCapture;
}

void collectConditions(mlir::Value live, LiveConditions &conditions) {
  if (auto both = live.getDefiningOp<mlir::arith::AndIOp>()) {
    collectConditions(both.getLhs(), conditions);
    collectConditions(both.getRhs(), conditions);
  } else if (auto lengths = lengthsOf(live); lengths && !conditions.lengths) {
    conditions.lengths = lengths;
  } else if (!narrowBy(conditions.band, live)) {
    conditions.others.push_back(live);
  }
}

} // namespace

std::optional<double> constantFactor(mlir::Block &region) {
  auto product = scoreOf(region).getScore().getDefiningOp<mlir::arith::MulFOp>();
  if (!product || product.getLhs() != region.getArgument(kDot))
    return std::nullopt;
  llvm::APFloat factor(0.f);
  if (!mlir::matchPattern(product.getRhs(), mlir::m_ConstantFloat(&factor)) || !(factor.convertToFloat() > 0.f))
    return std::nullopt;
  return factor.convertToFloat();
}

LiveConditions liveConditions(mlir::Block &region) {
  LiveConditions conditions;
  collectConditions(scoreOf(region).getLive(), conditions);
  return conditions;
}

bool mayBlockKeys(mlir::Block &region) { return !mlir::matchPattern(scoreOf(region).getLive(), mlir::m_One()); }

bool liveInBandDependsOnKeyOnly(mlir::Block &region) {
  return llvm::none_of(liveConditions(region).others,
                       [](mlir::Value condition) { return dependsOn(condition, {kDot, kQuery}); });
}

KeyBand keyBand(mlir::Block &region) { return liveConditions(region).band; }

bool liveDependsOnScore(mlir::Block &region) { return dependsOn(scoreOf(region).getLive(), {kDot}); }

bool liveDependsOnKey(mlir::Block &region) { return dependsOn(scoreOf(region).getLive(), {kDot, kKey}); }

TileCount countTiles(const KeyBand &band, int64_t queries, int64_t keys, int64_t tileQueries, int64_t tileKeys) {
  TileCount count;
  const int64_t columns = int64_t(llvm::divideCeil(keys, tileKeys));
  auto clamped = [&](int64_t row, int64_t offset) {
    // So far out no key is in range.
    const int64_t limit = queries + keys;
    return std::clamp<int64_t>(row + std::clamp(offset, -limit, limit), 0, keys);
  };
  for (int64_t row = 0; row < queries; row += tileQueries) {
    const int64_t lastRow = std::min(row + tileQueries, queries) - 1;
    const int64_t begin = band.first ? clamped(row, *band.first) : 0;
    const int64_t end = band.last ? clamped(lastRow + 1, *band.last) : keys;
    const int64_t used = begin < end ? int64_t(llvm::divideCeil(end, tileKeys)) - begin / tileKeys : 0;
    count.tiles += columns;
    count.skipped += columns - used;
  }
  return count;
}

} // namespace attnc
