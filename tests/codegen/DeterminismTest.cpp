// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// One model, one object: the same bytes however often it is compiled, after whatever else, and in another process.

#include "tests/codegen/Models.h"

#include <cstdlib>
#include <fstream>
#include <gtest/gtest.h>
#include <sstream>
#include <sys/wait.h>
#include <unistd.h>

namespace attnc::test {
namespace {

constexpr const char *kObjectVariable = "ATTNC_TEST_OBJECT";

Model model() { return encoderModel(19, 48, 3, 100); }

TEST(Determinism, CompilingTwiceGivesTheSameBytes) {
  const std::string first = compileObject(model());
  compileObject(matmulModel({9, 33, 17, "gelu"}));
  EXPECT_TRUE(first == compileObject(model()));
}

TEST(Determinism, TargetsDiffer) {
  CompileOptions v3, v4;
  v3.cpu = "x86-64-v3";
  v4.cpu = "x86-64-v4";
  EXPECT_TRUE(compileObject(model(), v3) != compileObject(model(), v4));
}

TEST(Determinism, AnotherProcessGivesTheSameBytes) {
  if (const char *path = std::getenv(kObjectVariable)) { // The other process.
    std::ofstream(path, std::ios::binary) << compileObject(model());
    return;
  }
  // Something else first, so that counters of names differ between the processes.
  compileObject(matmulModel({9, 33, 17, "residual_layernorm"}));
  const std::string expected = compileObject(model());
  const std::string path = testing::TempDir() + "attnc-determinism-" + std::to_string(getpid()) + ".o";
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    setenv(kObjectVariable, path.c_str(), 1);
    execl("/proc/self/exe", "attnc-test-codegen", "--gtest_brief=1",
          "--gtest_output=", "--gtest_filter=Determinism.AnotherProcessGivesTheSameBytes", nullptr);
    _exit(127);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  std::ostringstream bytes;
  bytes << std::ifstream(path, std::ios::binary).rdbuf();
  unlink(path.c_str());
  EXPECT_TRUE(expected == bytes.str());
}

} // namespace
} // namespace attnc::test
