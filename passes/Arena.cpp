// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/Arena.h"

#include <algorithm>
#include <limits>
#include <numeric>

namespace attnc {

std::optional<int64_t> roundUp(int64_t value, int64_t unit) {
  int64_t rest = value % unit;
  int64_t missing = rest == 0 ? 0 : unit - rest;
  if (value > std::numeric_limits<int64_t>::max() - missing)
    return std::nullopt;
  return value + missing;
}

namespace {

struct Placed {
  int64_t begin, end;
};

/// The smallest gap between `busy` ranges that holds `bytes`; the end of the last range where none does.
int64_t bestGap(std::vector<Placed> &busy, int64_t bytes) {
  std::sort(busy.begin(), busy.end(), [](const Placed &a, const Placed &b) { return a.begin < b.begin; });
  int64_t best = -1, bestSize = std::numeric_limits<int64_t>::max(), end = 0;
  for (const Placed &range : busy) {
    int64_t gap = range.begin - end;
    if (gap >= bytes && gap < bestSize) {
      best = end;
      bestSize = gap;
    }
    end = std::max(end, range.end);
  }
  return best >= 0 ? best : end;
}

} // namespace

std::optional<ArenaPlan> planArena(const std::vector<Lifetime> &lifetimes) {
  ArenaPlan plan;
  plan.offsets.assign(lifetimes.size(), 0);
  std::vector<size_t> order(lifetimes.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(),
                   [&](size_t a, size_t b) { return lifetimes[a].bytes > lifetimes[b].bytes; });
  for (size_t position = 0; position < order.size(); ++position) {
    const Lifetime &buffer = lifetimes[order[position]];
    std::optional<int64_t> bytes = roundUp(buffer.bytes, 64);
    if (!bytes)
      return std::nullopt;
    std::vector<Placed> busy;
    for (size_t other = 0; other < position; ++other) {
      const Lifetime &neighbour = lifetimes[order[other]];
      if (neighbour.first <= buffer.last && buffer.first <= neighbour.last) {
        int64_t begin = plan.offsets[order[other]];
        busy.push_back({begin, begin + *roundUp(neighbour.bytes, 64)});
      }
    }
    int64_t offset = bestGap(busy, *bytes);
    if (offset > std::numeric_limits<int64_t>::max() - *bytes)
      return std::nullopt;
    plan.offsets[order[position]] = offset;
    plan.bytes = std::max(plan.bytes, offset + *bytes);
  }
  return plan;
}

} // namespace attnc
