// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The loops that measure peaks. Each file that includes them is compiled for another instruction set, with
// -ffp-contract=fast; everything here is internal to that file.
#pragma once

#include <cstdint>
#include <type_traits>

#if defined(__x86_64__)
#define ATTNC_IN_VECTOR_REGISTER(x) "+v"(x)
#else
#define ATTNC_IN_VECTOR_REGISTER(x) "+w"(x)
#endif

namespace attnc {
namespace {

/// Replaces each of `kSums` vectors by step(sum), `steps` times.
template <typename Vector, int kSums, typename Step> void peakLoop(int64_t steps, Step step) {
  Vector sums[kSums];
  using Element = std::remove_reference_t<decltype(sums[0][0])>;
#pragma GCC unroll 32
  for (int i = 0; i < kSums; ++i)
    sums[i] = Vector{} + static_cast<Element>(i); // Equal sums would be one to the compiler.
  for (int64_t i = 0; i < steps; ++i) {
#pragma GCC unroll 32
    for (int j = 0; j < kSums; ++j) {
      sums[j] = step(sums[j]);
      __asm__ volatile("" : ATTNC_IN_VECTOR_REGISTER(sums[j])); // Keeps every step.
    }
  }
  Vector total = sums[0];
#pragma GCC unroll 32
  for (int i = 1; i < kSums; ++i)
    total += sums[i];
  volatile auto result = total[0];
  (void)result;
}

/// One multiply-add a step on each of `kSums` vectors of floats; returns the FLOPs.
template <typename Vector, int kSums> double fmaLoop(int64_t steps) {
  // Bounded: a sum stays near term / (1 - factor).
  const Vector factor = Vector{} + 0.99999f, term = Vector{} + 1e-5f;
  peakLoop<Vector, kSums>(steps, [=](Vector sum) { return sum * factor + term; });
  return 2.0 * (sizeof(Vector) / sizeof(float)) * kSums * static_cast<double>(steps);
}

/// The same of 32-bit sums to which each step adds `terms` products.
template <typename Vector, int kSums, typename Step> double dotLoop(int64_t steps, int terms, Step step) {
  peakLoop<Vector, kSums>(steps, step);
  return 2.0 * terms * (sizeof(Vector) / sizeof(float)) * kSums * static_cast<double>(steps);
}

} // namespace
} // namespace attnc
