// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/ScoreConditions.h"

#include "mlir/IR/Matchers.h"
#include "llvm/ADT/SetVector.h"
#include "llvm/Support/MathExtras.h"

#include <algorithm>
#include <utility>

namespace attnc {

namespace {

/// Whether one of the region's arguments that `value` depends on is one of those that `isAsked` names.
bool dependsOn(mlir::Value value, llvm::function_ref<bool(unsigned)> isAsked) {
  // Each op once: ops that share operands have far more paths than ops.
  llvm::SmallSetVector<mlir::Value, 16> values;
  values.insert(value);
  for (size_t i = 0; i < values.size(); ++i) {
    if (auto argument = mlir::dyn_cast<mlir::BlockArgument>(values[i])) {
      if (isAsked(argument.getArgNumber()))
        return true;
    } else {
      values.insert_range(values[i].getDefiningOp()->getOperands());
    }
  }
  return false;
}

bool dependsOn(mlir::Value value, llvm::ArrayRef<unsigned> arguments) {
  return dependsOn(value, [&](unsigned argument) { return llvm::is_contained(arguments, argument); });
}

bool isFixed(mlir::Value condition, llvm::ArrayRef<int64_t> constants) {
  return !dependsOn(condition, [&](unsigned argument) {
    return argument == kDot ||
           (argument >= kFirstCapture && !llvm::is_contained(constants, int64_t(argument) - kFirstCapture));
  });
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

/// The lengths, where the condition is key < capture[batch] or key < capture[batch] + constant.
std::optional<KeyLengths> lengthsOf(mlir::Value condition) {
  auto comparison = condition.getDefiningOp<mlir::arith::CmpIOp>();
  if (!comparison || comparison.getPredicate() != mlir::arith::CmpIPredicate::slt)
    return std::nullopt;
  auto key = mlir::dyn_cast<mlir::BlockArgument>(comparison.getLhs());
  mlir::Value end = comparison.getRhs();
  llvm::APInt offset(64, 0);
  if (auto sum = end.getDefiningOp<mlir::arith::AddIOp>()) {
    if (!mlir::matchPattern(sum.getRhs(), mlir::m_ConstantInt(&offset)) || offset.isNegative())
      return std::nullopt;
    end = sum.getLhs();
  }
  auto cast = end.getDefiningOp<mlir::arith::IndexCastOp>();
  auto element = cast ? cast.getIn().getDefiningOp<attn::ElementOp>() : attn::ElementOp();
  if (!key || key.getArgNumber() != kKey || !element || element.getIndices().size() != 1)
    return std::nullopt;
  auto batch = mlir::dyn_cast<mlir::BlockArgument>(element.getIndices().front());
  if (!batch || batch.getArgNumber() != kBatch)
    return std::nullopt;
  return KeyLengths{mlir::cast<mlir::BlockArgument>(element.getTensor()).getArgNumber() - kFirstCapture,
                    offset.getSExtValue()};
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
  auto attention = mlir::dyn_cast<attn::AttentionOp>(region.getParentOp());
  if (auto live = attention ? attention.getLiveKeysAttr() : attn::LiveKeysAttr()) {
    llvm::SmallVector<mlir::Value> all = std::exchange(conditions.others, {});
    for (mlir::Value condition : all)
      (isFixed(condition, live.getConstants()) ? conditions.fixed : conditions.others).push_back(condition);
  }
  return conditions;
}

llvm::SmallVector<mlir::Value> fixedConditions(mlir::Block &region, llvm::ArrayRef<int64_t> constants) {
  llvm::SmallVector<mlir::Value> fixed = liveConditions(region).others;
  llvm::erase_if(fixed, [&](mlir::Value condition) { return !isFixed(condition, constants); });
  return fixed;
}

bool hasIndexConditions(mlir::Block &region) {
  const LiveConditions conditions = liveConditions(region);
  return !conditions.fixed.empty() || llvm::any_of(conditions.others, [](mlir::Value condition) {
    return isFixed(condition, {}) && dependsOn(condition, {kBatch, kHead, kQuery, kKey}); // "true" is no condition.
  });
}

KeyLimits keyLimits(attn::AttentionOp attention) {
  KeyLimits limits{liveConditions(attention.getScore().front()).band, {}};
  if (auto live = attention.getLiveKeysAttr()) {
    llvm::ArrayRef<int64_t> runs = live.getRuns();
    for (; !runs.empty(); runs = runs.drop_front(4))
      limits.runs.push_back({runs[0], runs[1], runs[2], runs[3] != 0});
  }
  return limits;
}

namespace {

/// The place of query + offset among the keys' ends.
int64_t clampedEnd(int64_t query, int64_t offset, int64_t keys) {
  // So far out no key is in range, and the sum still fits.
  const int64_t limit = int64_t(1) << 40;
  return std::clamp<int64_t>(query + std::clamp(offset, -limit, limit), 0, keys);
}

/// Adds what the runs say of the queries in [first, last].
void narrow(KeySpan &span, llvm::ArrayRef<LiveRun> runs, int64_t first, int64_t last) {
  auto run = llvm::upper_bound(runs, first, [](int64_t query, const LiveRun &run) { return query < run.query; });
  int64_t begin = INT64_MAX, end = 0, allBegin = 0, allEnd = INT64_MAX;
  for (--run; run != runs.end() && run->query <= last; ++run) {
    const bool isEmpty = run->begin == run->end;
    if (!isEmpty)
      begin = std::min(begin, run->begin), end = std::max(end, run->end);
    allBegin = std::max(allBegin, run->begin);
    allEnd = std::min(allEnd, run->all ? run->end : run->begin);
  }
  span = {std::max(span.begin, begin), std::min(span.end, end), std::max(span.allBegin, allBegin),
          std::min(span.allEnd, allEnd)};
}

} // namespace

KeySpan keysOf(const KeyLimits &limits, int64_t firstQuery, int64_t rows, int64_t keys) {
  const int64_t lastQuery = firstQuery + rows - 1;
  KeySpan span{0, keys, 0, keys};
  if (auto first = limits.band.first)
    span.begin = clampedEnd(firstQuery, *first, keys), span.allBegin = clampedEnd(lastQuery, *first, keys);
  if (auto last = limits.band.last)
    span.end = clampedEnd(lastQuery + 1, *last, keys), span.allEnd = clampedEnd(firstQuery + 1, *last, keys);
  if (!limits.runs.empty())
    narrow(span, limits.runs, firstQuery, lastQuery);
  if (span.begin >= span.end)
    return {};
  if (span.allBegin >= span.allEnd)
    span.allBegin = span.allEnd = span.end;
  return span;
}

bool mayBlockKeys(mlir::Block &region) { return !mlir::matchPattern(scoreOf(region).getLive(), mlir::m_One()); }

bool liveInBandDependsOnKeyOnly(mlir::Block &region) {
  return llvm::none_of(liveConditions(region).others, [](mlir::Value condition) {
    return dependsOn(condition, {kDot, kQuery});
  });
}

bool liveDependsOnScore(mlir::Block &region) { return dependsOn(scoreOf(region).getLive(), {kDot}); }

bool liveDependsOnKey(mlir::Block &region) { return dependsOn(scoreOf(region).getLive(), {kDot, kKey}); }

TileCount countTiles(const KeyLimits &limits, int64_t queries, int64_t keys, int64_t tileQueries, int64_t tileKeys) {
  TileCount count;
  const int64_t columns = int64_t(llvm::divideCeil(keys, tileKeys));
  for (int64_t row = 0; row < queries; row += tileQueries) {
    const KeySpan span = keysOf(limits, row, std::min(tileQueries, queries - row), keys);
    const int64_t used =
        span.begin < span.end ? int64_t(llvm::divideCeil(span.end, tileKeys)) - span.begin / tileKeys : 0;
    count.tiles += columns;
    count.skipped += columns - used;
  }
  return count;
}

} // namespace attnc
