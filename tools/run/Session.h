// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "tools/run/Inputs.h"
#include "tools/run/LoadModel.h"
#include "tools/run/Weights.h"

#include <vector>

namespace attnc {

/// One model with inputs, outputs, threads and workspace: all that a run needs, so that runs can be timed.
class Session {
public:
  Session(const LoadedModel &loaded, const ReadyModel &ready, const Inputs &inputs)
      : loaded(loaded), inputs(inputs), instance(ready.instance) {}
  ~Session();
  Session(const Session &) = delete;

  /// Starts the threads (0: one per CPU) and takes the memory. Returns false and sets `error` on failure.
  bool prepare(int32_t threads, std::string &error);

  /// Runs once. Returns false and sets `error` on failure.
  bool run(std::string &error);

  /// Warms up, then runs `count` times; the milliseconds of each run, sorted. Empty, with `error` set, on failure.
  std::vector<double> time(int32_t count, std::string &error);

  /// In the order of the model's.
  const std::vector<Array> &outputs() const { return results; }
  int32_t threads() const { return executor.threads; }

private:
  const LoadedModel &loaded;
  const Inputs &inputs;
  attnc_instance instance; ///< Of the inputs' bucket.
  std::vector<Array> results;
  std::vector<const void *> inputData;
  std::vector<void *> outputData;
  AlignedBytes workspace;
  attnc_pool *pool = nullptr;
  attnc_executor executor{};
};

} // namespace attnc
