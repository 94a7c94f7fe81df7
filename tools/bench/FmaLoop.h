// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The loop that measures the FMA peak. Each file that includes it is compiled for another instruction set, with
// -ffp-contract=fast; everything here is internal to that file.
#pragma once

#include <cstdint>

#if defined(__x86_64__)
#define ATTNC_IN_VECTOR_REGISTER(x) "+v"(x)
#else
#define ATTNC_IN_VECTOR_REGISTER(x) "+w"(x)
#endif

namespace attnc {
namespace {

/// Runs `steps` times one multiply-add on each of `kSums` vectors of floats; returns the FLOPs.
template <typename Vector, int kSums> double fmaLoop(int64_t steps) {
  // Bounded: a sum stays near term / (1 - factor).
  const Vector factor = Vector{} + 0.99999f, term = Vector{} + 1e-5f;
  Vector sums[kSums];
#pragma GCC unroll 32
  for (int i = 0; i < kSums; ++i)
    sums[i] = Vector{} + static_cast<float>(i); // Equal sums would be one to the compiler.
  for (int64_t step = 0; step < steps; ++step) {
#pragma GCC unroll 32
    for (int i = 0; i < kSums; ++i) {
      sums[i] = sums[i] * factor + term;
      __asm__ volatile("" : ATTNC_IN_VECTOR_REGISTER(sums[i])); // Keeps every step.
    }
  }
  Vector total = sums[0];
#pragma GCC unroll 32
  for (int i = 1; i < kSums; ++i)
    total += sums[i];
  volatile float result = total[0];
  (void)result;
  return 2.0 * (sizeof(Vector) / sizeof(float)) * kSums * static_cast<double>(steps);
}

} // namespace
} // namespace attnc
