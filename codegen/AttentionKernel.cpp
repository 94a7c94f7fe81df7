// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Attention with whole score rows. A task is a head of a batch element (or a range of its queries): it lays the keys in
// panels [S/NR][D][NR], copies the values where their width or the mask asks for it, and then takes MR queries at a
// time: the scores of a register tile MR x NR, the whole rows' maxima, exponentials and sums, and the weighted values
// by the same register tile. Rows past the last query repeat it and are not stored. Further outputs (weights,
// log-sum-exp) are stored tile by tile in the same loops.

#include "codegen/Kernels.h"

using namespace Halide;

namespace attnc {

namespace {

/// The loops that all outputs of an attention share.
struct TileLoops {
  Var tile{"qo"}, row{"qi"}, head{"head"}, fusedTask{"task"}, queryTask{"query_task"}, taskTile{"qt"};
  Var task;   ///< The parallel loop.
  Var inTask; ///< The loop over the tiles of a task.
  int tileRows, taskQueries;
  bool isFused; ///< Whether the task is fused of head and batch; outputs that share their loops have no fused ones.

  TileLoops(const KernelVars &v, int tileRows, int taskQueries, bool isFused)
      : task(isFused ? fusedTask : v.h), inTask(taskQueries ? taskTile : tile), tileRows(tileRows),
        taskQueries(taskQueries), isFused(isFused) {
    _halide_user_assert(isFused || !taskQueries) << "attnc: an attention with further results takes whole heads";
  }

  /// Splits the queries of an output into tiles and these into tasks; `inner`, innermost first, is what is in a tile.
  void apply(Func &output, const KernelVars &v, std::vector<VarOrRVar> inner) const {
    output.split(v.q, tile, row, tileRows, TailStrategy::GuardWithIf);
    if (taskQueries) {
      output.split(tile, queryTask, taskTile, taskQueries, TailStrategy::GuardWithIf);
      inner.insert(inner.end(), {taskTile, queryTask, v.h, v.b});
      output.reorder(inner).fuse(v.h, v.b, head).fuse(queryTask, head, fusedTask);
    } else {
      inner.insert(inner.end(), {tile, v.h, v.b});
      output.reorder(inner);
      if (isFused)
        output.fuse(v.h, v.b, fusedTask);
    }
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

/// Stores the tile's part of the further outputs after that of the first one.
void scheduleFurtherOutputs(Algorithm &algorithm, const TileLoops &loops, int lanes) {
  const KernelVars &v = algorithm.vars;
  for (Func &output : algorithm.furtherOutputs) {
    if (output.dimensions() == 4) { // The weights: (key, query, head, batch).
      Var step("step"), key("key");
      output.split(v.k, step, key, kAttentionLanes,
                   algorithm.attention.keys % kAttentionLanes ? TailStrategy::Predicate : TailStrategy::GuardWithIf);
      loops.apply(output, v, {key, step, loops.row});
      output.vectorize(key, lanes).unroll(key);
    } else {
      loops.apply(output, v, {loops.row});
    }
    output.compute_with(algorithm.output, loops.inTask);
  }
}

} // namespace

void scheduleAttention(Algorithm &algorithm, const AttentionSchedule &schedule, int lanes) {
  const KernelVars &v = algorithm.vars;
  AttentionStages &s = algorithm.attention;
  Func &out = algorithm.output;
  const int tileRows = std::min(schedule.tileQueries, s.queries), panel = schedule.tileCols;
  // Columns of the register tile over the value dimension; values that are not a multiple of a vector are padded
  // copies.
  const int paddedWidth = (s.valueDim + lanes - 1) / lanes * lanes, valueCols = std::min(panel, paddedWidth);
  Var dOuter("do"), di("di");
  Levels levels;
  Var ki = s.keyPanels.args()[0], ko = s.keyPanels.args()[2];

  const TailStrategy tail = s.valueDim % valueCols == 0 ? TailStrategy::GuardWithIf : TailStrategy::Predicate;
  if (s.packsRows) {
    out.update().split(v.d, dOuter, di, valueCols, tail);
    levels = schedulePackedOutput(out, v, s.place, di, dOuter, schedule.taskQueries);
    out.update().vectorize(di, lanes).unroll(di);
  } else {
    const TileLoops loops(v, tileRows, schedule.taskQueries, !s.countsHeadsOfAll);
    levels = {LoopLevel(out, loops.inTask), LoopLevel(out, loops.task)};
    out.split(v.d, dOuter, di, valueCols, tail);
    loops.apply(out, v, {di, loops.row, dOuter});
    out.vectorize(di, lanes).unroll(di).unroll(loops.row);
    scheduleFurtherOutputs(algorithm, loops, lanes);
  }

  // Whole panels, and whole steps of the row sums and maxima, whose lanes may be more than a panel's columns.
  const int step = std::max(panel, kAttentionLanes), paddedKeys = (s.keys + step - 1) / step * step;
  // A range that varies may be rounded up by a step; the panels there repeat the last key.
  const int panelKeys = paddedKeys + (s.skipsKeys ? step : 0);
  s.keyPanels.compute_at(levels.task).store_in(MemoryType::Heap);
  if (s.hasLengths)
    s.keyPanels.bound_storage(ko, panelKeys / panel);
  else
    s.keyPanels.bound(ko, 0, panelKeys / panel);
  s.keyPanels.bound_extent(ki, panel).vectorize(ki, lanes).unroll(ki);
  if (s.copiesValues) {
    s.values.compute_at(levels.task).store_in(MemoryType::Heap);
    if (s.hasLengths)
      s.values.bound_storage(v.k, s.keys);
    else
      s.values.bound(v.k, 0, s.keys);
    s.values.bound_extent(v.d, (s.valueDim + valueCols - 1) / valueCols * valueCols).vectorize(v.d, lanes);
  }

  s.dots.compute_at(levels.tile).store_in(MemoryType::Heap).bound_extent(v.q, tileRows);
  s.weights.compute_at(levels.tile).store_in(MemoryType::Heap).bound_extent(v.q, tileRows);
  if (s.skipsKeys) {
    // The range of keys varies from tile to tile; its storage does not.
    s.dots.align_bounds(v.k, step).bound_storage(v.k, paddedKeys + step);
    s.weights.align_bounds(v.k, step).bound_storage(v.k, paddedKeys + step);
  } else {
    s.dots.bound_extent(v.k, paddedKeys);
  }
  s.dots.vectorize(v.k, lanes);
  Var k0("k0"), k1("k1");
  if (s.isAdditive) {
    // A tanh is some thirty instructions: one row at a time keeps its temporaries in registers.
    s.dots.update().split(v.k, k0, k1, panel).reorder(k1, s.depth, v.q, k0).vectorize(k1, lanes).unroll(k1);
  } else {
    s.dots.update().split(v.k, k0, k1, panel).reorder(k1, v.q, s.depth, k0);
    s.dots.update().vectorize(k1, lanes).unroll(k1).unroll(v.q);
    if (s.headDim % 2 == 0)
      s.dots.update().unroll(s.depth, 2);
  }

  // Eight rows side by side: eight chains hide the latency of max and add.
  auto lanesStage = [&](Func func, const RVar &step) {
    func.compute_at(levels.tile).bound_extent(v.q, tileRows).vectorize(v.l, lanes).unroll(v.l).unroll(v.q);
    func.update().reorder(v.l, v.q, step).vectorize(v.l, lanes).unroll(v.l).unroll(v.q);
  };
  if (s.maximum.defined()) {
    lanesStage(s.maximumLanes, s.maximumStep);
    s.maximum.compute_at(levels.tile).bound_extent(v.q, tileRows);
  }
  s.weights.vectorize(v.k, lanes);
  if (s.sum.defined()) {
    lanesStage(s.sumLanes, s.sumStep);
    s.sum.compute_at(levels.tile).bound_extent(v.q, tileRows);
  } else if (!s.skipsKeys) {
    s.weights.bound_extent(v.k, paddedKeys); // Whole vectors, which otherwise the row sums ask for.
  }

  s.weighted.compute_at(out, dOuter).bound_extent(v.q, tileRows).bound_extent(v.d, valueCols);
  s.weighted.vectorize(v.d, lanes).unroll(v.d).unroll(v.q);
  for (size_t i = 0; i < s.keyPieces.size(); ++i) {
    Stage update = s.weighted.update(static_cast<int>(i));
    update.reorder(v.d, v.q, s.keyPieces[i]).vectorize(v.d, lanes).unroll(v.d).unroll(v.q);
    if (s.keys % 2 == 0 && !s.skipsKeys)
      update.unroll(s.keyPieces[i], 2);
  }
}

} // namespace attnc
