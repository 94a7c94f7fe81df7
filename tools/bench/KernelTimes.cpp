// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "tools/bench/KernelTimes.h"

#include "tools/run/Statistics.h"

#include <algorithm>
#include <chrono>

namespace attnc {

KernelClock::KernelClock(attnc_profile &profile) : profile(profile) {
  reset();
  profile.state = this;
  profile.observer = observe;
}

KernelClock::~KernelClock() { profile.observer = nullptr; }

void KernelClock::reset() { seconds.assign(static_cast<size_t>(profile.num_calls), {}); }

void KernelClock::observe(void *self, int32_t call) {
  auto &clock = *static_cast<KernelClock *>(self);
  const double now = std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
  if (call > 0)
    clock.seconds[static_cast<size_t>(call) - 1].push_back(now - clock.before);
  clock.before = std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

std::vector<KernelTime> KernelClock::times() const {
  std::vector<KernelTime> kernels;
  for (size_t i = 0; i < seconds.size(); ++i) {
    if (seconds[i].empty())
      return {};
    const attnc_profiled_call &call = profile.calls[i];
    auto kernel =
        std::find_if(kernels.begin(), kernels.end(), [&](const KernelTime &k) { return k.kernel == call.kernel; });
    if (kernel == kernels.end())
      kernel = kernels.insert(kernels.end(), {call.kernel, call.ops, {}, 0, 0, 0, 0});
    std::vector<double> sorted = seconds[i];
    std::sort(sorted.begin(), sorted.end());
    kernel->labels.push_back(call.label);
    kernel->seconds += median(sorted);
    kernel->flops += call.flops;
    kernel->matmulFlops += call.matmul_flops;
    kernel->bytes += call.bytes;
  }
  return kernels;
}

} // namespace attnc
