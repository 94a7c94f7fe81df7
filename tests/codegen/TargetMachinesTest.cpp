// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the runtime checks of a CPU, and in which order it looks at several.

#include "codegen/TargetMachines.h"

#include "passes/TargetInfo.h"

#include <algorithm>
#include <gtest/gtest.h>

namespace attnc {
namespace {

std::vector<TargetInfo> targets(const std::vector<std::string> &cpus) {
  std::vector<TargetInfo> found;
  std::string error;
  for (const std::string &cpu : cpus)
    found.push_back(findTarget("x86_64", cpu, error).value());
  return found;
}

/// The names in their order, or the error.
std::string ordered(const std::vector<std::string> &cpus) {
  std::vector<TargetInfo> found = targets(cpus);
  std::string names, error;
  if (!orderTargets(found, error))
    return error;
  for (const TargetInfo &target : found)
    names += (names.empty() ? "" : " ") + target.name;
  return names;
}

TEST(TargetMachines, FeaturesAreThoseOfTheCpu) {
  const std::string v3 = runtimeFeatures(targets({"x86-64-v3"}).front()),
                    v4 = runtimeFeatures(targets({"x86-64-v4"}).front());
  EXPECT_NE(v3.find("avx2 fma"), std::string::npos) << v3;
  EXPECT_EQ(v3.find("avx512"), std::string::npos) << v3;
  EXPECT_NE(v4.find("avx512f"), std::string::npos) << v4;
  std::string error;
  EXPECT_EQ(runtimeFeatures(findTarget("aarch64", "generic", error).value()), "neon");
}

TEST(TargetMachines, TheMostDemandingComesFirst) {
  std::vector<std::string> cpus = {"haswell", "x86-64-v4", "znver4"};
  do
    EXPECT_EQ(ordered(cpus), "znver4 x86-64-v4 haswell");
  while (std::next_permutation(cpus.begin(), cpus.end()));
}

/// Cascade Lake has VNNI, Cannon Lake VBMI and IFMA: neither runs all that the other runs.
TEST(TargetMachines, CpusThatCannotBeComparedKeepTheirOrder) {
  EXPECT_EQ(ordered({"haswell", "cascadelake", "cannonlake"}), "cascadelake cannonlake haswell");
  EXPECT_EQ(ordered({"cannonlake", "haswell", "cascadelake"}), "cannonlake cascadelake haswell");
}

TEST(TargetMachines, CpusThatAreTheSameToTheRuntime) {
  EXPECT_EQ(
      ordered({"haswell", "x86-64-v4", "x86-64-v3"}),
      "CPUs 'haswell' and 'x86-64-v3' need the same instruction sets, so a program could not choose between them; "
      "name one of them");
}

} // namespace
} // namespace attnc
