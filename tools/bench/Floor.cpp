// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "tools/bench/Floor.h"

#include <algorithm>

namespace attnc {

double floorSeconds(const Work &work, const Limits &limits) {
  return std::max(work.flops / limits.flopsPerSecond, work.bytes / limits.bytesPerSecond);
}

Bound boundOf(const Work &work, const Limits &limits) {
  if (limits.forkJoinSeconds > floorSeconds(work, limits))
    return Bound::ForkJoin;
  return work.bytes / limits.bytesPerSecond > work.flops / limits.flopsPerSecond ? Bound::Memory : Bound::Compute;
}

std::string boundName(Bound bound) {
  return bound == Bound::Compute ? "compute" : bound == Bound::Memory ? "memory" : "fork-join";
}

} // namespace attnc
