// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Schedules as plain data, the same fields as the #attn.*_schedule attributes (ir/AttnBase.td says what they mean).
// They decide how fast a kernel is and, but for the roundings that blocks of keys decide, never what it computes.
#pragma once

#include <cstdint>

namespace attnc {

struct MatmulSchedule {
  int tileRows = 0, tileCols = 0, blockRows = 0, taskRows = 0, taskCols = 0;
};

struct AttentionSchedule {
  int tileQueries = 0, tileCols = 0, taskQueries = 0, blockKeys = 0, blockQueries = 0;
};

struct RowwiseSchedule {
  int taskRows = 0;
};

} // namespace attnc
