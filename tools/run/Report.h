// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What attnc-run prints.
#pragma once

#include "tools/run/Array.h"
#include "tools/run/LoadModel.h"

namespace attnc {

/// The model's inputs, outputs, weights and memory, a tensor a line. `threads` 0 counts as 1.
std::string infoText(const LoadedModel &loaded, int32_t threads);

/// `logits  f32 [2, 10]  min -1.2  mean 0.1  max 2.3  first 0.5 0.25 ...`
std::string summaryText(const Array &array);

/// `median 1.2340 ms  p10 1.2000 ms  p90 1.3000 ms  (50 runs, 2 threads)`; `milliseconds` are sorted and not empty.
std::string timeText(const std::vector<double> &milliseconds, int32_t threads);

} // namespace attnc
