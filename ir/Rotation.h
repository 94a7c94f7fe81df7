// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The rotation of int8: before a matmul rounds the rows of lhs and the columns of rhs to 8 bits, it multiplies both by
// the same orthogonal matrix, which spreads an outlier over many elements and changes no product (docs/OPS.md,
// attn.matmul). Kept apart from the dialect, since codegen, the Reference and the tests need nothing else for it.
#pragma once

#include <algorithm>
#include <cstdint>

namespace attnc {

/// A vector of `depth` elements counts as [wide][depth / (wide * narrow)][narrow]. Hadamard matrices mix first the
/// elements along `wide`, then those along `narrow`; each result takes the place of an operand.
struct Rotation {
  int64_t wide, narrow;
  /// The square of a vector grows by this factor, a power of two.
  constexpr int64_t order() const { return wide * narrow; }
};

/// By the largest power of two that divides `depth` (>= 1): at most 4 neighbours and 16 elements far apart.
constexpr Rotation rotationOf(int64_t depth) {
  const int64_t power = depth & -depth, narrow = std::min<int64_t>(power, 4);
  return {std::min<int64_t>(power / narrow, 16), narrow};
}

/// Multiplies the `count` values (a power of two) that operator[] of `values` gives by Sylvester's Hadamard matrix:
/// sums and differences of values half the count apart, then a quarter, down to neighbours. The order decides the
/// roundings.
template <typename Values> void multiplyByHadamard(Values &&values, int64_t count) {
  for (int64_t half = count / 2; half > 0; half /= 2)
    for (int64_t i = 0; i < count; ++i)
      if (!(i & half)) {
        const auto a = values[i], b = values[i + half];
        values[i] = a + b;
        values[i + half] = a - b;
      }
}

} // namespace attnc
