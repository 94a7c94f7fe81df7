// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/TargetInfo.h"

#include <gtest/gtest.h>

using namespace attnc;

namespace {

TargetInfo find(const std::string &arch, const std::string &cpu) {
  std::string error;
  std::optional<TargetInfo> target = findTarget(arch, cpu, error);
  EXPECT_TRUE(target) << error;
  return target.value_or(TargetInfo());
}

std::string errorOf(const std::string &arch, const std::string &cpu) {
  std::string error;
  EXPECT_FALSE(findTarget(arch, cpu, error));
  return error;
}

TEST(TargetInfo, VectorsFollowTheCpu) {
  for (const char *cpu : {"x86-64-v3", "haswell", "znver3"}) {
    EXPECT_EQ(find("x86_64", cpu).vectorBytes, 32) << cpu;
    EXPECT_EQ(find("x86_64", cpu).registers, 16) << cpu;
  }
  for (const char *cpu : {"x86-64-v4", "skylake-avx512", "znver4"}) {
    EXPECT_EQ(find("x86_64", cpu).vectorBytes, 64) << cpu;
    EXPECT_EQ(find("x86_64", cpu).registers, 32) << cpu;
  }
  for (const char *cpu : {"generic", "cortex-a72", "neoverse-n1"}) {
    EXPECT_EQ(find("aarch64", cpu).vectorBytes, 16) << cpu;
    EXPECT_EQ(find("aarch64", cpu).registers, 32) << cpu;
  }
}

/// Of these LLVM lists AVX-VNNI or AVX-IFMA, which imply AVX2, and not AVX2 itself.
TEST(TargetInfo, WhatIsImpliedCounts) {
  for (const char *cpu : {"alderlake", "raptorlake", "meteorlake", "sierraforest", "arrowlake"})
    EXPECT_EQ(find("x86_64", cpu).vectorBytes, 32) << cpu;
}

TEST(TargetInfo, DotProductsFollowTheCpu) {
  struct Case {
    const char *cpu;
    bool bf16, int8;
  } cases[] = {{"x86-64-v3", false, false},      {"x86-64-v4", false, false},    {"znver3", false, false},
               {"skylake-avx512", false, false}, {"cascadelake", false, true},   {"icelake-server", false, true},
               {"cooperlake", true, true},       {"sapphirerapids", true, true}, {"znver4", true, true}};
  for (const Case &test : cases) {
    EXPECT_EQ(find("x86_64", test.cpu).dotBf16, test.bf16) << test.cpu;
    EXPECT_EQ(find("x86_64", test.cpu).dotInt8, test.int8) << test.cpu;
  }
  EXPECT_FALSE(find("aarch64", "neoverse-n1").dotInt8);
}

TEST(TargetInfo, KnowsTheCachesOfMeasuredCpus) {
  EXPECT_EQ(find("x86_64", "znver3").l2Bytes, 512 * 1024);
  EXPECT_EQ(find("x86_64", "znver4").l2Bytes, 1024 * 1024);
}

TEST(TargetInfo, EveryNamedCpuIsFound) {
  for (const std::string &cpu : namedCpus(TargetInfo::Arch::X86_64)) {
    if (cpu != "host") {
      EXPECT_EQ(find("x86_64", cpu).name, cpu);
    }
  }
  for (const std::string &cpu : namedCpus(TargetInfo::Arch::AArch64))
    EXPECT_EQ(find("aarch64", cpu).name, cpu);
}

TEST(TargetInfo, ErrorsSayWhatIsAccepted) {
  EXPECT_EQ(errorOf("x86_64", "z80"),
            "unknown CPU 'z80'; accepted are host, x86-64-v3, x86-64-v4 or a CPU name of LLVM");
  EXPECT_EQ(errorOf("x86_64", "nehalem"),
            "CPU 'nehalem' lacks AVX2 or FMA, which compiled models need; accepted are host, "
            "x86-64-v3, x86-64-v4 or a CPU name of LLVM");
  EXPECT_EQ(errorOf("aarch64", "z80"), "unknown CPU 'z80'; accepted are generic or a CPU name of LLVM");
  EXPECT_EQ(errorOf("aarch64", "znver4"),
            "CPU 'znver4' is of x86_64, but the target is aarch64; an object holds code for one architecture");
  EXPECT_EQ(errorOf("x86_64", "neoverse-n1"),
            "CPU 'neoverse-n1' is of aarch64, but the target is x86_64; an object holds code for one architecture");
  EXPECT_EQ(errorOf("riscv64", "generic"), "unknown architecture 'riscv64'; accepted are x86_64 and aarch64");
}

TEST(TargetInfo, HostIsOfTheCompilersArchitecture) {
#if defined(__x86_64__)
  EXPECT_EQ(errorOf("aarch64", "host"), "CPU 'host' is x86_64, but the target is aarch64");
#else
  EXPECT_EQ(errorOf("x86_64", "host"), "CPU 'host' is aarch64, but the target is x86_64");
#endif
}

} // namespace
