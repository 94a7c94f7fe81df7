// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/Schedules.h"

#include "passes/Panels.h"

#include <algorithm>
#include <limits>

namespace attnc {
namespace {

int64_t ceilDiv(int64_t value, int64_t unit) { return value / unit + (value % unit != 0); }

/// Register tiles of rows x 2 vectors: 2 * rows accumulators, 2 vectors of weights and 1 broadcast must fit the
/// registers. A tile that spills falls to a fifth of its speed.
struct TileRow {
  int64_t registers, vectorBytes;
  int64_t mostRows; ///< 10 x 2 + 3 = 23 of 32 zmm; 6 x 2 + 3 = 15 of 16 ymm; 8 x 2 + 3 = 19 of 32 NEON registers.
};
constexpr TileRow tileTable[] = {{32, 64, 10}, {16, 32, 6}, {32, 16, 8}};

/// The same for operands that are not f32, and the bytes of an element of lhs in scratch. Widening takes 2 more vectors
/// for weights, and int8's products a register of their own: of 16, 5 rows took 11 % (bf16) and 4 % (int8) less time
/// than 4 on W4a (Zen 4), and 6 no less than 5.
struct DotRow {
  DotKind dot;
  int64_t mostRows16, mostRows32; ///< With 16 and with 32 registers.
  int64_t lhsBytes;
};
constexpr DotRow dotTable[] = {{DotKind::Bf16, 8, 8, 2},
                               {DotKind::Bf16Widened, 5, 8, 4},
                               {DotKind::Int8, 6, 8, 1},
                               {DotKind::Int8Widened, 5, 8, 2}};

/// Row tiles of one block: a column tile's weights are used that often before the next ones are loaded.
constexpr int64_t tilesPerBlock = 16;

const TileRow &tileRowOf(const TargetInfo &target) {
  for (const TileRow &row : tileTable)
    if (row.registers == target.registers && row.vectorBytes == target.vectorBytes)
      return row;
  return tileTable[1];
}

/// The rows of a tile between smallestFullTile and `most` that compute the fewest rows in vain, `share` tasks working
/// side by side, where `slack` more count nothing; among equals the largest, since it loads the weights least often.
int64_t bestTile(int64_t rows, int64_t most, int64_t share, int64_t slack = 0) {
  if (rows < smallestFullTile)
    return std::max<int64_t>(rows, 1);
  int64_t best = smallestFullTile, bestCost = std::numeric_limits<int64_t>::max();
  for (int64_t tile = smallestFullTile; tile <= most; ++tile) {
    int64_t cost = ceilDiv(ceilDiv(rows, tile), share) * tile;
    if (cost <= bestCost || cost - bestCost <= slack) {
      best = tile;
      bestCost = std::min(cost, bestCost);
    }
  }
  return best;
}

/// Rows in vain that a larger tile is worth, since it loads weights less often: of dot products, and of f32 where there
/// are 16 registers, whose tiles of 4 and 5 rows took 4 and 2 % longer than 6 for 128 rows of W4a (Zen 4).
int64_t slackOf(const MatmulExtents &extents, const TargetInfo &target) {
  return extents.dot == DotKind::F32 && target.registers >= 32 ? 0 : extents.rows / 24;
}

const DotRow *dotRowOf(DotKind dot) {
  for (const DotRow &row : dotTable)
    if (row.dot == dot)
      return &row;
  return nullptr;
}

/// Operands that are not f32: a task converts the rows of lhs that it reads, so tasks are rows where there are enough
/// for every thread, and a block of converted rows takes at most a quarter of L2.
MatmulSchedule roundedRows(const MatmulExtents &extents, const TargetInfo &target, const DotRow &row, int64_t most,
                           int64_t tileCols) {
  int64_t tile = bestTile(extents.rows, most, target.threads, slackOf(extents, target));
  int64_t tiles = ceilDiv(extents.rows, tile), panels = ceilDiv(extents.n, tileCols);
  int64_t fitting = target.l2Bytes / 4 / (tile * std::max<int64_t>(extents.k * row.lhsBytes, 1));
  int64_t block = std::clamp<int64_t>(fitting, 1, tilesPerBlock);
  if (tiles >= 2 * target.threads || panels < target.threads) {
    int64_t task = std::min(block, ceilDiv(tiles, target.threads));
    return {tile, tileCols, task, task, panels};
  }
  bool oneBlock = tiles <= block && !extents.runtimeBatch;
  return {tile, tileCols, oneBlock ? tiles : block, oneBlock ? 0 : block, ceilDiv(panels, target.threads)};
}

/// Row tiles of a task or block: at most `most`, in parts of one size, as many for each of `threads`.
int64_t evenPart(int64_t tiles, int64_t most, int64_t threads) {
  const int64_t parts = ceilDiv(ceilDiv(tiles, std::max<int64_t>(most, 1)), threads) * threads;
  return std::max<int64_t>(ceilDiv(tiles, std::max<int64_t>(parts, 1)), 1);
}

/// Column tiles of a task: an equal share, in whole panels where that leaves no thread without a task.
int64_t columnsPerTask(int64_t tiles, int64_t tilesPerPanel, int64_t threads) {
  int64_t share = ceilDiv(tiles, threads), whole = ceilDiv(share, tilesPerPanel) * tilesPerPanel;
  return ceilDiv(tiles, whole) >= threads ? whole : share;
}

/// Tasks of whole rows: a norm reads its row while the row is in L2, so the rows of a task take at most half of it.
MatmulSchedule wholeRows(const MatmulExtents &extents, const TargetInfo &target, int64_t most, int64_t tileCols,
                         int64_t lhsBytes) {
  int64_t tile = bestTile(extents.rows, most, target.threads, slackOf(extents, target));
  int64_t tiles = ceilDiv(extents.rows, tile);
  int64_t fitting = std::max<int64_t>(target.l2Bytes / 2 / (tile * (extents.n * 4 + extents.k * lhsBytes)), 1);
  // With a quarter of the rows there are still four tasks a thread.
  int64_t tasks = (extents.mayBeFewer ? 16 : 1) * target.threads;
  int64_t task = evenPart(tiles, std::min({tilesPerBlock, ceilDiv(tiles, tasks), fitting}), target.threads);
  return {tile, tileCols, task, task, 0};
}

/// Query tiles that share a block of keys and values: from then on the block is read from L2 far more often than into
/// it.
constexpr int64_t mostTilesOfBlock = 8;

/// The keys of a block, by the shape alone, since they decide how a row's sums are rounded; 0 for whole rows.
///
/// Blocks pay where the keys and values of a head, which whole rows read once a tile of queries, leave L3: CPU time of
/// blocks of 512 over that of whole rows, D=64, causal, Zen 4 with 32 MiB of L3, 2026-11-23: 1.01 at S=8192, 1.01 to
/// 1.03 at 16384 (8 MiB of keys and values; AVX2 code 0.99), 0.93 at 32768, 0.84 at 65536. Blocks of 256 lost 1 to 4 %
/// to those of 512, which leave L2 room for the rest where it is 512 KiB; blocks of 1024 were the same within 1 %.
int64_t chooseBlockKeys(const AttentionExtents &extents) {
  constexpr int64_t mostBytes = 8 << 20, blockBytes = 256 << 10;
  const int64_t bytesPerKey = 4 * std::max<int64_t>(extents.headDim + extents.valueDim, 1);
  if (extents.keys <= mostBytes / bytesPerKey)
    return 0;
  int64_t block = 128;
  while (block < 1024 && 2 * block * bytesPerKey <= blockBytes)
    block *= 2;
  return block;
}

/// Tiles of a block of queries: as few blocks as mostTilesOfBlock allows, of the same size.
int64_t tilesOfBlock(int64_t tiles) { return ceilDiv(tiles, ceilDiv(tiles, mostTilesOfBlock)); }

} // namespace

MatmulSchedule chooseMatmul(const MatmulExtents &extents, const TargetInfo &target) {
  const TileRow &row = tileRowOf(target);
  int64_t most = row.mostRows;
  int64_t tileCols = extents.n <= target.floats() ? target.floats() : 2 * target.floats();
  const DotRow *dot = dotRowOf(extents.dot);
  if (dot)
    most = target.registers >= 32 ? dot->mostRows32 : dot->mostRows16;
  if (extents.wholeRows)
    return wholeRows(extents, target, most, tileCols, dot ? dot->lhsBytes : 0);
  if (dot)
    return roundedRows(extents, target, *dot, most, tileCols);

  int64_t tile = bestTile(extents.rows, most, 1, slackOf(extents, target));
  int64_t tiles = ceilDiv(extents.rows, tile), colTiles = ceilDiv(extents.n, tileCols);
  // Column tiles that cannot occupy every thread leave the rows to be split.
  if (colTiles < target.threads) {
    int64_t task = evenPart(tiles, tilesPerBlock, target.threads);
    return {tile, tileCols, task, task, colTiles};
  }
  int64_t taskCols = columnsPerTask(colTiles, std::max<int64_t>(panelColumns / tileCols, 1), target.threads);
  bool oneBlock = tiles <= tilesPerBlock && !extents.runtimeBatch;
  int64_t block = extents.runtimeBatch ? tilesPerBlock : evenPart(tiles, tilesPerBlock, 1);
  return {tile, tileCols, block, oneBlock ? 0 : block, taskCols};
}

AttentionSchedule chooseAttention(const AttentionExtents &extents, const TargetInfo &target,
                                  std::optional<int64_t> blockKeys) {
  const int64_t block = extents.wholeRows ? 0 : blockKeys.value_or(chooseBlockKeys(extents));
  // The keys whose scores a tile holds at once.
  const int64_t keys = block ? std::min(extents.keys, block) : extents.keys;
  int64_t most = tileRowOf(target).mostRows;
  // The scores of a tile stay in L1 beside a panel of keys: 12 rows lost 8 % at S=512 where they did not (Zen 4, D=64).
  // Fewer than 8 rows never pay: 8 hold 84 % of the peak at S=4096 and 82 % at S=16384, where the scores are in L2.
  constexpr int64_t enoughRows = 8;
  int64_t fitting = target.l1Bytes / 4 * 3 / 4 / std::max<int64_t>(keys, 1);
  most = std::clamp<int64_t>(fitting, std::min(enoughRows, most), most);
  int64_t tile = bestTile(extents.queries, most, 1);
  // Fewer rows load the keys more often, which costs more than 1 row of 64 in vain: 4 of AVX2's 6 lost 15 % at S=4096.
  if (tile < enoughRows)
    tile = bestTile(extents.queries, std::min(enoughRows, most), 1, extents.queries / 64);
  int64_t heads = extents.batch * extents.heads, tiles = ceilDiv(extents.queries, tile);
  // A task is a head, unless there are too few of them to keep the threads busy to the end.
  int64_t tasksPerHead = heads >= 4 * target.threads || extents.wholeHeads ? 1 : ceilDiv(4 * target.threads, heads);
  int64_t task = tasksPerHead == 1 ? 0 : ceilDiv(tiles, tasksPerHead);
  const bool isNarrow = keys <= target.floats() || block % (2 * target.floats()) != 0;
  const int64_t tileCols = isNarrow ? target.floats() : 2 * target.floats();
  if (!block)
    return {tile, tileCols, task, 0, 0};
  const int64_t blockQueries = tilesOfBlock(task ? task : tiles);
  return {tile, tileCols, task ? ceilDiv(task, blockQueries) * blockQueries : 0, block, blockQueries};
}

int64_t chooseRowwise(const RowwiseExtents &extents, const TargetInfo &target) {
  // A task below some microseconds costs more to hand over than to run: 16 KiB at 10 GB/s, 64 Kflop at 40 GFLOP/s.
  constexpr int64_t taskBytes = 16 * 1024, taskFlops = 64 * 1024;
  int64_t byBytes = ceilDiv(taskBytes, std::max<int64_t>(extents.bytesPerRow, 1));
  int64_t byFlops = extents.flopsPerRow > 0 ? ceilDiv(taskFlops, extents.flopsPerRow) : byBytes;
  int64_t least = std::max<int64_t>(std::min(byBytes, byFlops), 1);
  if (extents.rows <= least && !extents.runtimeBatch)
    return 0;
  return std::max(least, ceilDiv(extents.rows, 4 * target.threads));
}

} // namespace attnc
