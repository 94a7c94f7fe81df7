// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/Arena.h"

#include <gtest/gtest.h>

#include <limits>
#include <random>

using namespace attnc;

namespace {

constexpr int64_t largest = std::numeric_limits<int64_t>::max();

bool shareAStep(const Lifetime &a, const Lifetime &b) { return a.first <= b.last && b.first <= a.last; }

TEST(Arena, BuffersThatShareAStepNeverOverlap) {
  std::mt19937 random(7);
  auto draw = [&](int64_t below) { return int64_t(random() % uint64_t(below)); };
  for (int round = 0; round < 200; ++round) {
    std::vector<Lifetime> lifetimes(1 + draw(30));
    for (Lifetime &lifetime : lifetimes) {
      lifetime.bytes = 1 + draw(1000);
      lifetime.first = draw(20);
      lifetime.last = lifetime.first + draw(6);
    }
    std::optional<ArenaPlan> plan = planArena(lifetimes);
    ASSERT_TRUE(plan);
    EXPECT_EQ(plan->bytes % 64, 0);
    for (size_t i = 0; i < lifetimes.size(); ++i) {
      EXPECT_EQ(plan->offsets[i] % 64, 0);
      EXPECT_LE(plan->offsets[i] + lifetimes[i].bytes, plan->bytes);
      for (size_t j = 0; j < i; ++j)
        if (shareAStep(lifetimes[i], lifetimes[j])) {
          bool apart = plan->offsets[i] + lifetimes[i].bytes <= plan->offsets[j] ||
                       plan->offsets[j] + lifetimes[j].bytes <= plan->offsets[i];
          EXPECT_TRUE(apart) << i << " and " << j << " in round " << round;
        }
    }
  }
}

TEST(Arena, ReusesTheSmallestGapThatFits) {
  // At step 0 live 640, 256 and 128 bytes lie one after the other; at step 1 only the 256 in the middle is left.
  std::vector<Lifetime> lifetimes = {{640, 0, 0}, {256, 0, 1}, {128, 0, 0}, {128, 1, 1}};
  std::optional<ArenaPlan> plan = planArena(lifetimes);
  ASSERT_TRUE(plan);
  EXPECT_EQ(plan->offsets, (std::vector<int64_t>{0, 640, 896, 0}));
  EXPECT_EQ(plan->bytes, 1024);
}

TEST(Arena, NothingNeedsNothing) {
  std::optional<ArenaPlan> plan = planArena({});
  ASSERT_TRUE(plan);
  EXPECT_EQ(plan->bytes, 0);
}

TEST(Arena, RefusesSizesBeyond64Bits) {
  EXPECT_FALSE(planArena({{largest, 0, 0}}));
  EXPECT_FALSE(planArena({{largest - 63, 0, 0}, {64, 0, 0}}));
  EXPECT_TRUE(planArena({{largest - 63, 0, 0}, {64, 1, 1}}));
}

TEST(Arena, RoundsUp) {
  EXPECT_EQ(roundUp(0, 64), 0);
  EXPECT_EQ(roundUp(1, 64), 64);
  EXPECT_EQ(roundUp(64, 64), 64);
  EXPECT_EQ(roundUp(largest, 64), std::nullopt);
}

} // namespace
