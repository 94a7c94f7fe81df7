// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A task of an attention is a head of a batch element (or a range of its queries): it lays the keys in panels
// [S/NR][D][NR], copies the values where their width or the mask asks for it, and then takes MR queries at a time: the
// scores of a register tile MR x NR, the whole rows' maxima, exponentials and sums, and the weighted values by the same
// register tile. Rows past the last query repeat it and are not stored. Further outputs (weights, log-sum-exp) are
// stored tile by tile in the same loops.
//
// With blocks of keys a task takes some tiles of queries at a time (a block of queries), and for these one block of
// keys after the other, which stays in L2 while every tile does with it what is said above. What a tile makes of a
// block, (D + 2) floats a query, is kept until the last block; then the tiles are put together and stored.

#include "codegen/Kernels.h"

using namespace Halide;

namespace attnc {

namespace {

/// The loops that all outputs of an attention share.
struct TileLoops {
  Var tile{"qo"}, row{"qi"}, head{"head"}, fusedTask{"task"}, queryTask{"query_task"}, taskTile{"qt"};
  Var block{"query_block"}, blockTile{"qb"};
  Var task;   ///< The parallel loop.
  Var inTask; ///< The loop in a task: over tiles, or over blocks of them.
  int tileRows, taskQueries, blockQueries;
  bool isFused; ///< Whether the task is fused of head and batch; outputs that share their loops have no fused ones.

  TileLoops(const KernelVars &v, int tileRows, const AttentionSchedule &schedule, bool isFused)
      : task(isFused ? fusedTask : v.h), tileRows(tileRows), taskQueries(schedule.taskQueries),
        blockQueries(schedule.blockQueries), isFused(isFused) {
    inTask = blockQueries ? block : tileOfTask();
    _halide_user_assert(isFused || !taskQueries) << "attnc: an attention with further results takes whole heads";
  }

  const Var &tileOfTask() const { return taskQueries ? taskTile : tile; }

  /// Splits the queries of an output into tiles and these into tasks; `inner`, innermost first, is what is in a tile.
  void apply(Func &output, const KernelVars &v, std::vector<VarOrRVar> inner) const {
    output.split(v.q, tile, row, tileRows, TailStrategy::GuardWithIf);
    if (taskQueries)
      output.split(tile, queryTask, taskTile, taskQueries, TailStrategy::GuardWithIf);
    if (blockQueries) {
      output.split(tileOfTask(), block, blockTile, blockQueries, TailStrategy::GuardWithIf);
      inner.push_back(blockTile);
    }
    inner.push_back(inTask);
    if (taskQueries)
      inner.push_back(queryTask);
    inner.insert(inner.end(), {v.h, v.b});
    output.reorder(inner);
    if (taskQueries)
      output.fuse(v.h, v.b, head).fuse(queryTask, head, fusedTask);
    else if (isFused)
      output.fuse(v.h, v.b, fusedTask);
    output.parallel(task);
  }
};

/// Where the stages of a tile, and those of a task, are computed.
struct Levels {
  LoopLevel tile, task;
};

/// Splits the update that stores packed rows as TileLoops does the loops of another output. The rows of a tile, the
/// tiles and the batch elements are a reduction there; no two of its points store the same row.
Levels schedulePackedOutput(Func &out, const KernelVars &v, const RDom &place, const Var &inner, const Var &outer,
                            int taskQueries) {
  Stage update = out.update();
  RVar task("task"), head("head"), queryTask("query_task"), taskTile("qt");
  update.allow_race_conditions();
  if (taskQueries) {
    update.split(place.y, queryTask, taskTile, taskQueries);
    update.reorder(inner, place.x, outer, taskTile, queryTask, v.h, place.z);
    update.fuse(v.h, place.z, head).fuse(queryTask, head, task);
  } else {
    update.reorder(inner, place.x, outer, place.y, v.h, place.z).fuse(v.h, place.z, task);
  }
  update.parallel(task).unroll(place.x);
  return {LoopLevel(out, taskQueries ? taskTile : RVar(place.y)), LoopLevel(out, task)};
}

/// The schedule of one attention, stage by stage.
class AttentionScheduler {
public:
  AttentionScheduler(Algorithm &algorithm, const AttentionSchedule &schedule, int lanes)
      : algorithm(algorithm), schedule(schedule), lanes(lanes), panel(schedule.tileCols),
        tileRows(std::min(schedule.tileQueries, s.queries)), blockRows(tileRows * schedule.blockQueries),
        valueCols(std::min(tileRows == 1 ? 8 * lanes : panel, paddedWidth(lanes))), isOnline(schedule.blockKeys != 0),
        loops(v, tileRows, schedule, !s.countsHeadsOfAll) {}

  void run() {
    scheduleOutput();
    scheduleFurtherOutputs();
    scheduleTask();
    if (isOnline)
      scheduleBlocks();
    scheduleScores();
    scheduleRows();
    scheduleWeighted();
  }

private:
  /// Values that are not a multiple of a vector are padded copies.
  int paddedWidth(int unit) const { return (s.valueDim + unit - 1) / unit * unit; }

  /// Whole panels, and whole steps of the row sums and maxima, whose lanes may be more than a panel's columns.
  int step() const { return std::max(panel, kAttentionLanes); }
  int paddedKeys() const { return (s.keys + step() - 1) / step() * step(); }

  /// Says what a stage's bounds lose in loops that outputs or stages share: it is of one head.
  Func &ofOneHead(Func &stage) const { return stage.bound_extent(v.h, 1).bound_extent(v.b, 1); }

  /// Likewise of a stage that has a dimension of tiles, or of blocks of keys: it is of one.
  Func &ofOneTile(Func &stage) const {
    if (isOnline)
      stage.bound_extent(v.c, 1);
    if (s.skipsByData)
      stage.bound_extent(v.t, 1);
    return ofOneHead(stage);
  }

  /// Computes a stage of a tile in the loop over tiles.
  Func &inTile(Func &stage) const {
    return isOnline ? ofOneTile(stage).compute_at(s.online.weighted, loops.blockTile)
                    : ofOneTile(stage).compute_at(levels.tile);
  }

  void scheduleOutput() {
    const TailStrategy tail = s.valueDim % valueCols == 0 ? TailStrategy::GuardWithIf : TailStrategy::Predicate;
    if (s.packsRows) {
      out.update().split(v.d, dOuter, di, valueCols, tail);
      levels = schedulePackedOutput(out, v, s.place, di, dOuter, schedule.taskQueries);
      out.update().vectorize(di, lanes).unroll(di);
      return;
    }
    levels = {LoopLevel(out, loops.inTask), LoopLevel(out, loops.task)};
    out.split(v.d, dOuter, di, valueCols, tail);
    loops.apply(out, v, {di, loops.row, dOuter});
    out.vectorize(di, lanes).unroll(di).unroll(loops.row);
  }

  /// Stores the tile's part of the further outputs after that of the first one.
  void scheduleFurtherOutputs() {
    for (Func &output : algorithm.furtherOutputs) {
      if (output.dimensions() == 4) { // The weights: (key, query, head, batch).
        Var keyStep("step"), key("key");
        output.split(v.k, keyStep, key, kAttentionLanes,
                     s.keys % kAttentionLanes ? TailStrategy::Predicate : TailStrategy::GuardWithIf);
        loops.apply(output, v, {key, keyStep, loops.row});
        output.vectorize(key, lanes).unroll(key);
      } else {
        loops.apply(output, v, {loops.row});
      }
      output.compute_with(out, loops.inTask);
    }
  }

  /// A stage of a task has all `extent` keys or panels of them, or room for them and those that the lengths leave.
  void allOrExisting(Func &stage, const Var &dim, int extent) const {
    if (s.hasLengths)
      stage.bound_storage(dim, extent);
    else
      stage.bound(dim, 0, extent);
  }

  /// What a task computes once for all its queries.
  void scheduleTask() {
    Var ki = s.keyPanels.args()[0], ko = s.keyPanels.args()[2];
    // A range that varies may be rounded up by a step; the panels there repeat the last key.
    const int panelKeys = paddedKeys() + (s.skipsKeys ? step() : 0);
    s.keyPanels.store_in(MemoryType::Heap);
    if (s.usesPanelsOnce) { // Where that tile is, so that no panel leaves the L1 cache.
      ofOneHead(s.keyPanels).compute_at(s.dots, s.dotTiles.y).bound_extent(ko, 1).bound_extent(v.d, s.headDim);
    } else {
      s.keyPanels.compute_at(levels.task);
      allOrExisting(s.keyPanels, ko, panelKeys / panel);
    }
    s.keyPanels.bound_extent(ki, panel);
    if (s.headDim % lanes == 0)
      transposeKeys(ki);
    else
      s.keyPanels.vectorize(ki, lanes).unroll(ki);
    if (s.copiesValues) {
      s.values.compute_at(levels.task).store_in(MemoryType::Heap);
      allOrExisting(s.values, v.k, s.keys);
      s.values.bound_extent(v.d, paddedWidth(valueCols)).vectorize(v.d, lanes);
    }
  }

  /// Lays keys in panels by squares of `lanes` keys and elements, which TransposeSquares finds.
  void transposeKeys(const Var &ki) {
    Var square("square"), key("key"), depth("depth"), element("element");
    s.keyPanels.split(ki, square, key, lanes).split(v.d, depth, element, lanes);
    s.keyPanels.reorder(key, element, square, depth, s.keyPanels.args()[2]).vectorize(key).vectorize(element);
    ofOneHead(s.keyRows).compute_at(s.keyPanels, square).store_in(MemoryType::Stack);
    s.keyRows.bound_extent(v.d, lanes).bound_extent(v.k, lanes).vectorize(v.d).unroll(v.k);
    // Keys that are read once come from memory. Squares ask for one line of each of their keys before the second of the
    // first, which the hardware's prefetcher does not follow: a panel of keys is copied in the order of memory first.
    // It saves a fifth to a quarter of decoding's attention (docs/PERFORMANCE.md).
    if (s.usesPanelsOnce) {
      ofOneHead(s.keysInTurn).compute_at(s.dots, s.dotTiles.y).store_in(MemoryType::Heap);
      s.keysInTurn.bound_extent(v.d, s.headDim).bound_extent(v.k, panel).vectorize(v.d, lanes).unroll(v.d);
    }
  }

  /// The loops over blocks of keys and tiles of queries, and what is made of the blocks.
  void scheduleBlocks() {
    OnlineStages &online = s.online;
    Var blockD("block_d"), inD("in_d");
    ofOneHead(online.weighted).compute_at(out, loops.block).store_in(MemoryType::Heap);
    online.weighted.bound_extent(v.q, blockRows).bound_extent(v.d, paddedWidth(valueCols));
    online.weighted.bound_storage(v.c, online.blocks);
    online.weighted.split(v.q, loops.blockTile, loops.row, tileRows).split(v.d, blockD, inD, valueCols);
    online.weighted.reorder(inD, loops.row, blockD, loops.blockTile, v.c, v.h, v.b);
    online.weighted.vectorize(inD, lanes).unroll(inD).unroll(loops.row);
    ofOneTile(s.weighted).compute_at(online.weighted, blockD);
    ofOneHead(online.combined).compute_at(out, dOuter).bound_extent(v.q, tileRows).bound_extent(v.d, valueCols);
    online.combined.vectorize(v.d, lanes).unroll(v.d).unroll(v.q);
    online.combined.update().reorder(v.d, v.q, online.block).vectorize(v.d, lanes).unroll(v.d).unroll(v.q);
    if (online.row.defined())
      scheduleBlockRows();
  }

  void scheduleBlockRows() {
    OnlineStages &online = s.online;
    ofOneHead(online.row).compute_at(out, loops.block).store_in(MemoryType::Heap);
    online.row.bound_extent(v.q, blockRows).bound_storage(v.c, online.blocks);
    online.row.split(v.q, loops.blockTile, loops.row, tileRows).reorder(loops.row, loops.blockTile, v.c, v.h, v.b);
    online.row.compute_with(online.weighted, loops.blockTile);
    const int width = vectorFor(blockRows, lanes);
    auto perQuery = [&](Func &func) -> Func & {
      return ofOneHead(func)
          .compute_at(out, loops.block)
          .store_in(MemoryType::Heap)
          .bound_extent(v.q, blockRows)
          .vectorize(v.q, width, TailStrategy::GuardWithIf);
    };
    perQuery(online.factors).bound_storage(v.c, online.blocks);
    for (Func func : {online.maximum, online.sum}) {
      perQuery(func);
      func.update().reorder(v.q, online.block).vectorize(v.q, width, TailStrategy::GuardWithIf);
    }
  }

  void scheduleScores() {
    const int most = isOnline ? std::min(schedule.blockKeys, paddedKeys()) : paddedKeys();
    for (Func *stage : {&s.dots, &s.weights}) {
      inTile(*stage).store_in(MemoryType::Heap).bound_extent(v.q, tileRows);
      // One memory for all tiles of a task. Where the range of keys varies, Halide may find that no tile needs the
      // stage, or a condition for it that is known in the tile only.
      if (!isOnline && !s.skipsKeys)
        stage->hoist_storage(levels.task);
      if (s.skipsKeys && !s.skipsByData)
        // The range of keys varies from tile to tile; its storage does not.
        stage->align_bounds(v.k, step()).bound_storage(v.k, most + step());
      else if (!isOnline)
        // Rows a power of two apart would share the same sets of a cache.
        stage->bound(v.k, 0, most).bound_storage(v.k, most + kAttentionLanes);
      else if (stage == &s.dots || !s.sum.defined())
        stage->bound_extent(v.k, most); // Of the weights row sums ask for whole vectors.
    }
    LoopLevel dotTile;
    if (s.skipsByData) {
      // No two points of the updates are the same key.
      const RDom &tiles = s.dotTiles, &steps = s.weightTiles;
      s.dots.update().allow_race_conditions().reorder(tiles.x, v.q, tiles.y).vectorize(tiles.x, lanes);
      s.dots.update().unroll(tiles.x).unroll(v.q);
      s.weights.update().allow_race_conditions().reorder(steps.x, steps.y, v.q).vectorize(steps.x, lanes);
      s.weights.update().unroll(steps.x);
      dotTile = LoopLevel(s.dots, tiles.y);
    } else {
      Var k0("k0"), k1("k1");
      s.dots.split(v.k, k0, k1, panel, TailStrategy::RoundUp).reorder(k1, v.q, k0);
      s.dots.vectorize(k1, lanes).unroll(k1).unroll(v.q);
      s.weights.vectorize(v.k, lanes).partition(v.q, Partition::Never);
      dotTile = LoopLevel(s.dots, k0);
    }
    // A register tile.
    ofOneTile(s.products).compute_at(dotTile).bound_extent(v.q, tileRows).bound_extent(v.k, panel);
    s.products.vectorize(v.k, lanes).unroll(v.k).unroll(v.q);
    Stage update = s.products.update();
    if (s.isAdditive) {
      // A tanh is some thirty instructions: one row at a time keeps its temporaries in registers.
      update.reorder(v.k, s.depth, v.q).vectorize(v.k, lanes).unroll(v.k);
    } else {
      update.reorder(v.k, v.q, s.depth).vectorize(v.k, lanes).unroll(v.k).unroll(v.q);
      if (s.headDim % 2 == 0)
        update.unroll(s.depth, 2);
    }
  }

  /// Maxima and sums. Eight rows side by side: eight chains hide the latency of max and add.
  void scheduleRows() {
    if (!s.sum.defined())
      return;
    auto lanesStage = [&](Func &func, const RVar &step) {
      inTile(func).bound_extent(v.q, tileRows).vectorize(v.l, lanes).unroll(v.l).unroll(v.q);
      func.update().reorder(v.l, v.q, step).vectorize(v.l, lanes).unroll(v.l).unroll(v.q);
    };
    lanesStage(s.maximumLanes, s.maximumStep);
    inTile(s.maximum).bound_extent(v.q, tileRows);
    lanesStage(s.sumLanes, s.sumStep);
    ofOneHead(s.sum).compute_at(levels.tile).bound_extent(v.q, isOnline ? blockRows : tileRows);
  }

  void scheduleWeighted() {
    if (!isOnline)
      ofOneTile(s.weighted).compute_at(out, dOuter);
    s.weighted.bound_extent(v.q, tileRows).bound_extent(v.d, valueCols);
    s.weighted.vectorize(v.d, lanes).unroll(v.d).unroll(v.q);
    for (size_t i = 0; i < s.keyPieces.size(); ++i) {
      Stage update = s.weighted.update(static_cast<int>(i));
      const KeyRange::Piece &piece = s.keyPieces[i];
      if (piece.isPairs)
        update.reorder(v.d, v.q, piece.inPair, piece.loop).unroll(piece.inPair);
      else
        update.reorder(v.d, v.q, piece.loop);
      update.vectorize(v.d, lanes).unroll(v.d).unroll(v.q);
      if (s.keys % 2 == 0 && !s.skipsKeys)
        update.unroll(piece.loop, 2);
    }
  }

  Algorithm &algorithm;
  const AttentionSchedule &schedule;
  const KernelVars &v = algorithm.vars;
  AttentionStages &s = algorithm.attention;
  Func &out = algorithm.output;
  const int lanes, panel;
  const int tileRows, blockRows; ///< Queries of a tile, and of a block.
  /// Columns of the register tile over the value dimension. One query takes so many that each value is read in one go:
  /// with a cache 2 to 3 tenths of the attention's time (512 keys, Zen 4).
  const int valueCols;
  const bool isOnline;
  const TileLoops loops;
  Levels levels; ///< As scheduleOutput() makes them.
  Var dOuter{"do"}, di{"di"};
};

} // namespace

void scheduleAttention(Algorithm &algorithm, const AttentionSchedule &schedule, int lanes) {
  AttentionScheduler(algorithm, schedule, lanes).run();
}

} // namespace attnc
