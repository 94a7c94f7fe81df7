// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Row-wise kernels: out(n, m) for every row m, all stages of a row while it is in the first cache. Rows are
// independent, so tasks are blocks of rows. A vector that would pass the end of a row is moved back and computes some
// elements twice, with the same result.

#include "codegen/Kernels.h"

#include <algorithm>

using namespace Halide;

namespace attnc {

int vectorFor(int extent, int lanes) {
  int width = 1;
  while (width * 2 <= std::min(extent, lanes))
    width *= 2;
  return width;
}

namespace {

/// The most lanes whose partial results are held in registers while a reduction goes over its steps: lanesFor().
constexpr int mostLanesAtOnce = 64;

/// Vectors along `inner` of a reduction's update, side by side in each step where they are few: their chains hide one
/// another's latency.
void scheduleLanes(Stage update, const RowStage &stage, int width) {
  const std::string step = update.get_schedule().dims().front().var;
  update.vectorize(stage.inner, width, TailStrategy::GuardWithIf);
  if (step == stage.inner.name() || stage.innerExtent > mostLanesAtOnce || stage.innerExtent % width)
    return;
  update.reorder(stage.inner, RVar(step)).unroll(stage.inner);
}

} // namespace

void scheduleRowStages(const std::vector<RowStage> &stages, Func consumer, const Var &at, int lanes) {
  for (const RowStage &stage : stages) {
    Func func = stage.func;
    func.compute_at(consumer, at);
    if (stage.innerExtent <= 1)
      continue;
    const int width = vectorFor(stage.innerExtent, lanes);
    func.vectorize(stage.inner, width, TailStrategy::GuardWithIf);
    for (int i = 0; i < func.num_update_definitions(); ++i) {
      Stage update = func.update(i);
      const auto &dims = update.get_schedule().dims();
      // A tail update has the reduction itself in the place of the lane and stays scalar, which Halide wants to be
      // told.
      if (std::any_of(dims.begin(), dims.end(),
                      [&](const Internal::Dim &dim) { return dim.var == stage.inner.name(); }))
        scheduleLanes(update, stage, width);
      else
        update.unscheduled();
    }
  }
}

void scheduleRowwise(Algorithm &algorithm, const RowwiseSchedule &schedule, int lanes) {
  Func &out = algorithm.output;
  const auto &n = algorithm.vars.n, &m = algorithm.vars.m;
  Var task("task"), row("row");
  const int width = vectorFor(algorithm.columns, lanes);
  out.split(m, task, row, std::max(schedule.taskRows, 1), TailStrategy::GuardWithIf);
  if (width > 1)
    out.vectorize(n, width, TailStrategy::ShiftInwards);
  if (schedule.taskRows > 0)
    out.parallel(task);
  scheduleRowStages(algorithm.rowStages, out, row, lanes);
}

} // namespace attnc
