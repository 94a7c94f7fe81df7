// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Measures what this machine reaches: peak of a precision, read bandwidth, and what a parallel loop costs.
#pragma once

#include "tools/bench/DotPeak.h"
#include "tools/bench/Floor.h"

#include <attnc/runtime.h>

#include <memory>
#include <string>
#include <vector>

namespace attnc {

/// Threads and memory to measure with, for one number of threads.
class MachineLimits {
public:
  /// Null on failure, with the reason in `error`. Bandwidth is measured here first, and fork-join once; the peak is
  /// that of `loop`.
  static std::unique_ptr<MachineLimits> measure(int32_t threads, PeakLoopOfCpu loop, std::string &error);
  ~MachineLimits();

  /// Runs the loop of the peak for about `seconds`; adds the FLOPs a second of each round, which takes milliseconds.
  void addRates(double seconds, std::vector<double> &rates);

  /// Reads 512 MiB so many times; adds the bytes a second of each. Leaves no cache with what it had.
  void addBandwidths(int rounds, std::vector<double> &bandwidths);

  /// The best rate and bandwidth so far, and fork-join.
  const Limits &limits() const { return found; }
  int32_t threads() const { return executor.threads; }

private:
  explicit MachineLimits(PeakLoopOfCpu loop) : loop(loop) {}
  double secondsOf(attnc_task task, void *context);
  void measureForkJoin();

  PeakLoopOfCpu loop;
  attnc_pool *pool = nullptr;
  attnc_executor executor{};
  Limits found;
};

} // namespace attnc
