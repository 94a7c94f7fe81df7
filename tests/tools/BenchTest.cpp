// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What attnc-bench computes of measured times, and the workloads that it knows. No test looks at a time that was
// measured.
#include "tools/bench/DotPeak.h"
#include "tools/bench/Figures.h"
#include "tools/bench/Floor.h"
#include "tools/bench/FmaPeak.h"
#include "tools/bench/KernelTimes.h"
#include "tools/bench/Machine.h"
#include "tools/bench/Svg.h"
#include "tools/bench/Times.h"
#include "tools/bench/Workloads.h"
#include "tools/run/Statistics.h"

#include <gtest/gtest.h>

#include <cmath>
#include <thread>

using nlohmann::json;

namespace attnc {
namespace {

TEST(Statistics, TakesTheMedianAndPercentiles) {
  EXPECT_EQ(median({3}), 3);
  EXPECT_EQ(median({1, 2, 9}), 2);
  EXPECT_EQ(median({1, 2, 4, 9}), 3);
  EXPECT_EQ(percentile({1, 2, 3, 4, 5, 6, 7, 8, 9, 10}, 0.1), 1);
  EXPECT_EQ(percentile({1, 2, 3, 4, 5, 6, 7, 8, 9, 10}, 0.9), 9);
  EXPECT_EQ(percentile({1, 2, 3}, 0.9), 3);
  EXPECT_EQ(percentile({7}, 0.1), 7);
}

TEST(Statistics, OfUnsortedTimes) {
  EXPECT_EQ(timesOf({5, 1, 4, 2, 3}), (json{{"repetitions", 5}, {"median_ms", 3.0}, {"p10_ms", 1.0}, {"p90_ms", 5.0}}));
}

TEST(Floor, IsTheLargerOfTwo) {
  const Limits limits{100e9, 10e9, 0};
  EXPECT_DOUBLE_EQ(floorSeconds({200e9, 1e9}, limits), 2);
  EXPECT_DOUBLE_EQ(floorSeconds({200e9, 30e9}, limits), 3);
  EXPECT_DOUBLE_EQ(floorSeconds({}, limits), 0);
}

TEST(Floor, SaysWhatBindsAKernel) {
  const Limits limits{100e9, 10e9, 1e-6};
  EXPECT_EQ(boundOf({1e9, 1e6}, limits), Bound::Compute);
  EXPECT_EQ(boundOf({1e6, 1e6}, limits), Bound::Memory);
  EXPECT_EQ(boundOf({1e4, 1e3}, limits), Bound::ForkJoin);
  EXPECT_EQ(boundOf({1e4, 1e2}, {100e9, 10e9, 0}), Bound::Compute);
  EXPECT_EQ(boundName(Bound::ForkJoin), "fork-join");
}

TEST(FmaPeak, CountsItsWork) {
#if defined(__x86_64__)
  EXPECT_EQ(multiplyAdds(1000), __builtin_cpu_supports("avx512f") ? 2.0 * 16 * 16 * 1000 : 2.0 * 8 * 12 * 1000);
  EXPECT_EQ(multiplyAddsAvx2(10), 2.0 * 8 * 12 * 10);
#else
  EXPECT_EQ(multiplyAdds(1000), 2.0 * 4 * 24 * 1000);
#endif
}

TEST(DotPeak, CountsItsWork) {
#if defined(__x86_64__)
  EXPECT_EQ(integerDotsAvx2(10), 2.0 * 2 * 8 * 12 * 10);
  if (__builtin_cpu_supports("avx512bw")) {
    EXPECT_EQ(integerDotsAvx512(10), 2.0 * 2 * 16 * 16 * 10);
  }
  EXPECT_EQ(integerDots() == integerDotsVnni, static_cast<bool>(__builtin_cpu_supports("avx512vnni")));
  EXPECT_EQ(bfloatDots() == bfloatDotsAvx512, static_cast<bool>(__builtin_cpu_supports("avx512bf16")));
  if (__builtin_cpu_supports("avx512vnni")) {
    EXPECT_EQ(integerDots()(10), 2.0 * 4 * 16 * 16 * 10);
  }
  EXPECT_EQ(bfloatDots()(10), __builtin_cpu_supports("avx512bf16") ? 2.0 * 2 * 16 * 16 * 10 : multiplyAdds(10));
#else
  EXPECT_EQ(integerDots(), multiplyAdds);
#endif
}

/// GFLOP as they are usually quoted for these models.
TEST(Workloads, AreAsMuchWorkAsTheyShould) {
  const std::pair<const char *, double> expected[] = {{"W1", 0.349}, {"W2", 0.0109}, {"W2b", 0.0839}, {"W3a", 0.43},
                                                      {"W3b", 2.87}, {"W3c", 91.8},  {"W4a", 22.4},   {"W4b", 179},
                                                      {"W4c", 70.7}, {"W6", 35},     {"W7", 91.9},    {"W9", 51.5},
                                                      {"W9c", 25.8}, {"W9d", 0.805}, {"W9e", 0.0503}, {"W10", 412}};
  for (const auto &[name, gflop] : expected) {
    const std::vector<Workload> found = findWorkloads(name);
    ASSERT_EQ(found.size(), 1u) << name;
    EXPECT_NEAR(flopsOf(found[0]) * 1e-9 / gflop, 1, 0.006) << name;
  }
}

TEST(Workloads, ShareOfTrueLengths) {
  const TrueShare share = shareOf(findWorkloads("W5").front()), full = shareOf(findWorkloads("W4b").front());
  EXPECT_DOUBLE_EQ(share.tokens, 576.0 / 1024);
  EXPECT_DOUBLE_EQ(share.pairs, 204.0 / 512);
  EXPECT_EQ(full.tokens, 1);
  EXPECT_EQ(full.pairs, 1);
}

TEST(KernelClock, CountsTheWorkOfTrueLengths) {
  attnc_profiled_call call = {"", "", "", 100, 80, 60, 0, 40, ATTNC_WORK_ALL};
  EXPECT_EQ(atTrueLengths(call, {0.5, 0.25}).flops, 100);
  EXPECT_EQ(atTrueLengths(call, {0.5, 0.25}).bytes, 60);
  call.share = ATTNC_WORK_TOKENS;
  EXPECT_EQ(atTrueLengths(call, {0.5, 0.25}).matmul_flops, 40);
  EXPECT_EQ(atTrueLengths(call, {0.5, 0.25}).bytes, 40);
  call.share = ATTNC_WORK_PAIRS;
  EXPECT_EQ(atTrueLengths(call, {0.5, 0.25}).flops, 25);
  EXPECT_EQ(atTrueLengths(call, {0.5, 0.25}).bytes, 40);
  EXPECT_EQ(atTrueLengths(call, {0.5, 0.25, 3}).flops, 75);
  EXPECT_EQ(atTrueLengths(call, {0.5, 0.25, 3}).bytes, 20 + 3 * 20);
}

TEST(Workloads, AreFoundByNameAndByFamily) {
  EXPECT_EQ(findWorkloads("W4").size(), 3u);
  EXPECT_EQ(findWorkloads("W2").size(), 1u); // W2 itself, not W2b as well.
  EXPECT_EQ(findWorkloads("W9").front().name, "W9");
  EXPECT_TRUE(findWorkloads("W").empty());
  EXPECT_TRUE(findWorkloads("w4a").empty());
  EXPECT_TRUE(findWorkloads("").empty());
}

TEST(Workloads, CountTrueLengthsOnly) {
  const Workload padded = findWorkloads("W5").front(), full = findWorkloads("W4b").front();
  EXPECT_EQ(lengthsOf(padded), (std::vector<int64_t>{16, 32, 48, 64, 80, 96, 112, 128}));
  EXPECT_EQ(lengthsOf(full), std::vector<int64_t>(8, 128));
  EXPECT_LT(flopsOf(padded), 0.57 * flopsOf(full));
}

TEST(Workloads, HaveDescriptions) {
  for (const Workload &workload : allWorkloads()) {
    const Description description = describe(workload);
    EXPECT_FALSE(peerDescription(workload)["kind"].get<std::string>().empty());
    if (workload.kind == WorkloadKind::Attention)
      EXPECT_EQ(description.text.find("modify_scores") != std::string::npos, workload.causal) << workload.name;
    else
      EXPECT_TRUE(json::parse(description.text).contains("model")) << workload.name;
  }
  const json decoding = json::parse(describe(findWorkloads("W8").front()).text);
  EXPECT_EQ(decoding["model"][0]["cache"], 513);
  EXPECT_EQ(decoding["model"][0]["position"], "position");
  EXPECT_FALSE(decoding["model"][0]["layer"].contains("score"));
}

TEST(KernelClock, SumsTheMediansOfEqualCalls) {
  const attnc_profiled_call calls[] = {{"a.linear1", "matmul_0", "matmul", 10, 8, 100, 50, 50, ATTNC_WORK_ALL},
                                       {"a.linear2", "matmul_1", "matmul + add", 20, 18, 200, 50, 150, ATTNC_WORK_ALL},
                                       {"b.linear1", "matmul_0", "matmul", 10, 8, 100, 50, 50, ATTNC_WORK_ALL}};
  attnc_profile profile = {ATTNC_ABI_VERSION, 3, calls, nullptr, nullptr};
  {
    KernelClock clock(profile);
    EXPECT_TRUE(clock.times().empty());
    for (int run = 0; run < 3; ++run) {
      for (int pass = 0; pass < 2; ++pass)
        for (int32_t call = 0; call <= 3; ++call) {
          profile.observer(profile.state, call);
          std::this_thread::sleep_for(std::chrono::milliseconds(1));
        }
      clock.endRun();
    }
    const std::vector<KernelTime> kernels = clock.times();
    ASSERT_EQ(kernels.size(), 2u);
    EXPECT_EQ(kernels[0].kernel, "matmul_0");
    EXPECT_EQ(kernels[0].labels, (std::vector<std::string>{"a.linear1", "b.linear1"}));
    EXPECT_EQ(kernels[0].matmulFlops, 16);
    EXPECT_EQ(kernels[0].bytes, 200);
    EXPECT_EQ(kernels[1].flops, 20);
    EXPECT_GE(kernels[0].seconds, 0.004); // It slept for so long in both passes of a run.
    clock.reset();
    EXPECT_TRUE(clock.times().empty());
  }
  EXPECT_EQ(profile.observer, nullptr);
}

TEST(Figures, HaveThreeDigits) {
  EXPECT_EQ(figure(0), "0");
  EXPECT_EQ(figure(0.01234), "0.0123");
  EXPECT_EQ(figure(1.234), "1.23");
  EXPECT_EQ(figure(123.4), "123");
  EXPECT_EQ(figure(12345), "12345");
  EXPECT_EQ(bytes(1500), "1.50 kB");
  EXPECT_EQ(bytes(3.4e8), "340 MB");
  EXPECT_EQ(times(1.084), "1.08x");
}

TEST(Figures, CountEqualOps) {
  EXPECT_EQ(opsText({{"ops", "slice + slice + attention + slice"}}), "2 slice + attention + slice");
  EXPECT_EQ(opsText({{"ops", "matmul"}}), "matmul");
}

TEST(Figures, SayWhetherATargetIsMet) {
  const json workload = {{"target_x_floor", 1.08}};
  EXPECT_EQ(targetText(workload, {{"target_met", true}}), "1.08x, met");
  EXPECT_EQ(targetText(workload, {{"target_met", false}}), "1.08x, missed");
  EXPECT_EQ(targetText(workload, json::object()), "1.08x");
  EXPECT_EQ(targetText(json::object(), json::object()), "-");
}

TEST(Machine, SaysWhereItIsBusy) {
  EXPECT_EQ(busyText({{"load", 0.1}}), "");
  EXPECT_EQ(busyText({{"load", 6.04}}),
            "The machine was busy in the minute before (load 6.0), so the times say little.");
}

TEST(Svg, EscapesWhatWouldBeMarkup) {
  EXPECT_EQ(escaped("<a href='x'>&\"\x01"), "&lt;a href=&#39;x&#39;&gt;&amp;&quot;?");
}

} // namespace
} // namespace attnc
