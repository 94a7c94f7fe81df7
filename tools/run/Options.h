// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// attnc-run's command line.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace attnc {

/// `[NAME=]FILE`; `name` is empty where it is not given.
struct FileBinding {
  std::string name;
  std::string path;
};

struct RunOptions {
  std::string file;  ///< kernel.o or name.so
  std::string model; ///< Empty: the only one.
  std::string cpu;   ///< The variant; empty: the best one.
  std::vector<FileBinding> inputs, outputs;
  std::string weights; ///< Empty: none handed over.
  std::optional<uint64_t> randomWeights, randomInputs;
  std::optional<int64_t> batch;
  std::string bucketDim; ///< --dim NAME=N: the dimension with several extents; empty: not given.
  int64_t bucket = 0;
  int32_t threads = 0; ///< 0: one per CPU.
  int32_t timedRuns = 0;
  bool convert = false, info = false, help = false;
};

/// What --help prints.
extern const char *const runHelp;

/// Returns false and sets `error` where the command line is wrong.
bool parseRunOptions(int argc, char **argv, RunOptions &options, std::string &error);

} // namespace attnc
