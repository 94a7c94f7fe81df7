// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "tools/run/Statistics.h"

#include <algorithm>
#include <cmath>
#include <cstddef>

namespace attnc {

double median(const std::vector<double> &sorted) {
  return (sorted[(sorted.size() - 1) / 2] + sorted[sorted.size() / 2]) / 2;
}

double percentile(const std::vector<double> &sorted, double share) {
  const auto rank = static_cast<size_t>(std::ceil(share * static_cast<double>(sorted.size())));
  return sorted[std::min(std::max<size_t>(rank, 1), sorted.size()) - 1];
}

} // namespace attnc
