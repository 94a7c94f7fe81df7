// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "tools/bench/FmaPeak.h"

#if !defined(__x86_64__)
#include "tools/bench/PeakLoop.h"

typedef float Vector __attribute__((vector_size(16)));
#endif

namespace attnc {

double multiplyAdds(int64_t steps) {
#if defined(__x86_64__)
  static const bool wide = __builtin_cpu_supports("avx512f");
  return wide ? multiplyAddsAvx512(steps) : multiplyAddsAvx2(steps);
#else
  return fmaLoop<Vector, 24>(steps); // NEON: a latency of 4 on 4 units needs 16 sums.
#endif
}

} // namespace attnc
