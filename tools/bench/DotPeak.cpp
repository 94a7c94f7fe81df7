// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "tools/bench/DotPeak.h"

#include "tools/bench/FmaPeak.h"

namespace attnc {

PeakLoopOfCpu bfloatDots() {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx512bf16"))
    return bfloatDotsAvx512;
#endif
  return multiplyAdds;
}

PeakLoopOfCpu integerDots() {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx512vnni"))
    return integerDotsVnni;
  return __builtin_cpu_supports("avx512bw") ? integerDotsAvx512 : integerDotsAvx2;
#else
  return multiplyAdds;
#endif
}

} // namespace attnc
