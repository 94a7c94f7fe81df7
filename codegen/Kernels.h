// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// One function a kernel kind: applies a schedule to an algorithm. `lanes` is the f32 elements of a vector register.
// Every task of the one parallel loop computes whole elements of the output, so values do not depend on which thread
// runs it.
#pragma once

#include "codegen/Algorithm.h"
#include "codegen/Schedule.h"

namespace attnc {

void scheduleMatmul(Algorithm &algorithm, const MatmulSchedule &schedule, int lanes);
void scheduleAttention(Algorithm &algorithm, const AttentionSchedule &schedule, int lanes);
void scheduleRowwise(Algorithm &algorithm, const RowwiseSchedule &schedule, int lanes);

/// Computes the row stages inside `consumer` at `at`, vectorised.
void scheduleRowStages(const std::vector<RowStage> &stages, Halide::Func consumer, const Halide::Var &at, int lanes);

/// The widest power of two of at most `lanes` elements that fits in `extent`.
int vectorFor(int extent, int lanes);

} // namespace attnc
