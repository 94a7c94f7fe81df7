// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Matmul with epilogue: out(n, m) = epilogue(sum_k lhs(k, m) * weight(n, k)), the weight in panels [N/P][K][P].
//
// The register tile is MR rows x NR columns, a part of a panel or two whole ones; k runs innermost but for the tile, so
// each step loads NR/lanes vectors of weights and broadcasts MR elements of lhs for MR * NR/lanes multiply-adds. Every
// element is one chain over k in order: neither tile nor task nor thread changes its bits. Rows past the end repeat the
// last row inside a tile and are not stored; columns past the end are zeros of the panel and are masked at the store.
//
// Without a norm, a task is a range of column tiles and rows: one column tile after the other over a block of row
// tiles, so that the tile's weights stay in cache and the block of lhs in the second level, and the parts of a panel
// follow each other. With a norm, a task is a range of whole rows: their unnormalised values go to scratch and are
// normalised while they are in the second-level cache.

#include "codegen/Kernels.h"

using namespace Halide;

namespace attnc {

namespace {

/// Elements of a row that may lie on the stack, which costs less than scratch: 16 KiB, on a thread that may be
/// the caller's.
constexpr int mostOnStack = 4096;

/// The rotation of one row: all parts of a vector at once, from registers.
void scheduleRotation(const RotatedRows &rotation, const KernelVars &vars, const MatmulStages &stages, int lanes) {
  if (!rotation.func.defined())
    return;
  int width = vectorFor(rotation.partExtent, lanes);
  while (rotation.partExtent % width)
    width /= 2;
  Func func = rotation.func;
  Var part("part"), inPart("in_part"), lane("lane");
  func.compute_at(stages.scale, vars.m).bound(vars.k, 0, stages.depth);
  func.store_in(stages.depth <= mostOnStack ? MemoryType::Stack : MemoryType::Heap);
  func.split(vars.k, part, inPart, rotation.partExtent).split(inPart, inPart, lane, width);
  func.reorder(lane, part, inPart).vectorize(lane).unroll(part);
}

/// Rows of lhs as they are multiplied, at most `rows` of them at a time, and the scales that they have.
void scheduleOperand(MatmulStages &stages, const KernelVars &vars, Func consumer, const Var &at, int rows, int lanes) {
  if (stages.dot == DotKind::F32)
    return;
  const int width = vectorFor(stages.depth, lanes);
  Func operand = stages.operand;
  operand.compute_at(consumer, at).bound_storage(vars.m, rows).store_in(MemoryType::Heap);
  operand.vectorize(vars.k, width, TailStrategy::GuardWithIf);
  if (operand.has_update_definition())
    operand.update().vectorize(RVar(operand.update(0).get_schedule().dims()[0].var), width, TailStrategy::GuardWithIf);
  if (!stages.scale.defined())
    return;
  // A row's scale and its operand share a loop over rows, in which the rotated row stays in the first-level cache.
  stages.scale.compute_at(consumer, at).bound_storage(vars.m, rows).store_in(MemoryType::Heap);
  operand.compute_with(stages.scale, vars.m);
  scheduleRotation(stages.rotation, vars, stages, lanes);
  scheduleRowStages(stages.rangeStages, stages.scale, vars.m, lanes);
  Stage maximum = stages.magnitude.update();
  maximum.atomic().vectorize(RVar(maximum.get_schedule().dims()[0].var));
}

/// One step of k: what one instruction adds, for every vector of the tile.
void scheduleStep(MatmulStages &stages, const KernelVars &vars, int lanes) {
  Stage step = stages.accumulator.update();
  switch (stages.dot) {
  case DotKind::F32:
  case DotKind::Bf16Widened:
    step.reorder(vars.n, vars.m, stages.k).vectorize(vars.n, lanes).unroll(vars.n).unroll(vars.m);
    if (stages.dot == DotKind::F32 && stages.depth % 2 == 0)
      step.unroll(stages.k, 2);
    return;
  case DotKind::Int8Widened:
    step.reorder(stages.pair, vars.n, vars.m, stages.parity, stages.k).unroll(stages.parity);
    break;
  case DotKind::Bf16:
  case DotKind::Int8:
    step.reorder(stages.pair, vars.n, vars.m, stages.k);
    break;
  }
  step.atomic().vectorize(vars.n, lanes).vectorize(stages.pair).unroll(vars.n).unroll(vars.m);
}

/// The accumulators of one register tile.
void scheduleAccumulator(MatmulStages &stages, const KernelVars &vars, Func consumer, const Var &at,
                         const MatmulSchedule &schedule, int lanes) {
  Func &acc = stages.accumulator;
  acc.compute_at(consumer, at).bound_extent(vars.n, schedule.tileCols).bound_extent(vars.m, schedule.tileRows);
  acc.vectorize(vars.n, lanes).unroll(vars.n).unroll(vars.m);
  scheduleStep(stages, vars, lanes);
}

/// Splits columns into register tiles; a last tile that is not whole is masked.
TailStrategy columnTail(int columns, int tileCols) {
  return columns % tileCols == 0 ? TailStrategy::GuardWithIf : TailStrategy::Predicate;
}

} // namespace

void scheduleMatmul(Algorithm &algorithm, const MatmulSchedule &schedule, int lanes) {
  const auto &n = algorithm.vars.n, &m = algorithm.vars.m;
  Func &out = algorithm.output;
  MatmulStages &stages = algorithm.matmul;
  Var colTile("col_tile"), tile("tile"), ni("ni"), mi("mi"), block("block"), tileInBlock("tile_in_block");
  const TailStrategy tail = columnTail(algorithm.columns, schedule.tileCols);
  if (!stages.rows.defined()) {
    out.split(n, colTile, ni, schedule.tileCols, tail).split(m, tile, mi, schedule.tileRows, TailStrategy::GuardWithIf);
    out.vectorize(ni, lanes).unroll(ni).unroll(mi);
    const int colTiles = (algorithm.columns + schedule.tileCols - 1) / schedule.tileCols;
    const int taskCols = schedule.taskCols > 0 ? std::min(schedule.taskCols, colTiles) : colTiles;
    Var colTask("col_task"), colTileInTask("col_tile_in_task"), rowTask("row_task"), tileInTask("tile_in_task");
    out.split(colTile, colTask, colTileInTask, taskCols, TailStrategy::GuardWithIf);
    Var inner = tile;
    if (schedule.taskRows > 0) {
      out.split(tile, rowTask, tileInTask, schedule.taskRows, TailStrategy::GuardWithIf);
      inner = tileInTask;
    }
    out.split(inner, block, tileInBlock, schedule.blockRows, TailStrategy::GuardWithIf);
    if (schedule.taskRows > 0) {
      Var task("task");
      out.reorder(ni, mi, tileInBlock, colTileInTask, block, colTask, rowTask).fuse(colTask, rowTask, task);
      out.parallel(task);
    } else {
      out.reorder(ni, mi, tileInBlock, colTileInTask, block, colTask).parallel(colTask);
    }
    scheduleOperand(stages, algorithm.vars, out, block, schedule.blockRows * schedule.tileRows, lanes);
    scheduleAccumulator(stages, algorithm.vars, out, tileInBlock, schedule, lanes);
    return;
  }
  const int taskTiles = std::max(schedule.taskRows, 1), taskRows = taskTiles * schedule.tileRows;
  Var task("task"), row("row");
  Func &rows = stages.rows;
  out.split(m, task, row, taskRows, TailStrategy::GuardWithIf).parallel(task);
  out.vectorize(n, vectorFor(algorithm.columns, lanes), TailStrategy::ShiftInwards);
  scheduleRowStages(algorithm.rowStages, out, row, lanes);
  rows.compute_at(out, task).bound_storage(m, taskRows).store_in(MemoryType::Heap);
  rows.split(n, colTile, ni, schedule.tileCols, tail).split(m, tile, mi, schedule.tileRows, TailStrategy::GuardWithIf);
  rows.reorder(ni, mi, tile, colTile).vectorize(ni, lanes).unroll(ni).unroll(mi);
  scheduleOperand(stages, algorithm.vars, out, task, taskRows, lanes);
  scheduleAccumulator(stages, algorithm.vars, rows, tile, schedule, lanes);
}

} // namespace attnc
