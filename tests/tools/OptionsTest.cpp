// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "tools/run/Options.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace attnc {
namespace {

/// Parses; what went wrong, or nothing.
std::string parse(std::vector<std::string> words, RunOptions &options) {
  words.insert(words.begin(), "attnc-run");
  std::vector<char *> argv;
  for (std::string &word : words)
    argv.push_back(word.data());
  std::string error;
  return parseRunOptions(static_cast<int>(argv.size()), argv.data(), options, error) ? "" : error;
}
std::string parse(std::vector<std::string> words) {
  RunOptions options;
  return parse(std::move(words), options);
}

TEST(RunOptions, ReadsAllOptions) {
  RunOptions options;
  ASSERT_EQ(parse({"kernel.o",
                   "--input",
                   "ids=a/b=c.npy",
                   "-i",
                   "./x=y.npz",
                   "--output=out.npz",
                   "-o",
                   "y=y.npy",
                   "--threads",
                   "2",
                   "--time=50",
                   "--random-inputs",
                   "18446744073709551615",
                   "--random-weights",
                   "0",
                   "--batch",
                   "3",
                   "--model",
                   "encoder",
                   "--convert",
                   "--info"},
                  options),
            "");
  EXPECT_EQ(options.file, "kernel.o");
  ASSERT_EQ(options.inputs.size(), 2u);
  EXPECT_EQ(options.inputs[0].name, "");
  EXPECT_EQ(options.inputs[0].path, "./x=y.npz");
  EXPECT_EQ(options.inputs[1].name, "ids");
  EXPECT_EQ(options.inputs[1].path, "a/b=c.npy");
  ASSERT_EQ(options.outputs.size(), 2u);
  EXPECT_EQ(options.outputs[0].name, "y");
  EXPECT_EQ(options.threads, 2);
  EXPECT_EQ(options.timedRuns, 50);
  EXPECT_EQ(options.randomInputs, UINT64_MAX);
  EXPECT_EQ(options.randomWeights, 0u);
  EXPECT_EQ(options.batch, 3);
  EXPECT_EQ(options.model, "encoder");
  EXPECT_TRUE(options.convert && options.info && !options.help);
}

TEST(RunOptions, HelpNeedsNoModelAndFitsAScreen) {
  RunOptions options;
  EXPECT_EQ(parse({"--help"}, options), "");
  EXPECT_TRUE(options.help);
  const std::string help = runHelp;
  EXPECT_LE(std::count(help.begin(), help.end(), '\n'), 24);
  EXPECT_NE(help.find("example:"), std::string::npos);
}

TEST(RunOptions, RefusesWrongNumbers) {
  for (const char *wrong : {"", "0", "-1", "1.5", "2x", "1025", "99999999999999999999999"})
    EXPECT_EQ(parse({"kernel.o", "--threads", wrong}),
              "--threads takes a number from 1 to 1024, not '" + std::string(wrong) + "'");
  EXPECT_EQ(parse({"kernel.o", "--time", "0"}), "--time takes a number from 1 to 10000000, not '0'");
  EXPECT_EQ(parse({"kernel.o", "--batch", "0"}), "--batch takes a number from 1 to 2147483647, not '0'");
  EXPECT_EQ(parse({"kernel.o", "--random-inputs", "x"}),
            "--random-inputs takes a number from 0 to 18446744073709551615, not 'x'");
}

TEST(RunOptions, RefusesWrongCommandLines) {
  EXPECT_EQ(parse({}), "no model is given; see --help");
  EXPECT_EQ(parse({"a.o", "b.o"}), "'b.o' is one argument too many");
  EXPECT_EQ(parse({"a.o", "--inputs", "x.npy"}), "unknown option '--inputs'; did you mean '--input'?");
  EXPECT_EQ(parse({"a.o", "--weights", "w.safetensors", "--random-weights", "1"}),
            "--weights and --random-weights exclude each other");
  EXPECT_EQ(parse({"a.o", "-o", "out.bin"}), "cannot write 'out.bin': outputs are .npy, .npz or .safetensors files");
  EXPECT_EQ(parse({"a.o", "-o", "x=out.npy", "--output", "y=out.npy"}), "two outputs go to 'out.npy'");
}

} // namespace
} // namespace attnc
