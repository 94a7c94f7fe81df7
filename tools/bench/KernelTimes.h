// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Times of a model's kernel calls, taken by the observer of an object that was compiled with --profile.
#pragma once

#include <attnc/profile.h>

#include <string>
#include <vector>

namespace attnc {

/// Equal calls of one kernel, summed up.
struct KernelTime {
  std::string kernel, ops;
  std::vector<std::string> labels; ///< Of its calls, in order.
  double seconds = 0;              ///< In one run: the sum of each call's median.
  double flops = 0, matmulFlops = 0, bytes = 0;
};

/// How much of the work that a profile lists there is at the true lengths and batch.
struct TrueShare {
  double tokens = 1; ///< True tokens of all.
  double pairs = 1;  ///< Pairs of true tokens of one sequence of all pairs.
  double batch = 1;  ///< Batch elements, where a profile is that of one.
};

/// The call's work at the true lengths and batch, in its own fields.
attnc_profiled_call atTrueLengths(attnc_profiled_call call, const TrueShare &share);

/// Observes runs while it lives. One thread runs the model; the profile is this object's for that time.
class KernelClock {
public:
  explicit KernelClock(attnc_profile &profile, const TrueShare &share = {});
  ~KernelClock();
  KernelClock(const KernelClock &) = delete;

  /// Forgets what was observed so far.
  void reset();

  /// A run is over: what was observed since the one before is its time, of one pass over the batch or several.
  void endRun();

  /// By kernel, in the order of the first calls. Empty where no run was observed.
  std::vector<KernelTime> times() const;

private:
  static void observe(void *self, int32_t call);

  attnc_profile &profile;
  TrueShare share;
  std::vector<double> current;              ///< For each call, in the run that is on.
  std::vector<std::vector<double>> seconds; ///< For each call, a value a run.
  double before = 0;
};

} // namespace attnc
