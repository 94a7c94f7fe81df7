// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// attnc-bench's command line.
#pragma once

#include "tools/bench/Workloads.h"

namespace attnc {

/// What is measured: a named workload, or a model of the user's.
struct Subject {
  std::string name;
  std::string path; ///< Of a model: what attnc gets. Empty for a workload.
  std::optional<Workload> workload;
};

struct BenchOptions {
  std::vector<Subject> subjects;
  std::vector<int32_t> threads;
  int32_t repetitions = 0; ///< 0: as many as fit in `seconds`.
  double seconds = 2;      ///< Of timed runs, for a workload on a number of threads.
  std::string cpu = "host";
  std::string precision = "f32"; ///< f32, bf16 or int8: of matmuls by weights, and of the peak that makes the floor.
  std::vector<std::string> dims; ///< NAME=N, for models.
  bool coldStart = true, peers = false, list = false, help = false;
  std::string peersPython; ///< Empty: where `make peers` puts it.
  std::string from;        ///< A JSON file to report of, in the place of measuring.
  std::string json, html, markdown;
};

/// What --help prints.
extern const char *const benchHelp;

/// Returns false and sets `error` where the command line is wrong.
bool parseBenchOptions(int argc, char **argv, BenchOptions &options, std::string &error);

} // namespace attnc
