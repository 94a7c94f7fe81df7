// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The work that a profile counts.

#include "codegen/KernelWork.h"
#include "passes/ScoreConditions.h"

#include <gtest/gtest.h>

namespace attnc::test {
namespace {

/// Counted pair by pair.
double countPairs(int64_t queries, int64_t keys, int64_t first, int64_t last) {
  double pairs = 0;
  for (int64_t query = 0; query < queries; ++query)
    for (int64_t key = 0; key < keys; ++key)
      pairs += key >= query + first && key <= query + last;
  return pairs;
}

double pairsInBand(int64_t queries, int64_t keys, std::optional<int64_t> first, std::optional<int64_t> last) {
  return pairsWithin({{first, last}, {}}, queries, keys);
}

TEST(KernelWork, CountsPairsInABand) {
  EXPECT_EQ(pairsInBand(4, 4, std::nullopt, 0), 10);
  EXPECT_EQ(pairsInBand(4, 4, -4, 0), 10);
  EXPECT_EQ(pairsInBand(4, 4, -4, 4), 16);
  EXPECT_EQ(pairsInBand(3, 5, 5, 5), 0);
  for (int64_t queries : {1, 5, 9})
    for (int64_t keys : {1, 6, 13})
      for (int64_t first = -10; first <= 14; ++first)
        for (int64_t last = first - 1; last <= 14; ++last)
          ASSERT_EQ(pairsInBand(queries, keys, first, last), countPairs(queries, keys, first, last))
              << queries << " queries, " << keys << " keys, " << first << " to " << last;
}

/// Runs and a band together, tile by tile against each pair looked at.
TEST(KernelWork, KeysOfATile) {
  const KeyLimits limits{{std::nullopt, 2}, {{0, 0, 5, true}, {4, 5, 5, true}, {6, 3, 9, false}, {9, 8, 13, true}}};
  constexpr int64_t kQueries = 12, kKeys = 13;
  auto runOf = [&](int64_t query) {
    LiveRun found = limits.runs.front();
    for (const LiveRun &run : limits.runs)
      if (run.query <= query)
        found = run;
    return found;
  };
  for (int64_t rows : {1, 2, 5, 8})
    for (int64_t first = 0; first < kQueries; first += rows) {
      const int64_t last = std::min(first + rows, kQueries) - 1;
      const KeySpan span = keysOf(limits, first, last - first + 1, kKeys);
      for (int64_t key = 0; key < kKeys; ++key) {
        bool some = false, all = true;
        for (int64_t query = first; query <= last; ++query) {
          const LiveRun run = runOf(query);
          const bool seen = key >= run.begin && key < run.end && key <= query + 2;
          some |= seen, all &= seen && run.all;
        }
        const bool isIn = key >= span.begin && key < span.end, isInAll = key >= span.allBegin && key < span.allEnd;
        EXPECT_TRUE(isIn || !some) << first << " " << rows << " " << key;
        EXPECT_TRUE(all || !isInAll) << first << " " << rows << " " << key;
        EXPECT_TRUE(isInAll || !all || rows != 1) << first << " " << key;
      }
    }
  EXPECT_EQ(pairsWithin({{}, {{0, 0, 3, true}, {2, 4, 4, true}}}, 4, 5), 6);
}

} // namespace
} // namespace attnc::test
