// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "tools/bench/DotPeak.h"
#include "tools/bench/PeakLoop.h"

#include <immintrin.h>

typedef int Integers __attribute__((vector_size(64)));
typedef float Floats __attribute__((vector_size(64)));

double attnc::integerDotsAvx512(int64_t steps) {
  const __m512i weight = _mm512_set1_epi16(-5);
  __m512i row = _mm512_set1_epi16(3);
  return dotLoop<Integers, 16>(steps, 2, [=](Integers sum) mutable {
    __asm__ volatile("" : ATTNC_IN_VECTOR_REGISTER(row)); // Or the product would be one for all steps.
    return sum + reinterpret_cast<Integers>(_mm512_madd_epi16(row, weight));
  });
}

double attnc::integerDotsVnni(int64_t steps) {
  const __m512i row = _mm512_set1_epi8(3), weight = _mm512_set1_epi8(-5);
  return dotLoop<Integers, 16>(steps, 4, [=](Integers sum) {
    return reinterpret_cast<Integers>(_mm512_dpbusd_epi32(reinterpret_cast<__m512i>(sum), row, weight));
  });
}

double attnc::bfloatDotsAvx512(int64_t steps) {
  const __m512bh row = reinterpret_cast<__m512bh>(_mm512_set1_epi16(0x3F00)),
                 weight = reinterpret_cast<__m512bh>(_mm512_set1_epi16(static_cast<short>(0xBF00)));
  return dotLoop<Floats, 16>(steps, 2, [=](Floats sum) { return _mm512_dpbf16_ps(sum, row, weight); });
}
