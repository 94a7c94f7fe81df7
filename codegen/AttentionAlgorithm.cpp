// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Attention: for each query, all scores, their maximum, their exponentials and sum, then the weighted values, divided
// by the sum. With blocks of keys (the online softmax), maximum, sum and weighted values are those of a block, and a
// query's are made of them at the end: each block counts by the exponential of its maximum less the query's. Why a
// blocked key has no influence: its score is replaced by -inf before the maximum, the exponential of -inf is exactly 0,
// and its value is replaced by 0, so that 0 * NaN does not arise. A row without a live key has the sum 0 and becomes
// zeros or NaN, or an error, as the op says; a live row has a sum >= 1, since its maximum contributes exp(0). NaN in a
// live score never becomes the maximum, but its exponential is NaN, and so are the sum and the row. A block without a
// live key has the maximum -inf, counts by exp(-inf) = 0, and has sums of 0.
//
// Other normalizers than softmax make a weight of each score by itself, without maximum and sum, and 0 of -inf. Weights
// and log-sum-exp that the op returns are further outputs, over the same tiles of queries. In such a kernel the Var h
// counts the heads of all batch elements and b is 0: outputs that share their loops cannot share fused ones, since
// Halide takes a quotient of a fused loop of another output to be anything.

#include "codegen/FullyMasked.h"
#include "codegen/OpAlgorithms.h"
#include "codegen/ScalarMath.h"
#include "codegen/StoredProducts.h"

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

/// The weight of a blocked key where only its score tells that it is one: -0, which no exponential is.
Expr blockedWeight() { return reinterpret<float>(Expr(std::numeric_limits<int32_t>::min())); }

class AttentionBuilder {
public:
  AttentionBuilder(mlir::func::FuncOp kernel, const AttentionSchedule &schedule)
      : schedule(schedule), translator(kernel, algorithm), op(*kernel.getOps<attn::AttentionOp>().begin()),
        region(op.getScore().front()), isSoftmax(op.getNormalizer() == attn::Normalizer::softmax),
        isOnline(schedule.blockKeys != 0) {
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
    s.skipsByData = !isOnline && (s.hasLengths || !keyLimits(op).runs.empty());
    const KeyRange range = rangeOf(s.skipsByData ? Expr(v.t) : tileOfQuery(), tileRows,
                                   {isOnline ? Expr(v.c) : Expr(), schedule.blockKeys});
    s.skipsKeys = range.isPartial();
    s.usesPanelsOnce = s.skipsByData && s.queries <= tileRows;
    defineDots(range);
    if (isSoftmax)
      defineMaximum(range);
    defineWeights(range);
    if (isSoftmax)
      defineTotal(range);
    defineWeighted(range);
    if (isOnline)
      combineBlocks();
    if (isSoftmax)
      defineSum();
    defineOutput();
    if (op.getReturnsWeights())
      defineWeightsOutput(rangeOf(tileOfQuery(), tileRows));
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
    tileRows = std::min(schedule.tileQueries, s.queries);
    s.headDim = staticExtent(query.tensor.extents[rank - 1]);
    s.valueDim = staticExtent(value.tensor.extents[rank - 1]);
    s.isAdditive = op.getScoreWeight() != nullptr;
    s.countsHeadsOfAll = !op.getFurther().empty();
    heads = query.tensor.extents[rank - 3];
    batches = rank == 4 ? query.tensor.extents[0] : Expr(1);
    paddedKeys = (s.keys + kLanes - 1) / kLanes * kLanes;
    factor = constantFactor(region).value_or(1.0);
    // Not above 1, so that no key overflows; without a common factor it is.
    scalesKeys = isSoftmax && !s.isAdditive && factor * kLog2E <= 1.0 && !liveDependsOnScore(region);
    mayBlock = mayBlockKeys(region);
    marksBlocked = mayBlock && isSoftmax && liveDependsOnScore(region);
    length = keyLength();
    // In blocks of keys a range that ends where data says would take scratch whose size only the run knows.
    s.hasLengths = length.defined() && !isOnline;
    _halide_user_assert(!isOnline || !(op.getReturnsWeights() || s.packsRows))
        << "attnc: an attention that returns weights or packs rows takes whole rows";
  }

  /// The keys that a tile of `rows` queries looks at.
  KeyRange rangeOf(const Expr &tile, int rows, const KeyBlock &block = {}) const {
    return KeyRange(keyLimits(op), tile, {s.queries, rows}, s.keys, s.hasLengths ? length : Expr(), block);
  }

  /// The tile that holds the query v.q.
  Expr tileOfQuery() const { return v.q / tileRows; }

  /// The arguments of a function of a query, and of its block of keys where there are blocks, and of its tile where
  /// data or a table say what that looks at. That the tile is a dimension of its own, of one element where the function
  /// is computed, tells Halide that what it reads there is the same for all queries of the tile. Of a range that
  /// follows from the tile alone, and is empty for some, Halide would leave out stages that others still read.
  std::vector<Expr> ofQuery(std::vector<Expr> arguments = {}) const { return withTile(std::move(arguments), v.t); }

  /// The same where v.t is no dimension.
  std::vector<Expr> ofQueryAlone(std::vector<Expr> arguments = {}) const {
    return withTile(std::move(arguments), tileOfQuery());
  }

  std::vector<Expr> withTile(std::vector<Expr> arguments, const Expr &tile) const {
    arguments.push_back(v.q);
    if (isOnline)
      arguments.push_back(v.c);
    if (s.skipsByData)
      arguments.push_back(tile);
    arguments.insert(arguments.end(), {v.h, v.b});
    return arguments;
  }

  /// Combines the 16 lanes of `partial` by a fixed tree.
  Func combineLanes(const std::string &name, const Func &partial, const std::function<Expr(Expr, Expr)> &combine) {
    std::vector<Expr> parts;
    for (int i = 0; i < kLanes; ++i)
      parts.push_back(partial(ofQuery({i})));
    Func combined(name);
    combined(ofQuery()) = combineTree(parts, combine);
    return combined;
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
    if (!lengths)
      return {};
    // Before the offset is added, so that no sum exceeds 32 bits.
    const Expr known = clamp(captures[lengths->capture].at({{batch()}, {}}), 0, s.keys);
    return lengths->offset ? min(known + static_cast<int>(std::min<int64_t>(lengths->offset, s.keys)), s.keys) : known;
  }

  /// The number of the batch element's queries that are computed.
  Expr queryLength(const Expr &b) const {
    // Without the promise a tile of rows past the last query would ask for elements outside the region's tensors.
    return s.packsRows ? unsafe_promise_clamped(spans.at({{b, 1}, {}}), 0, s.queries) : Expr(s.queries);
  }

  /// A query of the tile; rows past the last query repeat it, so every register tile is whole.
  Expr queryRow() const { return s.packsRows ? max(min(v.q, queryLength(v.b) - 1), 0) : min(v.q, s.queries - 1); }

  void defineDots(const KeyRange &range) {
    const int panel = schedule.tileCols;
    Var ki("ki"), ko("ko");
    s.keyPanels = Func("key_panels");
    s.keysInTurn = Func("keys_in_turn");
    s.keyRows = Func("key_rows");
    const Expr element = key(batch(), head(), range.lastOr(v.k), v.d);
    s.keysInTurn(v.d, v.k, v.h, v.b) = scalesKeys ? element * static_cast<float>(factor * kLog2E) : element;
    s.keyRows(v.d, v.k, v.h, v.b) = s.keysInTurn(v.d, v.k, v.h, v.b);
    s.keyPanels(ki, v.d, ko, v.h, v.b) = s.keyRows(v.d, ko * panel + ki, v.h, v.b);
    RDom depth(0, s.headDim, "depth");
    s.depth = depth;
    s.products = Func("products");
    s.products(ofQuery({v.k})) = 0.f;
    const Expr x = query(batch(), head(), queryRow(), depth);
    const Expr y = s.keyPanels(v.k % panel, depth, range.panel(v.k / panel, panel), v.h, v.b);
    s.products(ofQuery({v.k})) +=
        s.isAdditive ? translator.get(op.getScoreWeight()).at({{depth}, 0}) * tanhOf(x + y) : x * y;
    s.dots = Func("dots");
    s.dotTiles = defineOverKeys(s.dots, range, panel, [&](const Expr &at) { return s.products(ofQuery({at})); });
  }

  /// Defines a stage of a query and the keys of its range. Of a range that data or a table say Halide's bounds know
  /// nothing, and a stage that is computed where its consumers need it would be computed everywhere: there the stage is
  /// an update over pieces of `width` keys, which are returned.
  RDom defineOverKeys(Func &stage, const KeyRange &range, int width, const std::function<Expr(const Expr &)> &value) {
    if (!s.skipsByData) {
      stage(ofQuery({v.k})) = value(v.k);
      return {};
    }
    const RDom tiles = range.tiles(width, kLanes, stage.name() + "_tile");
    const Expr at = tiles.y * width + tiles.x;
    stage(ofQuery({v.k})) = undef<float>();
    stage(ofQuery({at})) = value(at);
    return tiles;
  }

  /// The score, its common factor aside, of a key below paddedKeys; -inf where the key takes no part.
  struct MaskedScore {
    Expr value, live;
  };
  MaskedScore scoreAt(const Expr &at) {
    const Expr clamped = min(at, s.keys - 1);
    const Expr dot = s.dots(ofQuery({at}));
    const Score score = evaluateScore(region, dot, {batch(), head(), queryRow(), clamped}, captures);
    namesConditions = score.namesConditions;
    // A product is rounded before the maximum is subtracted, also where it is known that all keys take part.
    const Expr value = score.value.same_as(dot) ? dot : opaque(score.value);
    Expr live = s.keys == paddedKeys ? Internal::const_true() : at < s.keys;
    if (mayBlock)
      live = live && score.live;
    const bool mayCut = isLiveByPlace() && !Internal::is_const_one(live);
    return {whereLive(live, mayCut ? likely(value) : value, -kInfinity), live};
  }

  /// Whether the places of query and key alone tell which keys take part. A loop over keys is then cut in two, and its
  /// first part, in which all take part, does not ask: 3 % of a causal attention (S=16384, D=64, Zen 4).
  bool isLiveByPlace() const {
    const LiveConditions conditions = liveConditions(region);
    const bool byPlace = !conditions.lengths && conditions.fixed.empty() && conditions.others.empty();
    return !s.skipsByData && (!mayBlock || byPlace);
  }

  /// x of a key that takes part. Where all keys do or none, Halide would skip the scores of a select whose condition is
  /// false, and so give them scratch of a size that only the run knows.
  Expr whereLive(const Expr &live, const Expr &x, const Expr &otherwise) const {
    const bool allOrNothing = mayBlock && (s.keys == 1 || !liveDependsOnKey(region));
    if (allOrNothing || namesConditions)
      return selectBits(live, x, otherwise);
    return Internal::is_const_one(live) ? x : select(live, x, otherwise);
  }

  void defineMaximum(const KeyRange &range) {
    RDom step(0, stepsOf(range), "maximum_step");
    range.restrict(step, kLanes);
    s.maximumStep = step;
    s.maximumLanes = Func("maximum_lanes");
    s.maximumLanes(ofQuery({v.l})) = -kInfinity;
    const Expr candidate = scoreAt(range.within(step * kLanes + v.l, kLanes)).value;
    s.maximumLanes(ofQuery({v.l})) = larger(s.maximumLanes(ofQuery({v.l})), candidate);
    highest = combineLanes("highest", s.maximumLanes, larger);
    s.maximum = Func("maximum");
    s.maximum(ofQuery()) = finiteOrZero(highest(ofQuery()));
  }

  /// Steps of a row's lanes over the places of a range.
  static int stepsOf(const KeyRange &range) { return (range.most() + kLanes - 1) / kLanes; }

  void defineWeights(const KeyRange &range) {
    s.weights = Func("weights");
    s.weightTiles = defineOverKeys(s.weights, range, kLanes, [&](const Expr &at) { return weightAt(at); });
  }

  /// exp of a difference of scores, of which `x` lacks the common factor.
  Expr exponential(const Expr &x) const { return scalesKeys ? exp2OfNonPositive(x) : expOfNonPositive(x, factor); }

  Expr weightAt(const Expr &at) {
    const MaskedScore score = scoreAt(at);
    Expr weight;
    if (isSoftmax)
      weight = exponential(score.value - s.maximum(ofQuery()));
    else
      weight =
          weightOfScore(op.getNormalizer(), factor == 1.0 ? score.value : score.value * static_cast<float>(factor));
    return marksBlocked ? whereLive(score.live, weight, blockedWeight()) : weight;
  }

  void defineTotal(const KeyRange &range) {
    RDom step(0, stepsOf(range), "sum_step");
    range.restrict(step, kLanes);
    s.sumStep = step;
    s.sumLanes = Func("sum_lanes");
    s.sumLanes(ofQuery({v.l})) = 0.f;
    s.sumLanes(ofQuery({v.l})) += s.weights(ofQuery({range.within(step * kLanes + v.l, kLanes)}));
    total = combineLanes("total", s.sumLanes, [](Expr x, Expr y) { return x + y; });
  }

  /// What a query makes of its blocks, which are those that its block of queries looks at.
  void combineBlocks() {
    const int rows = tileRows * schedule.blockQueries;
    const KeyRange range = rangeOf(v.q / rows, rows);
    OnlineStages &online = s.online;
    online.blocks = (s.keys + schedule.blockKeys - 1) / schedule.blockKeys;
    RDom all(0, online.blocks, "block");
    range.restrict(all, schedule.blockKeys);
    online.block = all;
    const Expr block = range.step(all, schedule.blockKeys);
    online.weighted = Func("block_weighted");
    online.weighted(v.d, v.q, v.c, v.h, v.b) = s.weighted(ofQueryAlone({v.d}));
    Expr part = online.weighted(v.d, v.q, block, v.h, v.b);
    if (isSoftmax) {
      combineRows(block);
      part = online.factors(v.q, block, v.h, v.b) * part;
    }
    online.combined = Func("combined");
    online.combined(v.d, v.q, v.h, v.b) = 0.f;
    online.combined(v.d, v.q, v.h, v.b) += part;
  }

  void combineRows(const Expr &block) {
    OnlineStages &online = s.online;
    online.row = Func("block_row");
    online.row(v.q, v.c, v.h, v.b) = Tuple(highest(ofQueryAlone()), total(ofQueryAlone()));
    online.maximum = Func("row_maximum");
    online.maximum(v.q, v.h, v.b) = -kInfinity;
    online.maximum(v.q, v.h, v.b) = larger(online.maximum(v.q, v.h, v.b), online.row(v.q, block, v.h, v.b)[0]);
    online.factors = Func("factors");
    online.factors(v.q, v.c, v.h, v.b) =
        exponential(online.row(v.q, v.c, v.h, v.b)[0] - finiteOrZero(online.maximum(v.q, v.h, v.b)));
    online.sum = Func("row_sum");
    online.sum(v.q, v.h, v.b) = 0.f;
    online.sum(v.q, v.h, v.b) += online.factors(v.q, block, v.h, v.b) * online.row(v.q, block, v.h, v.b)[1];
  }

  /// Of a query, over all keys.
  Expr rowMaximum() const {
    return isOnline ? finiteOrZero(s.online.maximum(v.q, v.h, v.b)) : Expr(s.maximum(ofQueryAlone()));
  }
  Expr rowTotal() const { return isOnline ? Expr(s.online.sum(v.q, v.h, v.b)) : Expr(total(ofQueryAlone())); }
  Expr rowWeighted() const {
    return isOnline ? Expr(s.online.combined(v.d, v.q, v.h, v.b)) : Expr(s.weighted(ofQueryAlone({v.d})));
  }

  void defineSum() {
    s.sum = Func("sum");
    s.sum(v.q, v.h, v.b) = unlessEmpty(rowTotal(), 1.f / rowTotal(), op.getFullyMasked());
  }

  /// A weight or a sum of weighted values as the op has it.
  Expr normalized(const Expr &x) { return isSoftmax ? x * s.sum(v.q, v.h, v.b) : scaled(x); }

  Expr scaled(const Expr &x) {
    const float constant = op.getFactor().convertToFloat();
    return constant == 1.f ? x : x * constant;
  }

  void defineWeighted(const KeyRange &range) {
    const bool keyOnly = mayBlock && liveInBandDependsOnKeyOnly(region);
    const bool blocksBeyondLength = length.defined() && !s.hasLengths;
    s.copiesValues =
        (keyOnly && (blocksBeyondLength || !liveConditions(region).others.empty())) || s.valueDim % 16 != 0;
    s.values = Func("values");
    Expr element = value(batch(), head(), v.k, min(v.d, s.valueDim - 1));
    if (keyOnly) {
      const Expr live = evaluateScore(region, 0.f, {batch(), head(), 0, v.k}, captures).liveInBand;
      element = whereLive(blocksBeyondLength ? live && v.k < length : live, element, 0.f);
    }
    s.values(v.d, v.k, v.h, v.b) = element;
    s.weighted = Func("weighted");
    s.weighted(ofQuery({v.d})) = 0.f;
    // Row sums ask for whole steps of weights; without them this does, so that all that is asked for has one form.
    const int step = isSoftmax ? 1 : kLanes;
    s.keyPieces = range.pieces();
    for (const KeyRange::Piece &piece : s.keyPieces) {
      const Expr within = range.within(piece.place, step), position = range.key(piece.place);
      const Expr weight = s.weights(ofQuery({within}));
      Expr weightedValue = s.values(v.d, position, v.h, v.b);
      if (piece.someBlocked || (mayBlock && !keyOnly))
        weightedValue = whereLive(isLive(within, position, weight), weightedValue, 0.f);
      s.weighted(ofQuery({v.d})) += weight * weightedValue;
    }
  }

  /// Whether the key at `position` takes part; `within` is the same position, known to be in the tile's range.
  Expr isLive(const Expr &within, const Expr &position, const Expr &weight) {
    if (marksBlocked)
      return reinterpret<int32_t>(weight) != reinterpret<int32_t>(blockedWeight());
    const Expr dot = liveDependsOnScore(region) ? Expr(s.dots(ofQuery({within}))) : Expr(0.f);
    return evaluateScore(region, dot, {batch(), head(), queryRow(), position}, captures).live;
  }

  /// The rows of the tokens, one after the other: an update that runs over the tiles of every batch element.
  void definePackedOutput() {
    Func &out = algorithm.output = Func("out");
    s.place = RDom({{0, tileRows}, {0, QueryTiles{s.queries, tileRows}.count()}, {0, batches}}, "place");
    const Expr b = s.place.z, first = s.place.y * tileRows, query = first + s.place.x;
    s.place.where(first < queryLength(b));
    s.place.where(query < queryLength(b));
    out(v.d, v.h, v.m) = undef<float>();
    const Expr row = unsafe_promise_clamped(spans.at({{b, 0}, {}}) + query, 0, translator.rowsOfTokens() - 1);
    Expr element = s.skipsByData ? s.weighted(v.d, query, s.place.y, v.h, b) : s.weighted(v.d, query, v.h, b);
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
    out(v.d, v.q, v.h, v.b) = normalized(rowWeighted());
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
    out(v.k, v.q, v.h, v.b) = normalized(range.orZero(v.k, kLanes, [&](const Expr &position) -> Expr {
      const Expr weight = s.weights(ofQueryAlone({position}));
      return marksBlocked ? abs(weight) : weight;
    }));
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
    const double unit = scalesKeys ? 1.0 / kLog2E : factor;
    const Expr maximum = rowMaximum();
    out(v.q, v.h, v.b) = (unit == 1.0 ? maximum : maximum * static_cast<float>(unit)) + logOf(rowTotal());
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
  const bool isSoftmax, isOnline;
  AttentionStages &s = algorithm.attention;
  const KernelVars &v = algorithm.vars;
  HeadTensor query, key, value;
  std::vector<Tensor> captures;
  Tensor spans; ///< Of packed rows: the first row and the number of rows of each batch element.
  Expr heads, batches;
  Expr length;      ///< The keys of the batch element; undefined where all take part.
  int tileRows = 0; ///< Queries of a tile.
  int paddedKeys = 0;
  bool mayBlock = false;     ///< Whether any key may be left out.
  bool marksBlocked = false; ///< The weights of blocked keys are blockedWeight().
  double factor = 1.0;       ///< Of all scores, as evaluateScore() took it out.
  /// Whether the panels of keys hold keys times factor * log2(e): their products are exponents of 2, which saves each
  /// exponential three multiplications. As PyTorch scales its queries, this rounds once more than a scaled product.
  bool scalesKeys = false;
  bool namesConditions = false; ///< As evaluateScore() says.
  Func highest, total;          ///< The maximum of the scores, and the sum of their exponentials.
};

} // namespace

Algorithm buildAttentionAlgorithm(mlir::func::FuncOp kernel, const AttentionSchedule &schedule) {
  return AttentionBuilder(kernel, schedule).build();
}

} // namespace attnc
