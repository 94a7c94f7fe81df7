// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "tools/bench/DotPeak.h"
#include "tools/bench/PeakLoop.h"

#include <immintrin.h>

typedef int Integers __attribute__((vector_size(32)));

double attnc::integerDotsAvx2(int64_t steps) {
  const __m256i row = _mm256_set1_epi16(3), weight = _mm256_set1_epi16(-5);
  __m256i kept = row;
  return dotLoop<Integers, 12>(steps, 2, [=](Integers sum) mutable {
    __asm__ volatile("" : ATTNC_IN_VECTOR_REGISTER(kept)); // Or the product would be one for all steps.
    return sum + reinterpret_cast<Integers>(_mm256_madd_epi16(kept, weight));
  });
}
