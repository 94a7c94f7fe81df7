// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the machine allows: the least time that some work can take, and what sets it.
#pragma once

#include <string>

namespace attnc {

/// What the machine reaches on a number of threads, as measured.
struct Limits {
  double flopsPerSecond = 0;  ///< Fused multiply-adds in f32, two FLOPs each.
  double bytesPerSecond = 0;  ///< Reads from memory.
  double forkJoinSeconds = 0; ///< A parallel loop with nothing to do; 0 on one thread.
};

/// Of one run, or of one kernel call.
struct Work {
  double flops = 0; ///< Multiply-adds of matmul and attention, two FLOPs each.
  double bytes = 0;
};

enum class Bound { Compute, Memory, ForkJoin };

/// max(FLOPs / peak, bytes / bandwidth) in seconds.
double floorSeconds(const Work &work, const Limits &limits);

/// What takes longest at the limits. Fork-join counts for a single kernel call only.
Bound boundOf(const Work &work, const Limits &limits);

/// "compute", "memory", "fork-join".
std::string boundName(Bound bound);

} // namespace attnc
