// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Attention with whole score rows: for each query, all scores, their maximum, their exponentials and sum, then the
// weighted values, divided by the sum. Why a blocked key has no influence: its score is replaced by -inf before the
// maximum, the exponential of -inf is exactly 0, and its value is replaced by 0, so that 0 * NaN does not arise. A row
// without a live key has the sum 0 and becomes zeros or NaN, as the op says; a live row has a sum >= 1, since its
// maximum contributes exp(0). NaN in a live score never becomes the maximum, but its exponential is NaN, and so are the
// sum and the row.

#include "codegen/OpAlgorithms.h"
#include "codegen/ScalarMath.h"
#include "codegen/ScoreRegion.h"

#include <limits>

using namespace Halide;

namespace attnc {

namespace {

const float kInfinity = std::numeric_limits<float>::infinity();
constexpr int kLanes = kAttentionLanes;

/// The operands of an attention as functions of (batch, head, position, dimension).
struct HeadTensor {
  Tensor tensor;
  Expr operator()(const Expr &b, const Expr &h, const Expr &s, const Expr &d) const {
    Index index{{b, h, s, d}, {}};
    if (tensor.rank() == 3)
      index.dims.erase(index.dims.begin());
    return tensor.at(index);
  }
};

/// select(live, score, -inf) in integer operations. A select whose condition is the same for all keys would make Halide
/// skip the scores where it is false, and so give them scratch of a size that only the run knows.
Expr scoreWhere(const Expr &live, const Expr &score) {
  const Expr keep = -cast<int32_t>(live);
  return reinterpret<float>((reinterpret<int32_t>(score) & keep) | (reinterpret<int32_t>(Expr(-kInfinity)) & ~keep));
}

/// The keys that a tile of queries can see, by the region's comparisons of indices alone. Keys outside are skipped,
/// which changes no value: their scores would be -inf, their exponentials 0. Inside, keys that all queries of the tile
/// can see lie between those that only some can.
class KeyRange {
public:
  KeyRange(const KeyBand &band, const Var &q, int tileRows, int keys)
      : partial(band.first || band.last), keys(keys), begin(0), end(keys), fullBegin(0), fullEnd(keys) {
    const Expr tileStart = q / tileRows * tileRows;
    // The place of the tile's query of this number, moved by `offset`, as a place among the keys.
    auto bound = [&](int row, int64_t offset) {
      // So far out no key is in range, and the sum still fits 32 bits.
      const int64_t near = std::clamp<int64_t>(offset, -(1 << 28), 1 << 28);
      return clamp(tileStart + static_cast<int>(row + near), 0, keys);
    };
    if (band.first)
      // At most the last key: the range never begins behind the panels, and that key's own condition still decides.
      begin = min(bound(0, *band.first), keys - 1), fullBegin = bound(tileRows - 1, *band.first);
    if (band.last)
      end = bound(tileRows - 1, *band.last + 1), fullEnd = bound(0, *band.last + 1);
    fullBegin = min(fullBegin, end);
    fullEnd = max(fullEnd, fullBegin);
  }

  bool isPartial() const { return partial; }

  /// Leaves out the steps of `step` keys that hold no key of the range.
  void restrict(RDom &steps, int step) const {
    if (!partial)
      return;
    steps.where(steps * step + (step - 1) >= begin);
    steps.where(steps * step < end);
  }

  /// The keys of the range in ascending order, in pieces: with each, whether only some of the tile's queries can see
  /// its keys.
  std::vector<std::pair<RDom, bool>> pieces() const {
    if (!partial)
      return {{RDom(0, keys, "key"), false}};
    auto piece = [&](const Expr &from, const Expr &to, const char *name) {
      RDom part(0, keys, name);
      part.where(part >= from);
      part.where(part < to);
      return part;
    };
    return {{piece(begin, fullBegin, "first_keys"), true},
            {piece(fullBegin, fullEnd, "key"), false},
            {piece(fullEnd, end, "last_keys"), true}};
  }

  /// `key`, which a loop over restricted steps makes, with what is known of its range: whole steps that hold a key of
  /// it. What is read there needs to be computed there only.
  Expr within(const Expr &key, int step) const {
    if (!partial)
      return key;
    return unsafe_promise_clamped(key, begin / step * step, (end + (step - 1)) / step * step - 1);
  }

  /// The number of a panel of `width` keys, with what Halide's own bounds lose: it is one of those that there are. A
  /// range rounded up by a step reaches one panel further than the keys.
  Expr panel(const Expr &number, int width) const {
    return partial ? unsafe_promise_clamped(number, 0, (keys + width - 1) / width) : number;
  }

private:
  bool partial;
  int keys;
  Expr begin, end, fullBegin, fullEnd;
};

/// Combines the 16 lanes of `partial` by a fixed tree.
Func combineLanes(const std::string &name, const Func &partial, const KernelVars &v,
                  const std::function<Expr(Expr, Expr)> &combine) {
  std::vector<Expr> parts;
  for (int i = 0; i < kLanes; ++i)
    parts.push_back(partial(i, v.q, v.h, v.b));
  Func total(name);
  total(v.q, v.h, v.b) = combineTree(parts, combine);
  return total;
}

} // namespace

Algorithm buildAttentionAlgorithm(mlir::func::FuncOp kernel, const AttentionSchedule &schedule) {
  const int panel = schedule.tileCols;
  Algorithm algorithm;
  algorithm.name = kernel.getSymName().str();
  OpTranslator translator(kernel, algorithm);
  attn::AttentionOp op = *kernel.getOps<attn::AttentionOp>().begin();
  for (mlir::Operation &inner : kernel.front().without_terminator()) {
    if (&inner == op.getOperation())
      break;
    _halide_user_assert(translator.translate(inner))
        << "attnc: no kernel for '" << inner.getName().getStringRef().str() << "'";
  }
  const auto &[n, m, d, q, k, h, b, l] = algorithm.vars;
  const HeadTensor query{translator.get(op.getQuery())}, key{translator.get(op.getKey())},
      value{translator.get(op.getValue())};
  std::vector<Tensor> captures;
  for (mlir::Value capture : op.getCaptures())
    captures.push_back(translator.get(capture));

  AttentionStages &s = algorithm.attention;
  const size_t rank = query.tensor.rank();
  s.queries = staticExtent(query.tensor.extents[rank - 2]);
  s.keys = staticExtent(key.tensor.extents[rank - 2]);
  s.headDim = staticExtent(query.tensor.extents[rank - 1]);
  s.valueDim = staticExtent(value.tensor.extents[rank - 1]);
  const Expr heads = query.tensor.extents[rank - 3], batches = rank == 4 ? query.tensor.extents[0] : Expr(1);
  const int keys = s.keys, queries = s.queries, paddedKeys = (keys + kLanes - 1) / kLanes * kLanes;

  mlir::Block &region = op.getScore().front();
  const KeyRange range(keyBand(region), q, std::min(schedule.tileQueries, queries), keys);
  s.skipsKeys = range.isPartial();

  Var ki("ki"), ko("ko");
  s.keyPanels = Func("key_panels");
  s.keyPanels(ki, d, ko, h, b) = key(b, h, min(ko * panel + ki, keys - 1), d);

  RDom depth(0, s.headDim, "depth");
  s.depth = depth;
  s.dots = Func("dots");
  s.dots(k, q, h, b) = 0.f;
  // Rows past the last query repeat it, so every register tile is whole.
  s.dots(k, q, h, b) +=
      query(b, h, min(q, queries - 1), depth) * s.keyPanels(k % panel, depth, range.panel(k / panel, panel), h, b);

  const bool blocks = mayBlockKeys(region), allOrNothing = blocks && (keys == 1 || !liveDependsOnKey(region));
  double factor = 1.0;
  auto scoreAt = [&](const Expr &at) -> Expr {
    const Expr clamped = min(at, keys - 1);
    const Score score = evaluateScore(region, s.dots(at, q, h, b), {b, h, min(q, queries - 1), clamped}, captures);
    factor = score.factor;
    Expr live = keys == paddedKeys ? Internal::const_true() : at < keys;
    if (blocks)
      live = live && score.live;
    if (allOrNothing)
      return scoreWhere(live, score.value);
    return Internal::is_const_one(live) ? score.value : select(live, score.value, -kInfinity);
  };

  RDom maximumStep(0, paddedKeys / kLanes, "maximum_step");
  range.restrict(maximumStep, kLanes);
  s.maximumStep = maximumStep;
  s.maximumLanes = Func("maximum_lanes");
  s.maximumLanes(l, q, h, b) = -kInfinity;
  const Expr candidate = scoreAt(range.within(maximumStep * kLanes + l, kLanes));
  s.maximumLanes(l, q, h, b) = select(candidate > s.maximumLanes(l, q, h, b), candidate, s.maximumLanes(l, q, h, b));
  Func highest =
      combineLanes("highest", s.maximumLanes, algorithm.vars, [](Expr x, Expr y) { return select(y > x, y, x); });
  s.maximum = Func("maximum");
  // A row of -inf only: subtracting 0 keeps -inf.
  s.maximum(q, h, b) = select(highest(q, h, b) == -kInfinity, 0.f, highest(q, h, b));

  s.weights = Func("weights");
  s.weights(k, q, h, b) = expOfNonPositive(scoreAt(k) - s.maximum(q, h, b), factor);

  RDom sumStep(0, paddedKeys / kLanes, "sum_step");
  range.restrict(sumStep, kLanes);
  s.sumStep = sumStep;
  s.sumLanes = Func("sum_lanes");
  s.sumLanes(l, q, h, b) = 0.f;
  s.sumLanes(l, q, h, b) += s.weights(range.within(sumStep * kLanes + l, kLanes), q, h, b);
  Func total = combineLanes("total", s.sumLanes, algorithm.vars, [](Expr x, Expr y) { return x + y; });
  s.sum = Func("sum");
  const Expr empty =
      op.getFullyMasked() == attn::FullyMasked::zero ? Expr(0.f) : Expr(std::numeric_limits<float>::quiet_NaN());
  s.sum(q, h, b) = select(total(q, h, b) == 0.f, empty, 1.f / total(q, h, b));

  const bool keyOnly = blocks && liveInBandDependsOnKeyOnly(region);
  s.copiesValues = keyOnly || s.valueDim % 16 != 0;
  s.values = Func("values");
  Expr element = value(b, h, k, min(d, s.valueDim - 1));
  if (keyOnly)
    element = select(evaluateScore(region, 0.f, {b, h, 0, k}, captures).liveInBand, element, 0.f);
  s.values(d, k, h, b) = element;
  s.weighted = Func("weighted");
  s.weighted(d, q, h, b) = 0.f;
  for (const auto &[position, someBlocked] : range.pieces()) {
    const Expr weight = s.weights(range.within(position, 1), q, h, b);
    Expr weightedValue = s.values(d, position, h, b);
    if (someBlocked || (blocks && !keyOnly)) {
      // Where the score itself decides, the weight tells: it is exactly 0 at a blocked key.
      const Expr live = liveDependsOnScore(region)
                            ? weight != 0.f
                            : evaluateScore(region, 0.f, {b, h, min(q, queries - 1), position}, captures).live;
      weightedValue = select(live, weightedValue, 0.f);
    }
    s.weighted(d, q, h, b) += weight * weightedValue;
    s.keyPieces.push_back(position);
  }

  algorithm.output = Func("out");
  algorithm.output(d, q, h, b) = s.weighted(d, q, h, b) * s.sum(q, h, b);
  const bool merged = mlir::isa<attn::MergeHeadsOp>(*op.getResult().getUsers().begin());
  auto buffer = algorithm.output.output_buffer();
  const int width = s.valueDim;
  buffer.dim(0).set_bounds(0, width).set_stride(1);
  buffer.dim(1).set_bounds(0, queries).set_stride(merged ? heads * width : Expr(width));
  buffer.dim(2).set_bounds(0, heads).set_stride(merged ? width : queries * width);
  buffer.dim(3).set_bounds(0, batches).set_stride(heads * queries * width);
  algorithm.output.bound(d, 0, width).bound(q, 0, queries).bound(h, 0, heads).bound(b, 0, batches);
  return algorithm;
}

} // namespace attnc
