// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "tools/run/Report.h"
#include "tools/run/Random.h"

#include <gtest/gtest.h>

#include <cmath>

namespace attnc {
namespace {

Array floats(const std::vector<float> &values) {
  Array array{"y", ATTNC_F32, {static_cast<int64_t>(values.size())}, AlignedBytes(values.size() * sizeof(float))};
  std::copy(values.begin(), values.end(), array.as<float>());
  return array;
}

TEST(Report, SummarisesValues) {
  EXPECT_EQ(summaryText(floats({1, -2, 4, 3, 4})), "y  f32 [5]  min -2  mean 2  max 4  first 1 -2 4 3 ...\n");
  EXPECT_EQ(summaryText(floats({0.5})), "y  f32 [1]  min 0.5  mean 0.5  max 0.5  first 0.5\n");
  EXPECT_EQ(summaryText(floats({})), "y  f32 [0]  first\n");
}

TEST(Report, CountsWhatIsNotFinite) {
  EXPECT_EQ(summaryText(floats({NAN, 2, INFINITY})),
            "y  f32 [3]  min 2  mean 2  max 2  not finite: 2  first nan 2 inf\n");
  EXPECT_EQ(summaryText(floats({-INFINITY})), "y  f32 [1]  not finite: 1  first -inf\n");
}

TEST(Report, TakesPercentiles) {
  EXPECT_EQ(timeText({1, 2, 3, 4, 5, 6, 7, 8, 9, 10}, 2),
            "median 5.5000 ms  p10 1.0000 ms  p90 9.0000 ms  (10 runs, 2 threads)\n");
  EXPECT_EQ(timeText({0.25}, 1), "median 0.2500 ms  p10 0.2500 ms  p90 0.2500 ms  (1 run, 1 thread)\n");
}

TEST(Random, IsTheSameForASeed) {
  Array first = floats(std::vector<float>(1000)), second = floats(std::vector<float>(1000));
  Random one(7), other(7);
  fillRandom(one, 0, 2.0f, first);
  fillRandom(other, 0, 2.0f, second);
  double sum = 0, squares = 0;
  for (size_t i = 0; i < first.elements(); ++i) {
    ASSERT_EQ(first.as<float>()[i], second.as<float>()[i]);
    sum += first.as<float>()[i];
    squares += double(first.as<float>()[i]) * first.as<float>()[i];
  }
  EXPECT_NEAR(sum / 1000, 0, 0.3); // five standard errors
  EXPECT_NEAR(std::sqrt(squares / 1000), 2, 0.2);
}

TEST(Random, StaysBelowTheLimit) {
  Array ids{"ids", ATTNC_I64, {1000}, AlignedBytes(8000)};
  Random random(1);
  fillRandom(random, 10, 1.0f, ids);
  int64_t highest = 0;
  for (size_t i = 0; i < ids.elements(); ++i) {
    ASSERT_GE(ids.as<int64_t>()[i], 0);
    highest = std::max(highest, ids.as<int64_t>()[i]);
  }
  EXPECT_EQ(highest, 9);
}

} // namespace
} // namespace attnc
