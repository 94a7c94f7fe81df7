// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The conditions are evaluated for a query and whole ranges of keys: each value is a range too (interval arithmetic). A
// condition that is true or false for a range needs no look at its keys; else the range is halved, down to single keys.
// So a block-diagonal mask takes some tens of steps a query, not one for each key.
//
// What a kernel computes in f32 is decided here where rounding plays no part: sums and products of whole numbers up to
// 2^24, and choices and comparisons of any numbers. All else may be anything.

#include "passes/LiveKeys.h"

#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/SetVector.h"
#include "llvm/ADT/TypeSwitch.h"

#include <cmath>

using namespace mlir;

namespace attnc {

namespace {

/// Kernels compute indices in 32 bits, and f32 holds whole numbers up to 2^24.
constexpr double kMostIndex = 2147483647, kMostWhole = 1 << 24;

/// Evaluated ops and elements looked at. 2^25 are 0.1 to 0.3 s; a block-diagonal mask of 32768 keys takes half of them.
constexpr int64_t kMostSteps = int64_t(1) << 25;

/// Elements of a constant that are looked at together; of more, halves of the keys are.
constexpr int64_t kMostElements = int64_t(1) << 16;

/// The values from `low` to `high`; i1 is 0 or 1.
struct Range {
  double low = 0, high = 0;
  bool isKnown = false; ///< Else anything, NaN included.
  bool isWhole = false; ///< All are whole numbers.

  bool isPoint() const { return isKnown && low == high; }
  bool isTrue() const { return isPoint() && low == 1; }
  bool isFalse() const { return isPoint() && low == 0; }
};

Range anything() { return {}; }
Range whole(double low, double high, double most) {
  return std::max(std::fabs(low), std::fabs(high)) <= most ? Range{low, high, true, true} : anything();
}
Range real(double low, double high) { return {low, high, true, false}; }
Range truth(bool always, bool never) { return {always ? 1.0 : 0.0, never ? 0.0 : 1.0, true, true}; }

Range hull(const Range &a, const Range &b) {
  if (!a.isKnown || !b.isKnown)
    return anything();
  return {std::min(a.low, b.low), std::max(a.high, b.high), true, a.isWhole && b.isWhole};
}

Range less(const Range &a, const Range &b) { return truth(a.high < b.low, a.low >= b.high); }
Range lessOrEqual(const Range &a, const Range &b) { return truth(a.high <= b.low, a.low > b.high); }
Range equal(const Range &a, const Range &b) {
  return truth(a.isPoint() && b.isPoint() && a.low == b.low, a.high < b.low || b.high < a.low);
}
Range negation(const Range &a) { return a.isKnown ? Range{1 - a.high, 1 - a.low, true, true} : anything(); }

Range compare(arith::CmpIPredicate predicate, const Range &a, const Range &b) {
  using P = arith::CmpIPredicate;
  switch (predicate) {
  case P::eq:
    return equal(a, b);
  case P::ne:
    return negation(equal(a, b));
  case P::slt:
    return less(a, b);
  case P::sle:
    return lessOrEqual(a, b);
  case P::sgt:
    return less(b, a);
  case P::sge:
    return lessOrEqual(b, a);
  default:
    return anything();
  }
}

/// Ranges hold no NaN, so ordered and unordered comparisons say the same.
Range compare(arith::CmpFPredicate predicate, const Range &a, const Range &b) {
  using P = arith::CmpFPredicate;
  switch (predicate) {
  case P::OEQ:
  case P::UEQ:
    return equal(a, b);
  case P::ONE:
  case P::UNE:
    return negation(equal(a, b));
  case P::OLT:
  case P::ULT:
    return less(a, b);
  case P::OLE:
  case P::ULE:
    return lessOrEqual(a, b);
  case P::OGT:
  case P::UGT:
    return less(b, a);
  case P::OGE:
  case P::UGE:
    return lessOrEqual(b, a);
  default:
    return anything();
  }
}

Range productOf(const Range &a, const Range &b, double most) {
  const auto [low, high] = std::minmax({a.low * b.low, a.low * b.high, a.high * b.low, a.high * b.high});
  return whole(low, high, most);
}

/// Rounded down, by a constant above 0; kernels define no other.
Range quotientOf(const Range &a, const Range &b) {
  if (!b.isPoint() || b.low <= 0)
    return anything();
  return whole(std::floor(a.low / b.low), std::floor(a.high / b.low), kMostIndex);
}

/// The elements of a constant as numbers.
struct Elements {
  SmallVector<int64_t> shape;
  std::vector<float> values;

  explicit Elements(DenseElementsAttr attribute) : shape(attribute.getType().getShape()) {
    values.reserve(size_t(attribute.getNumElements()));
    if (attribute.getElementType().isF32())
      for (float value : attribute.getValues<float>())
        values.push_back(value);
    else
      for (const APInt &value : attribute.getValues<APInt>())
        values.push_back(value.isZero() ? 0.f : 1.f); // i1
  }
};

class LiveKeyFinder {
public:
  LiveKeyFinder(attn::AttentionOp attention, ArrayRef<Value> conditions, ArrayRef<ConstantCapture> captures)
      : region(attention.getScore().front()) {
    for (const ConstantCapture &capture : captures)
      constants.try_emplace(region.getArgument(unsigned(kFirstCapture + capture.number)), capture.elements);
    const ArrayRef<int64_t> query = attention.getQuery().getType().getShape();
    queries = query.take_back(2).front();
    keys = attention.getKey().getType().getShape().take_back(2).front();
    number(conditions, query.take_back(3).front());
  }

  std::optional<SmallVector<LiveRun>> run() {
    SmallVector<LiveRun> runs;
    for (int64_t at = 0; at < queries; ++at) {
      query = at;
      const auto begin = outermost(End::first, 0, keys - 1);
      LiveRun run{at, 0, 0, true};
      if (begin) {
        run.begin = *begin, run.end = *outermost(End::last, *begin, keys - 1) + 1;
        run.all = areAllLive(run.begin, run.end - 1);
      }
      if (steps > kMostSteps)
        return std::nullopt;
      if (runs.empty() || runs.back().begin != run.begin || runs.back().end != run.end || runs.back().all != run.all)
        runs.push_back(run);
    }
    return runs;
  }

private:
  /// An op by number: where its operands and its result are.
  struct Step {
    Operation *op;
    SmallVector<unsigned, 3> operands;
    unsigned result;
  };

  /// Numbers the values that the conditions need, in the order of the region.
  void number(ArrayRef<Value> conditions, int64_t heads) {
    llvm::SmallSetVector<Value, 16> needed(conditions.begin(), conditions.end());
    for (size_t i = 0; i < needed.size(); ++i)
      if (Operation *op = needed[i].getDefiningOp())
        needed.insert_range(op->getOperands());
    llvm::DenseMap<Value, unsigned> numbers;
    for (unsigned argument = 0; argument < region.getNumArguments(); ++argument)
      numbers[region.getArgument(argument)] = argument;
    ranges.resize(region.getNumArguments());
    ranges[kBatch] = whole(0, kMostIndex, kMostIndex);
    ranges[kHead] = whole(0, double(heads - 1), kMostIndex);
    for (Operation &op : region.without_terminator()) {
      if (!needed.contains(op.getResult(0)))
        continue;
      Step step{&op, {}, unsigned(ranges.size())};
      for (Value operand : op.getOperands())
        step.operands.push_back(numbers.lookup(operand));
      numbers[op.getResult(0)] = step.result;
      ranges.emplace_back();
      program.push_back(std::move(step));
    }
    for (Value condition : conditions)
      results.push_back(numbers.lookup(condition));
  }

  /// Whether the query sees the keys from `first` to `last`: all, none, or some or unknown.
  Range evaluate(int64_t first, int64_t last) {
    ranges[kQuery] = whole(double(query), double(query), kMostIndex);
    ranges[kKey] = whole(double(first), double(last), kMostIndex);
    for (const Step &step : program)
      ranges[step.result] = evaluate(step);
    steps += int64_t(program.size()) + 1;
    bool always = true, never = false;
    for (unsigned result : results) {
      always &= ranges[result].isTrue();
      never |= ranges[result].isFalse();
    }
    return truth(always, never);
  }

  Range evaluate(const Step &step) {
    if (auto constant = dyn_cast<arith::ConstantOp>(step.op))
      return constantOf(constant);
    if (auto element = dyn_cast<attn::ElementOp>(step.op))
      return elementOf(element, step);
    const Range &a = ranges[step.operands[0]];
    if (auto select = dyn_cast<arith::SelectOp>(step.op)) {
      const Range &x = ranges[step.operands[1]], &y = ranges[step.operands[2]];
      return a.isTrue() ? x : a.isFalse() ? y : hull(x, y);
    }
    const Range &b = step.operands.size() > 1 ? ranges[step.operands[1]] : a;
    const bool isI1 = step.op->getOperand(0).getType().isInteger(1);
    if (isI1)
      return isa<arith::AndIOp, arith::OrIOp, arith::XOrIOp>(step.op) ? logic(step.op, a, b) : anything();
    return a.isKnown && b.isKnown ? arithmetic(step.op, a, b) : anything();
  }

  static Range constantOf(arith::ConstantOp op) {
    if (auto number = dyn_cast<FloatAttr>(op.getValue())) {
      const double value = number.getValueAsDouble();
      return value == std::floor(value) ? whole(value, value, kMostWhole)
             : std::isnan(value)        ? anything()
                                        : real(value, value);
    }
    auto number = cast<IntegerAttr>(op.getValue());
    const double value = number.getType().isInteger(1) ? double(number.getValue().getZExtValue())
                                                       : double(number.getValue().getSExtValue());
    return whole(value, value, kMostIndex);
  }

  /// One operand may be anything where the other decides.
  static Range logic(Operation *op, const Range &a, const Range &b) {
    if (isa<arith::AndIOp>(op))
      return truth(a.isTrue() && b.isTrue(), a.isFalse() || b.isFalse());
    if (isa<arith::OrIOp>(op))
      return truth(a.isTrue() || b.isTrue(), a.isFalse() && b.isFalse());
    if (!a.isPoint() || !b.isPoint())
      return truth(false, false);
    return truth(a.low != b.low, a.low == b.low);
  }

  static Range arithmetic(Operation *op, const Range &a, const Range &b) {
    const bool areWhole = a.isWhole && b.isWhole;
    const double most = op->getResult(0).getType().isF32() ? kMostWhole : kMostIndex;
    return llvm::TypeSwitch<Operation *, Range>(op)
        .Case([&](arith::CmpIOp c) { return compare(c.getPredicate(), a, b); })
        .Case([&](arith::CmpFOp c) { return compare(c.getPredicate(), a, b); })
        .Case([&](arith::IndexCastOp) { return a; })
        .Case([&](arith::SIToFPOp) { return whole(a.low, a.high, kMostWhole); })
        .Case<arith::AddIOp, arith::AddFOp>(
            [&](auto) { return areWhole ? whole(a.low + b.low, a.high + b.high, most) : anything(); })
        .Case<arith::SubIOp, arith::SubFOp>(
            [&](auto) { return areWhole ? whole(a.low - b.high, a.high - b.low, most) : anything(); })
        .Case<arith::MulIOp, arith::MulFOp>([&](auto) { return areWhole ? productOf(a, b, most) : anything(); })
        .Case([&](arith::FloorDivSIOp) { return quotientOf(a, b); })
        .Case([&](math::FloorOp) { return a.isWhole ? a : anything(); })
        .Case([&](arith::NegFOp) { return Range{-a.high, -a.low, true, a.isWhole}; })
        .Case(
            [&](arith::MaximumFOp) { return Range{std::max(a.low, b.low), std::max(a.high, b.high), true, areWhole}; })
        .Case(
            [&](arith::MinimumFOp) { return Range{std::min(a.low, b.low), std::min(a.high, b.high), true, areWhole}; })
        .Default([](Operation *) { return anything(); });
  }

  /// The least and the greatest of the elements that the indices reach.
  Range elementOf(attn::ElementOp op, const Step &step) {
    auto found = constants.find(op.getTensor());
    if (found == constants.end())
      return anything();
    const Elements &elements = found->second;
    // The places of the elements, one dimension after the other.
    SmallVector<int64_t> places{0};
    for (auto [dim, extent] : llvm::enumerate(elements.shape)) {
      const Range &index = ranges[step.operands[dim + 1]];
      if (!index.isKnown || index.low < 0 || index.high >= double(extent))
        return anything();
      const auto low = int64_t(index.low), count = int64_t(index.high) - low + 1;
      if (int64_t(places.size()) * count > kMostElements)
        return anything();
      steps += int64_t(places.size()) * count;
      SmallVector<int64_t> next;
      for (int64_t place : places)
        for (int64_t i = 0; i < count; ++i)
          next.push_back(place * extent + low + i);
      places = std::move(next);
    }
    Range range{INFINITY, -INFINITY, true, true};
    for (int64_t place : places) {
      const double value = elements.values[size_t(place)];
      if (std::isnan(value))
        return anything();
      range.low = std::min(range.low, value), range.high = std::max(range.high, value);
      range.isWhole &= value == std::floor(value) && std::fabs(value) <= kMostWhole;
    }
    return range;
  }

  enum class End { first, last };

  /// The first or the last key from `first` to `last` that the query sees.
  std::optional<int64_t> outermost(End end, int64_t first, int64_t last) {
    const int64_t here = end == End::first ? first : last;
    if (steps > kMostSteps)
      return here;
    const Range seen = evaluate(first, last);
    if (seen.isFalse())
      return std::nullopt;
    if (seen.isTrue() || first == last)
      return here;
    const int64_t middle = first + (last - first) / 2;
    const std::pair<int64_t, int64_t> lower{first, middle}, upper{middle + 1, last};
    const auto &[near, far] = end == End::first ? std::pair(lower, upper) : std::pair(upper, lower);
    const auto found = outermost(end, near.first, near.second);
    return found ? found : outermost(end, far.first, far.second);
  }

  bool areAllLive(int64_t first, int64_t last) {
    if (steps > kMostSteps)
      return false;
    const Range seen = evaluate(first, last);
    if (seen.isPoint())
      return seen.isTrue();
    const int64_t middle = first + (last - first) / 2;
    return first != last && areAllLive(first, middle) && areAllLive(middle + 1, last);
  }

  Block &region;
  llvm::DenseMap<Value, Elements> constants;
  std::vector<Step> program;
  std::vector<unsigned> results; ///< The conditions.
  std::vector<Range> ranges;     ///< Of all numbered values; the region's arguments lead.
  int64_t queries = 0, keys = 0, query = 0, steps = 0;
};

} // namespace

std::optional<SmallVector<LiveRun>> findLiveRuns(attn::AttentionOp attention, ArrayRef<Value> conditions,
                                                 ArrayRef<ConstantCapture> constants) {
  return LiveKeyFinder(attention, conditions, constants).run();
}

} // namespace attnc
