// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The first cost model: tiles and tasks from a kernel's extents and the target. Plain data in, plain data out; the
// fields are those of #attn.matmul_schedule, #attn.attention_schedule and #attn.rowwise_schedule. A schedule changes no
// value, but for the roundings that an attention's block of keys decides, and it never depends on how many threads a
// run happens to have.
#pragma once

#include "passes/TargetInfo.h"

#include <optional>

namespace attnc {

/// A matmul kernel at the smallest batch.
struct MatmulExtents {
  int64_t rows = 1;          ///< The product of the leading extents of the result.
  int64_t n = 1, k = 1;      ///< Columns of the result, contracted extent.
  bool wholeRows = false;    ///< The epilogue needs whole rows (a norm).
  bool runtimeBatch = false; ///< Another number of rows may come at run time.
  bool mayBeFewer = false;   ///< It may be any smaller number (packed rows).
  DotKind dot = DotKind::F32;
};

struct MatmulSchedule {
  int64_t tileRows, tileCols, blockRows, taskRows, taskCols;
};

struct AttentionExtents {
  int64_t batch = 1, heads = 1, queries = 1, keys = 1, headDim = 1, valueDim = 1;
  bool wholeHeads = false; ///< A task takes a head (further results).
  bool wholeRows = false;  ///< The weights are a result, which the sum of the whole row divides, or rows are packed.
};

struct AttentionSchedule {
  int64_t tileQueries, tileCols, taskQueries, blockKeys, blockQueries;
};

struct RowwiseExtents {
  int64_t rows = 1;        ///< The product of the leading extents of the result.
  int64_t bytesPerRow = 4; ///< Bytes read and written for one row.
  int64_t flopsPerRow = 0;
  bool runtimeBatch = false; ///< More rows may come at run time.
};

MatmulSchedule chooseMatmul(const MatmulExtents &extents, const TargetInfo &target);
/// `blockKeys`, a multiple of 16, or 0 for whole rows, is taken as it is where it is given, but where rows have to be
/// whole.
AttentionSchedule chooseAttention(const AttentionExtents &extents, const TargetInfo &target,
                                  std::optional<int64_t> blockKeys = std::nullopt);
/// Rows per task, 0 to run on one thread.
int64_t chooseRowwise(const RowwiseExtents &extents, const TargetInfo &target);

/// The fewest rows for which a register tile keeps the FMA units busy: below it, loads of the weights dominate.
constexpr int64_t smallestFullTile = 4;

} // namespace attnc
