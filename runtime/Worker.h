// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What a run keeps in the workspace: one Run, then one Worker and one slice of scratch per thread, then the arena. The
// context that generated code hands back to attnc_rt_* is a Worker. Worker 0 belongs to the thread that called
// attnc_run() while no parallel loop is on, and to whatever thread the executor gives that number to inside one.
#pragma once

#include "runtime/Api.h"

#include <atomic>

namespace attnc::rt {

/// Why a run failed; the first reason stays.
enum class Failure : int32_t {
  None,
  Kernel,         ///< a task or the entry returned the value
  Executor,       ///< executor->parallel_for returned the value
  WorkerRange,    ///< the executor called a task with the value as worker
  IndexRange,     ///< the executor called a task with the value as index
  ScratchSpace,   ///< the compiler's scratch_size does not suffice for the worker that is the value
  ScratchPointer, ///< generated code freed what it does not hold, on the worker that is the value
  Status          ///< generated code reported the status that is the value
};

struct Worker;

/// One call of attnc_run().
struct alignas(ATTNC_ALIGNMENT) Run {
  const attnc_executor *executor; ///< NULL: on the calling thread
  Worker *workers;
  int32_t threads;
  std::atomic<int64_t> failure; ///< Failure in the high half, its value in the low half

  /// Keeps the first failure only.
  void recordFailure(Failure reason, int32_t value) {
    int64_t none = 0;
    const auto low = static_cast<int64_t>(static_cast<uint32_t>(value));
    failure.compare_exchange_strong(none, (static_cast<int64_t>(reason) << 32) | low, std::memory_order_relaxed);
  }
  bool failed() const { return failure.load(std::memory_order_relaxed) != 0; }
  Failure failureReason() const { return static_cast<Failure>(failure.load(std::memory_order_relaxed) >> 32); }
  int32_t failureValue() const { return static_cast<int32_t>(failure.load(std::memory_order_relaxed)); }
};

/// One thread's share of a run. Its scratch is a stack of slices. Generated code frees a slice after its last use,
/// which is not always in reverse order, so a slice freed early is only marked and its room comes back with the slices
/// above it.
struct alignas(ATTNC_ALIGNMENT) Worker {
  /// Slices that may be alive at once; kernels use a handful.
  static constexpr int32_t kMaxSlices = 64;

  Run *run;
  uint8_t *scratch;
  uint64_t scratchSize;
  uint64_t used;
  uint64_t freedEarly; ///< bit i: slice i is freed, but one above it is not
  int32_t index;
  int32_t slices;
  bool inLoop; ///< a task of a parallel loop is running on this worker
  uint64_t starts[kMaxSlices];
};

/// The smallest multiple of ATTNC_ALIGNMENT that is not below `size`; false where it does not fit.
inline bool alignUp(uint64_t size, uint64_t *aligned) {
  if (__builtin_add_overflow(size, uint64_t{ATTNC_ALIGNMENT - 1}, aligned))
    return false;
  *aligned &= ~uint64_t{ATTNC_ALIGNMENT - 1};
  return true;
}

} // namespace attnc::rt
