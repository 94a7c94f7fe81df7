// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "tools/bench/KernelTimes.h"

#include "tools/run/Statistics.h"

#include <algorithm>
#include <chrono>
#include <utility>

namespace attnc {

attnc_profiled_call atTrueLengths(attnc_profiled_call call, const TrueShare &share) {
  const bool all = call.share == ATTNC_WORK_ALL;
  const double flops = all ? 1 : call.share == ATTNC_WORK_TOKENS ? share.tokens : share.pairs;
  call.flops *= flops * share.batch;
  call.matmul_flops *= flops * share.batch;
  call.bytes += call.token_bytes * ((all ? 1 : share.tokens) * share.batch - 1);
  return call;
}

KernelClock::KernelClock(attnc_profile &profile, const TrueShare &share) : profile(profile), share(share) {
  reset();
  profile.state = this;
  profile.observer = observe;
}

KernelClock::~KernelClock() { profile.observer = nullptr; }

void KernelClock::reset() {
  seconds.assign(static_cast<size_t>(profile.num_calls), {});
  current.assign(seconds.size(), 0);
}

void KernelClock::endRun() {
  for (size_t i = 0; i < seconds.size(); ++i)
    seconds[i].push_back(std::exchange(current[i], 0));
}

void KernelClock::observe(void *self, int32_t call) {
  auto &clock = *static_cast<KernelClock *>(self);
  const double now = std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
  if (call > 0)
    clock.current[static_cast<size_t>(call) - 1] += now - clock.before;
  clock.before = std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

std::vector<KernelTime> KernelClock::times() const {
  std::vector<KernelTime> kernels;
  for (size_t i = 0; i < seconds.size(); ++i) {
    if (seconds[i].empty())
      return {};
    const attnc_profiled_call call = atTrueLengths(profile.calls[i], share);
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
