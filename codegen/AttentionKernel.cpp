// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Attention with whole score rows. A task is a head of a batch element (or a range of its queries): it lays the keys in
// panels [S/NR][D][NR], copies the values where their width or the mask asks for it, and then takes MR queries at a
// time: the scores of a register tile MR x NR, the whole rows' maxima, exponentials and sums, and the weighted values
// by the same register tile. Rows past the last query repeat it and are not stored.

#include "codegen/Kernels.h"

using namespace Halide;

namespace attnc {

void scheduleAttention(Algorithm &algorithm, const AttentionSchedule &schedule, int lanes) {
  const KernelVars &v = algorithm.vars;
  AttentionStages &s = algorithm.attention;
  Func &out = algorithm.output;
  const int tileRows = std::min(schedule.tileQueries, s.queries), panel = schedule.tileCols;
  // Columns of the register tile over the value dimension; values that are not a multiple of a vector are padded
  // copies.
  const int paddedWidth = (s.valueDim + lanes - 1) / lanes * lanes, valueCols = std::min(panel, paddedWidth);
  Var qo("qo"), qi("qi"), dOuter("do"), di("di"), head("head"), task("task"), queryTask("query_task"), qt("qt");
  Var ki = s.keyPanels.args()[0], ko = s.keyPanels.args()[2];

  out.split(v.q, qo, qi, tileRows, TailStrategy::GuardWithIf);
  const TailStrategy tail = s.valueDim % valueCols == 0 ? TailStrategy::GuardWithIf : TailStrategy::Predicate;
  out.split(v.d, dOuter, di, valueCols, tail);
  if (schedule.taskQueries > 0) {
    out.split(qo, queryTask, qt, schedule.taskQueries, TailStrategy::GuardWithIf);
    out.reorder(di, qi, dOuter, qt, queryTask, v.h, v.b).fuse(v.h, v.b, head).fuse(queryTask, head, task);
    qo = qt;
  } else {
    out.reorder(di, qi, dOuter, qo, v.h, v.b).fuse(v.h, v.b, task);
  }
  out.vectorize(di, lanes).unroll(di).unroll(qi).parallel(task);

  // Whole panels, and whole steps of the row sums and maxima, whose lanes may be more than a panel's columns.
  const int step = std::max(panel, kAttentionLanes), paddedKeys = (s.keys + step - 1) / step * step;
  // A range that varies may be rounded up by a step; the panels there repeat the last key.
  const int panelKeys = paddedKeys + (s.skipsKeys ? step : 0);
  s.keyPanels.compute_at(out, task).store_in(MemoryType::Heap).bound(ko, 0, panelKeys / panel);
  s.keyPanels.bound_extent(ki, panel).vectorize(ki, lanes).unroll(ki);
  if (s.copiesValues) {
    s.values.compute_at(out, task).store_in(MemoryType::Heap).bound(v.k, 0, s.keys);
    s.values.bound_extent(v.d, (s.valueDim + valueCols - 1) / valueCols * valueCols).vectorize(v.d, lanes);
  }

  s.dots.compute_at(out, qo).store_in(MemoryType::Heap).bound_extent(v.q, tileRows);
  s.weights.compute_at(out, qo).store_in(MemoryType::Heap).bound_extent(v.q, tileRows);
  if (s.skipsKeys) {
    // The range of keys varies from tile to tile; its storage does not.
    s.dots.align_bounds(v.k, step).bound_storage(v.k, paddedKeys + step);
    s.weights.align_bounds(v.k, step).bound_storage(v.k, paddedKeys + step);
  } else {
    s.dots.bound_extent(v.k, paddedKeys);
  }
  s.dots.vectorize(v.k, lanes);
  Var k0("k0"), k1("k1");
  s.dots.update().split(v.k, k0, k1, panel).reorder(k1, v.q, s.depth, k0);
  s.dots.update().vectorize(k1, lanes).unroll(k1).unroll(v.q);
  if (s.headDim % 2 == 0)
    s.dots.update().unroll(s.depth, 2);

  // Eight rows side by side: eight chains hide the latency of max and add.
  auto lanesStage = [&](Func func, const RVar &step) {
    func.compute_at(out, qo).bound_extent(v.q, tileRows).vectorize(v.l, lanes).unroll(v.l).unroll(v.q);
    func.update().reorder(v.l, v.q, step).vectorize(v.l, lanes).unroll(v.l).unroll(v.q);
  };
  lanesStage(s.maximumLanes, s.maximumStep);
  s.maximum.compute_at(out, qo).bound_extent(v.q, tileRows);
  s.weights.vectorize(v.k, lanes);
  lanesStage(s.sumLanes, s.sumStep);
  s.sum.compute_at(out, qo).bound_extent(v.q, tileRows);

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
