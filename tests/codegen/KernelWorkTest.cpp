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

} // namespace
} // namespace attnc::test
