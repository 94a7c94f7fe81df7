// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/Schedules.h"
#include "passes/Panels.h"

#include <gtest/gtest.h>

using namespace attnc;

namespace {

TargetInfo machine(const char *name, int64_t vectorBytes, int64_t registers, int64_t l2Bytes) {
  TargetInfo target;
  target.name = name;
  target.vectorBytes = vectorBytes;
  target.registers = registers;
  target.l2Bytes = l2Bytes;
  return target;
}
const TargetInfo avx512 = machine("x86-64-v4", 64, 32, 1024 * 1024);
const TargetInfo avx2 = machine("x86-64-v3", 32, 16, 512 * 1024);
const TargetInfo neon = machine("generic", 16, 32, 512 * 1024);

MatmulExtents matmul(int64_t rows, int64_t n, int64_t k, bool wholeRows = false) {
  MatmulExtents extents;
  extents.rows = rows;
  extents.n = n;
  extents.k = k;
  extents.wholeRows = wholeRows;
  return extents;
}

int64_t ceilDiv(int64_t a, int64_t b) { return (a + b - 1) / b; }

TEST(Schedules, TileWastesFewestRows) {
  struct Case {
    int64_t rows, avx512, avx2, neon;
  } cases[] = {{1, 1, 1, 1}, {3, 3, 3, 3}, {4, 4, 4, 4}, {20, 10, 5, 5}, {128, 8, 6, 8}, {197, 9, 6, 6}, {18, 9, 6, 6}};
  for (const Case &test : cases) {
    EXPECT_EQ(chooseMatmul(matmul(test.rows, 384, 384), avx512).tileRows, test.avx512) << test.rows << " rows";
    EXPECT_EQ(chooseMatmul(matmul(test.rows, 384, 384), avx2).tileRows, test.avx2) << test.rows << " rows";
    EXPECT_EQ(chooseMatmul(matmul(test.rows, 384, 384), neon).tileRows, test.neon) << test.rows << " rows";
  }
}

TEST(Schedules, TheLargestTileOfSixteenRegistersIsWorthRowsInVain) {
  EXPECT_EQ(chooseMatmul(matmul(128, 3072, 768), avx2).tileRows, 6) << "4 in vain, where 4 rows have none";
  EXPECT_EQ(chooseMatmul(matmul(128, 768, 3072, true), avx2).tileRows, 6);
  EXPECT_EQ(chooseMatmul(matmul(128, 3072, 768), avx512).tileRows, 8) << "10 rows would compute 2 in vain";
  EXPECT_EQ(chooseMatmul(matmul(20, 768, 768), avx2).tileRows, 5) << "6 rows would compute 4 in vain";
}

TEST(Schedules, RoundedOperandsHaveTilesOfTheirOwn) {
  struct Case {
    DotKind dot;
    int64_t avx512, avx2;
  } cases[] = {
      {DotKind::Bf16, 8, 8}, {DotKind::Bf16Widened, 8, 5}, {DotKind::Int8, 8, 6}, {DotKind::Int8Widened, 8, 5}};
  for (const Case &test : cases) {
    MatmulExtents extents = matmul(240, 384, 384);
    extents.dot = test.dot;
    EXPECT_EQ(chooseMatmul(extents, avx512).tileRows, test.avx512);
    EXPECT_EQ(chooseMatmul(extents, avx2).tileRows, test.avx2);
  }
}

/// A few rows in vain cost less than loads of weights.
TEST(Schedules, SmallerTilesOfRoundedOperandsHaveToPay) {
  MatmulExtents extents = matmul(126, 384, 384);
  extents.dot = DotKind::Int8;
  TargetInfo target = avx512;
  target.threads = 1;
  EXPECT_EQ(chooseMatmul(extents, target).tileRows, 8) << "2 in vain, where 7 has none";
  extents.wholeRows = true;
  EXPECT_EQ(chooseMatmul(extents, target).tileRows, 8);
  extents.rows = 20;
  EXPECT_EQ(chooseMatmul(extents, target).tileRows, 5) << "8 rows would compute 4 in vain";
}

/// A task converts its rows of lhs, so tasks that share rows would do it twice.
TEST(Schedules, RoundedRowsAreConvertedOnce) {
  MatmulExtents extents = matmul(128, 1536, 384);
  extents.dot = DotKind::Bf16;
  const MatmulSchedule many = chooseMatmul(extents, avx512);
  EXPECT_EQ(many.taskCols, 1536 / 32);
  EXPECT_EQ(many.taskRows * many.tileRows * 2, 128);
  extents.rows = 4;
  const MatmulSchedule few = chooseMatmul(extents, avx512);
  EXPECT_EQ(few.taskCols * 2, 1536 / 32);
  // 16 tiles of 8 rows x 16384 x 2 bytes would be 4 MiB.
  MatmulExtents deep = matmul(1024, 768, 16384);
  deep.dot = DotKind::Bf16;
  const MatmulSchedule blocked = chooseMatmul(deep, avx512);
  EXPECT_LE(blocked.blockRows * blocked.tileRows * 16384 * 2, avx512.l2Bytes / 4);
}

TEST(Schedules, TilesAreTwoVectorsUnlessOneIsEnough) {
  EXPECT_EQ(chooseMatmul(matmul(128, 768, 768), avx512).tileCols, 32);
  EXPECT_EQ(chooseMatmul(matmul(128, 17, 768), avx512).tileCols, 32);
  EXPECT_EQ(chooseMatmul(matmul(128, 16, 768), avx512).tileCols, 16);
  EXPECT_EQ(chooseMatmul(matmul(128, 768, 768), avx2).tileCols, 16);
  EXPECT_EQ(chooseMatmul(matmul(128, 768, 768), neon).tileCols, 8);
}

/// Panels are 16 columns wide: a narrower tile takes its part, and a task whole panels where every thread has one.
TEST(Schedules, TasksTakeWholePanels) {
  EXPECT_EQ(chooseMatmul(matmul(128, 768, 768), avx2).taskCols, 24) << "48 column tiles for two threads";
  EXPECT_EQ(chooseMatmul(matmul(128, 7 * 16, 768), avx2).taskCols, 4) << "4 and 3 panels of one tile";
  EXPECT_EQ(chooseMatmul(matmul(128, 7 * 16, 768), neon).taskCols, 8) << "4 and 3 panels of two tiles";
  EXPECT_EQ(chooseMatmul(matmul(128, 16, 768), neon).taskCols, 1) << "half a panel rather than a thread without work";
}

TEST(Schedules, BertBaseSplitsColumnsAndNormRows) {
  MatmulSchedule linear = chooseMatmul(matmul(128, 3072, 768), avx512);
  EXPECT_EQ(linear.taskCols, 48) << "96 panels for two threads";
  EXPECT_EQ(linear.blockRows, 16);
  EXPECT_EQ(linear.taskRows, 0) << "one block of rows";
  MatmulSchedule norm = chooseMatmul(matmul(128, 768, 768, true), avx512);
  EXPECT_EQ(norm.taskCols, 0);
  EXPECT_EQ(norm.taskRows, 8) << "16 row tiles for two threads";
}

TEST(Schedules, RowsAreSplitEvenly) {
  EXPECT_EQ(chooseMatmul(matmul(384, 768, 3072, true), avx512).taskRows, 12)
      << "48 row tiles: two tasks a thread, not three";
  EXPECT_EQ(chooseMatmul(matmul(384, 10, 256), avx512).taskRows, 12);
  EXPECT_EQ(chooseMatmul(matmul(200, 768, 768), avx512).blockRows, 10) << "20 row tiles: two blocks of one size";
}

TEST(Schedules, ARuntimeBatchLeavesRowsToSplit) {
  MatmulExtents extents = matmul(20, 384, 384);
  extents.runtimeBatch = true;
  EXPECT_EQ(chooseMatmul(extents, avx512).taskRows, 16);
  EXPECT_EQ(chooseMatmul(extents, avx512).blockRows, 16);
}

TEST(Schedules, FewPanelsLeaveRowsToSplit) {
  MatmulSchedule head = chooseMatmul(matmul(1024, 10, 256), avx512);
  EXPECT_EQ(head.taskCols, 1);
  EXPECT_EQ(head.taskRows, 16);
}

/// Every task is of at least one tile, all threads have one where there are tiles for them, and a norm's block fits.
TEST(Schedules, HoldForAllExtents) {
  for (const TargetInfo &target : {avx512, avx2, neon})
    for (int64_t rows : {1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 20, 31, 33, 64, 127, 128, 129, 197, 1000, 4096})
      for (int64_t n : {1, 7, 8, 9, 16, 17, 31, 33, 64, 384, 768, 3072, 50257})
        for (bool wholeRows : {false, true}) {
          MatmulSchedule schedule = chooseMatmul(matmul(rows, n, 768, wholeRows), target);
          SCOPED_TRACE(target.name + " rows " + std::to_string(rows) + " n " + std::to_string(n));
          EXPECT_GE(schedule.tileRows, 1);
          EXPECT_LE(schedule.tileRows * 2 + 3, target.registers);
          EXPECT_EQ(schedule.tileCols % target.floats(), 0);
          EXPECT_TRUE(panelColumns % schedule.tileCols == 0 || schedule.tileCols == 2 * panelColumns);
          EXPECT_GE(schedule.blockRows, 1);
          int64_t tiles = ceilDiv(rows, schedule.tileRows), panels = ceilDiv(n, schedule.tileCols);
          int64_t byRows = schedule.taskRows == 0 ? 1 : ceilDiv(tiles, schedule.taskRows);
          int64_t byCols = schedule.taskCols == 0 ? 1 : ceilDiv(panels, schedule.taskCols);
          EXPECT_GE(byRows * byCols,
                    std::min(target.threads, wholeRows ? tiles : tiles * panels) - (panels == 1 && tiles == 1));
          if (wholeRows) {
            EXPECT_EQ(schedule.taskCols, 0);
            EXPECT_TRUE(schedule.taskRows == 1 || schedule.taskRows * schedule.tileRows * n * 4 <= target.l2Bytes / 2);
          }
        }
}

TEST(Schedules, AttentionTilesAndTasks) {
  AttentionExtents extents;
  extents.heads = 12;
  extents.queries = extents.keys = 128;
  extents.headDim = 64;
  EXPECT_EQ(chooseAttention(extents, avx512).tileQueries, 8);
  EXPECT_EQ(chooseAttention(extents, avx512).tileCols, 32);
  EXPECT_EQ(chooseAttention(extents, avx512).taskQueries, 0);
  extents.heads = 1;
  EXPECT_EQ(chooseAttention(extents, avx512).taskQueries, 2) << "16 tiles of one head in 8 tasks";
  extents.queries = 100;
  EXPECT_EQ(chooseAttention(extents, avx512).tileQueries, 10) << "tiles without a row to spare, whose scores fit";
  extents.keys = 4096;
  EXPECT_LE(chooseAttention(extents, avx512).tileQueries, 8) << "score rows of 16 KiB";
  extents.queries = 4096;
  EXPECT_EQ(chooseAttention(extents, avx512).tileQueries, 8) << "fewer than 8 rows never pay";
}

/// Blocks of keys follow from the keys and the widths alone, so that a row has the same bits everywhere.
TEST(Schedules, AttentionBlocksByShape) {
  AttentionExtents extents;
  extents.heads = 12;
  extents.headDim = extents.valueDim = 64;
  extents.queries = extents.keys = 16384;
  EXPECT_EQ(chooseAttention(extents, avx512).blockKeys, 0) << "8 MiB of keys and values";
  EXPECT_EQ(chooseAttention(extents, avx512).blockQueries, 0);
  extents.keys = 16385;
  for (const TargetInfo &target : {avx512, avx2, neon})
    for (int64_t queries : {1, 7, 100, 16384})
      for (int64_t heads : {1, 3, 12}) {
        extents.queries = queries;
        extents.heads = heads;
        const AttentionSchedule schedule = chooseAttention(extents, target);
        EXPECT_EQ(schedule.blockKeys, 512);
        EXPECT_EQ(schedule.blockKeys % schedule.tileCols, 0);
        EXPECT_GE(schedule.blockQueries, 1);
        EXPECT_EQ(schedule.taskQueries % schedule.blockQueries, 0);
      }
  extents.headDim = extents.valueDim = 128;
  EXPECT_EQ(chooseAttention(extents, avx512).blockKeys, 256);
  extents.headDim = extents.valueDim = 100000;
  EXPECT_EQ(chooseAttention(extents, avx512).blockKeys, 128);
  extents.wholeRows = true;
  EXPECT_EQ(chooseAttention(extents, avx512).blockKeys, 0) << "the weights are a result";
}

TEST(Schedules, AttentionBlocksOnRequest) {
  AttentionExtents extents;
  extents.queries = 130;
  extents.keys = 70;
  extents.headDim = extents.valueDim = 16;
  for (const TargetInfo &target : {avx512, avx2, neon})
    for (int64_t blockKeys : {16, 32, 48, 1024}) {
      const AttentionSchedule schedule = chooseAttention(extents, target, blockKeys);
      EXPECT_EQ(schedule.blockKeys, blockKeys);
      EXPECT_EQ(blockKeys % schedule.tileCols, 0) << target.name << " " << blockKeys;
    }
  extents.keys = 1 << 20;
  EXPECT_EQ(chooseAttention(extents, avx512, 0).blockKeys, 0);
}

/// Rows in vain are fewer than 1 of 64 where a tile loads the keys less often for them.
TEST(Schedules, AttentionTilesOfManyQueries) {
  AttentionExtents extents;
  extents.heads = 12;
  extents.keys = 4096;
  extents.queries = 4096;
  EXPECT_EQ(chooseAttention(extents, avx2).tileQueries, 6);
  extents.queries = 20;
  EXPECT_EQ(chooseAttention(extents, avx2).tileQueries, 5);
}

TEST(Schedules, SmallRowwiseKernelsRunOnOneThread) {
  RowwiseExtents extents;
  extents.rows = 8;
  extents.bytesPerRow = 512;
  EXPECT_EQ(chooseRowwise(extents, avx512), 0);
  extents.rows = 4096;
  EXPECT_EQ(chooseRowwise(extents, avx512), 512);
  extents.rows = 8;
  extents.runtimeBatch = true;
  EXPECT_EQ(chooseRowwise(extents, avx512), 32) << "16 KiB a task";
  extents.flopsPerRow = 1 << 20;
  EXPECT_EQ(chooseRowwise(extents, avx512), 1) << "a row is work enough";
}

} // namespace
