// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Attention with whole score rows: for each query, all scores, their maximum, their exponentials and sum, then the
// weighted values, divided by the sum. Why a blocked key has no influence: its score is replaced by -inf before the
// maximum, the exponential of -inf is exactly 0, and its value is replaced by 0, so that 0 * NaN does not arise. A row
// without a live key has the sum 0 and becomes zeros or NaN, as the op says; a live row has a sum >= 1, since its
// maximum contributes exp(0). NaN in a live score never becomes the maximum, but its exponential is NaN, and so are the
// sum and the row.
//
// Other normalizers than softmax make a weight of each score by itself, without maximum and sum, and 0 of -inf. Weights
// and log-sum-exp that the op returns are further outputs, over the same tiles of queries. In such a kernel the Var h
// counts the heads of all batch elements and b is 0: outputs that share their loops cannot share fused ones, since
// Halide takes a quotient of a fused loop of another output to be anything.

#include "codegen/KeyRange.h"
#include "codegen/OpAlgorithms.h"
#include "codegen/ScalarMath.h"

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

class AttentionBuilder {
public:
  AttentionBuilder(mlir::func::FuncOp kernel, const AttentionSchedule &schedule)
      : schedule(schedule), translator(kernel, algorithm), op(*kernel.getOps<attn::AttentionOp>().begin()),
        region(op.getScore().front()), isSoftmax(op.getNormalizer() == attn::Normalizer::softmax) {
    algorithm.name = kernel.getSymName().str();
    for (mlir::Operation &inner : kernel.front().without_terminator()) {
      if (&inner == op.getOperation())
        break;
      if (&inner == unpackedQuery())
        translator.unpackRows(mlir::cast<attn::UnpackRowsOp>(inner), true);
      else
        _halide_user_assert(translator.translate(inner))
            << "attnc: no kernel for '" << inner.getName().getStringRef().str() << "'";
    }
    readOperands();
  }

  Algorithm build() {
    const KeyRange range(keyBand(region), v.q, std::min(schedule.tileQueries, s.queries), s.keys, keyLength());
    s.skipsKeys = range.isPartial();
    defineDots(range);
    if (isSoftmax)
      defineMaximum(range);
    defineWeights();
    if (isSoftmax)
      defineSum(range);
    defineWeighted(range);
    defineOutput();
    if (op.getReturnsWeights())
      defineWeightsOutput(range);
    if (op.getReturnsLogSumExp())
      defineLogSumExpOutput();
    return std::move(algorithm);
  }

private:
  void readOperands() {
    query.tensor = translator.get(op.getQuery());
    key.tensor = translator.get(op.getKey());
    value.tensor = translator.get(op.getValue());
    for (mlir::Value capture : op.getCaptures())
      captures.push_back(translator.get(capture));
    s.packsRows = packing() != nullptr;
    if (s.packsRows)
      spans = translator.get(packing().getSpans());
    const size_t rank = query.tensor.rank();
    s.queries = staticExtent(query.tensor.extents[rank - 2]);
    s.keys = staticExtent(key.tensor.extents[rank - 2]);
    s.headDim = staticExtent(query.tensor.extents[rank - 1]);
    s.valueDim = staticExtent(value.tensor.extents[rank - 1]);
    s.isAdditive = op.getScoreWeight() != nullptr;
    s.countsHeadsOfAll = !op.getFurther().empty();
    heads = query.tensor.extents[rank - 3];
    batches = rank == 4 ? query.tensor.extents[0] : Expr(1);
    paddedKeys = (s.keys + kLanes - 1) / kLanes * kLanes;
    blocks = mayBlockKeys(region);
  }

  Expr head() const { return s.countsHeadsOfAll ? v.h % heads : v.h; }
  Expr batch() const { return s.countsHeadsOfAll ? v.h / heads : v.b; }
  /// The extents of the Vars h and b.
  Expr headLoop() const { return s.countsHeadsOfAll ? heads * batches : heads; }
  Expr batchLoop() const { return s.countsHeadsOfAll ? 1 : batches; }

  /// What packs the rows of the merged heads; null where they stay as they are.
  attn::PackRowsOp packing() {
    auto merge = mlir::dyn_cast<attn::MergeHeadsOp>(*op->getResult(0).getUsers().begin());
    return merge ? mlir::dyn_cast<attn::PackRowsOp>(*merge->getUsers().begin()) : attn::PackRowsOp();
  }

  /// What unpacks the rows of the query alone, where those of padding are packed away again behind; else null.
  mlir::Operation *unpackedQuery() {
    auto split = op.getQuery().getDefiningOp<attn::SplitHeadsOp>();
    auto unpack = split ? split.getInput().getDefiningOp<attn::UnpackRowsOp>() : attn::UnpackRowsOp();
    const bool isOnly =
        unpack && packing() && unpack.getSpans() == packing().getSpans() && unpack->hasOneUse() && split->hasOneUse();
    return isOnly ? unpack.getOperation() : nullptr;
  }

  /// The keys of the batch element, where the region blocks those from its length on; else undefined.
  Expr keyLength() {
    const auto lengths = liveConditions(region).lengths;
    s.hasLengths = lengths.has_value();
    return lengths ? clamp(captures[*lengths].at({{batch()}, {}}), 0, s.keys) : Expr();
  }

  /// The number of the batch element's queries that are computed.
  Expr queryLength(const Expr &b) const { return s.packsRows ? spans.at({{b, 1}, {}}) : Expr(s.queries); }

  /// A query of the tile; rows past the last query repeat it, so every register tile is whole.
  Expr queryRow() const { return s.packsRows ? max(min(v.q, queryLength(v.b) - 1), 0) : min(v.q, s.queries - 1); }

  void defineDots(const KeyRange &range) {
    const int panel = schedule.tileCols;
    Var ki("ki"), ko("ko");
    s.keyPanels = Func("key_panels");
    s.keyPanels(ki, v.d, ko, v.h, v.b) = key(batch(), head(), range.lastOr(ko * panel + ki), v.d);
    RDom depth(0, s.headDim, "depth");
    s.depth = depth;
    s.dots = Func("dots");
    s.dots(v.k, v.q, v.h, v.b) = 0.f;
    const Expr x = query(batch(), head(), queryRow(), depth);
    const Expr y = s.keyPanels(v.k % panel, depth, range.panel(v.k / panel, panel), v.h, v.b);
    s.dots(v.k, v.q, v.h, v.b) +=
        s.isAdditive ? translator.get(op.getScoreWeight()).at({{depth}, 0}) * tanhOf(x + y) : x * y;
  }

  /// The score, its common factor aside, of a key below paddedKeys; -inf where the key takes no part.
  Expr scoreAt(const Expr &at) {
    const Expr clamped = min(at, s.keys - 1);
    const Score score =
        evaluateScore(region, s.dots(at, v.q, v.h, v.b), {batch(), head(), queryRow(), clamped}, captures);
    factor = score.factor;
    Expr live = s.keys == paddedKeys ? Internal::const_true() : at < s.keys;
    if (blocks)
      live = live && score.live;
    const bool allOrNothing = blocks && (s.keys == 1 || !liveDependsOnKey(region));
    if (allOrNothing)
      return scoreWhere(live, score.value);
    return Internal::is_const_one(live) ? score.value : select(live, score.value, -kInfinity);
  }

  void defineMaximum(const KeyRange &range) {
    RDom step(0, paddedKeys / kLanes, "maximum_step");
    range.restrict(step, kLanes);
    s.maximumStep = step;
    s.maximumLanes = Func("maximum_lanes");
    s.maximumLanes(v.l, v.q, v.h, v.b) = -kInfinity;
    const Expr candidate = scoreAt(range.within(step * kLanes + v.l, kLanes));
    s.maximumLanes(v.l, v.q, v.h, v.b) =
        select(candidate > s.maximumLanes(v.l, v.q, v.h, v.b), candidate, s.maximumLanes(v.l, v.q, v.h, v.b));
    Func highest = combineLanes("highest", s.maximumLanes, v, [](Expr x, Expr y) { return select(y > x, y, x); });
    s.maximum = Func("maximum");
    // A row of -inf only: subtracting 0 keeps -inf.
    s.maximum(v.q, v.h, v.b) = select(highest(v.q, v.h, v.b) == -kInfinity, 0.f, highest(v.q, v.h, v.b));
  }

  void defineWeights() {
    s.weights = Func("weights");
    const Expr score = scoreAt(v.k);
    if (isSoftmax)
      s.weights(v.k, v.q, v.h, v.b) = expOfNonPositive(score - s.maximum(v.q, v.h, v.b), factor);
    else
      s.weights(v.k, v.q, v.h, v.b) =
          weightOfScore(op.getNormalizer(), factor == 1.0 ? score : score * static_cast<float>(factor));
  }

  void defineSum(const KeyRange &range) {
    RDom step(0, paddedKeys / kLanes, "sum_step");
    range.restrict(step, kLanes);
    s.sumStep = step;
    s.sumLanes = Func("sum_lanes");
    s.sumLanes(v.l, v.q, v.h, v.b) = 0.f;
    s.sumLanes(v.l, v.q, v.h, v.b) += s.weights(range.within(step * kLanes + v.l, kLanes), v.q, v.h, v.b);
    total = combineLanes("total", s.sumLanes, v, [](Expr x, Expr y) { return x + y; });
    s.sum = Func("sum");
    const Expr empty =
        op.getFullyMasked() == attn::FullyMasked::zero ? Expr(0.f) : Expr(std::numeric_limits<float>::quiet_NaN());
    s.sum(v.q, v.h, v.b) = select(total(v.q, v.h, v.b) == 0.f, empty, 1.f / total(v.q, v.h, v.b));
  }

  /// A weight or a sum of weighted values as the op has it.
  Expr normalized(const Expr &x) { return isSoftmax ? x * s.sum(v.q, v.h, v.b) : scaled(x); }

  Expr scaled(const Expr &x) {
    const float constant = op.getFactor().convertToFloat();
    return constant == 1.f ? x : x * constant;
  }

  void defineWeighted(const KeyRange &range) {
    const bool keyOnly = blocks && liveInBandDependsOnKeyOnly(region);
    s.copiesValues = keyOnly || s.valueDim % 16 != 0;
    s.values = Func("values");
    Expr element = value(batch(), head(), v.k, min(v.d, s.valueDim - 1));
    if (keyOnly)
      element = select(evaluateScore(region, 0.f, {batch(), head(), 0, v.k}, captures).liveInBand, element, 0.f);
    s.values(v.d, v.k, v.h, v.b) = element;
    s.weighted = Func("weighted");
    s.weighted(v.d, v.q, v.h, v.b) = 0.f;
    // Row sums ask for whole steps of weights; without them this does, so that all that is asked for has one form.
    const int step = isSoftmax ? 1 : kLanes;
    for (const auto &[position, someBlocked] : range.pieces()) {
      const Expr weight = s.weights(range.within(position, step), v.q, v.h, v.b);
      Expr weightedValue = s.values(v.d, range.withinLength(position), v.h, v.b);
      if (someBlocked || (blocks && !keyOnly))
        weightedValue = select(isLive(range.within(position, step), position, weight), weightedValue, 0.f);
      s.weighted(v.d, v.q, v.h, v.b) += weight * weightedValue;
      s.keyPieces.push_back(position);
    }
  }

  /// Whether the key at `position` takes part; `within` is the same position, known to be in the tile's range.
  Expr isLive(const Expr &within, const Expr &position, const Expr &weight) {
    const bool byScore = liveDependsOnScore(region);
    // Where the score itself decides, the weight of a softmax tells: it is exactly 0 at a blocked key.
    if (byScore && isSoftmax)
      return weight != 0.f;
    const Expr dot = byScore ? Expr(s.dots(within, v.q, v.h, v.b)) : Expr(0.f);
    return evaluateScore(region, dot, {batch(), head(), queryRow(), position}, captures).live;
  }

  /// The rows of the tokens, one after the other: an update that runs over the tiles of every batch element.
  void definePackedOutput() {
    Func &out = algorithm.output = Func("out");
    const int tileRows = std::min(schedule.tileQueries, s.queries), tiles = (s.queries + tileRows - 1) / tileRows;
    s.place = RDom({{0, tileRows}, {0, tiles}, {0, batches}}, "place");
    const Expr b = s.place.z, first = s.place.y * tileRows, query = first + s.place.x;
    s.place.where(first < queryLength(b));
    s.place.where(query < queryLength(b));
    out(v.d, v.h, v.m) = undef<float>();
    const Expr row = unsafe_promise_clamped(spans.at({{b, 0}, {}}) + query, 0, translator.rowsOfTokens() - 1);
    Expr element = s.weighted(v.d, query, v.h, b);
    out(v.d, v.h, row) = isSoftmax ? element * s.sum(query, v.h, b) : scaled(element);
    auto buffer = out.output_buffer();
    buffer.dim(0).set_bounds(0, s.valueDim).set_stride(1);
    buffer.dim(1).set_bounds(0, heads).set_stride(s.valueDim);
    buffer.dim(2).set_bounds(0, translator.rowsOfTokens()).set_stride(heads * s.valueDim);
    out.bound(v.d, 0, s.valueDim).bound(v.h, 0, heads).bound(v.m, 0, translator.rowsOfTokens());
  }

  void defineOutput() {
    if (s.packsRows)
      return definePackedOutput();
    Func &out = algorithm.output = Func("out");
    out(v.d, v.q, v.h, v.b) = normalized(s.weighted(v.d, v.q, v.h, v.b));
    const bool merged = mlir::isa<attn::MergeHeadsOp>(*op.getResult().getUsers().begin());
    auto buffer = out.output_buffer();
    const int width = s.valueDim;
    buffer.dim(0).set_bounds(0, width).set_stride(1);
    buffer.dim(1).set_bounds(0, s.queries).set_stride(merged ? heads * width : Expr(width));
    // With further outputs only a single head is merged, which leaves the elements where they are.
    buffer.dim(2).set_bounds(0, headLoop()).set_stride(merged && !s.countsHeadsOfAll ? width : s.queries * width);
    buffer.dim(3).set_bounds(0, batchLoop()).set_stride(heads * s.queries * width);
    out.bound(v.d, 0, width).bound(v.q, 0, s.queries).bound(v.h, 0, headLoop()).bound(v.b, 0, batchLoop());
  }

  void defineWeightsOutput(const KeyRange &range) {
    Func out("attn_weights");
    // Times the sum also where no key is: NaN of a row that is NaN, or fully masked, is everywhere in it.
    out(v.k, v.q, v.h, v.b) = normalized(
        range.orZero(v.k, kLanes, [&](const Expr &position) -> Expr { return s.weights(position, v.q, v.h, v.b); }));
    auto buffer = out.output_buffer();
    buffer.dim(0).set_bounds(0, s.keys).set_stride(1);
    buffer.dim(1).set_bounds(0, s.queries).set_stride(s.keys);
    buffer.dim(2).set_bounds(0, headLoop()).set_stride(s.queries * s.keys);
    buffer.dim(3).set_bounds(0, 1);
    out.bound(v.k, 0, s.keys).bound(v.q, 0, s.queries).bound(v.h, 0, headLoop()).bound(v.b, 0, 1);
    algorithm.furtherOutputs.push_back(out);
  }

  void defineLogSumExpOutput() {
    Func out("log_sum_exp");
    const Expr highest = s.maximum(v.q, v.h, v.b);
    out(v.q, v.h, v.b) = (factor == 1.0 ? highest : highest * static_cast<float>(factor)) + logOf(total(v.q, v.h, v.b));
    auto buffer = out.output_buffer();
    buffer.dim(0).set_bounds(0, s.queries).set_stride(1);
    buffer.dim(1).set_bounds(0, headLoop()).set_stride(s.queries);
    buffer.dim(2).set_bounds(0, 1);
    out.bound(v.q, 0, s.queries).bound(v.h, 0, headLoop()).bound(v.b, 0, 1);
    algorithm.furtherOutputs.push_back(out);
  }

  const AttentionSchedule &schedule;
  Algorithm algorithm;
  OpTranslator translator;
  attn::AttentionOp op;
  mlir::Block &region;
  const bool isSoftmax;
  AttentionStages &s = algorithm.attention;
  const KernelVars &v = algorithm.vars;
  HeadTensor query, key, value;
  std::vector<Tensor> captures;
  Tensor spans; ///< Of packed rows: the first row and the number of rows of each batch element.
  Expr heads, batches;
  int paddedKeys = 0;
  bool blocks = false;
  double factor = 1.0; ///< Of all scores, as evaluateScore() took it out.
  Func total;          ///< The sums of the exponentials, before they become divisors.
};

} // namespace

Algorithm buildAttentionAlgorithm(mlir::func::FuncOp kernel, const AttentionSchedule &schedule) {
  return AttentionBuilder(kernel, schedule).build();
}

} // namespace attnc
