// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "tools/bench/Times.h"

#include "tools/run/Statistics.h"

#include <algorithm>

namespace attnc {

nlohmann::json timesOf(std::vector<double> milliseconds) {
  std::sort(milliseconds.begin(), milliseconds.end());
  return {{"repetitions", milliseconds.size()},
          {"median_ms", median(milliseconds)},
          {"p10_ms", percentile(milliseconds, 0.1)},
          {"p90_ms", percentile(milliseconds, 0.9)}};
}

} // namespace attnc
