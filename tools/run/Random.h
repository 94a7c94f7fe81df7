// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "tools/run/Array.h"

#include <cstdint>

namespace attnc {

/// Made-up values for timing; the same seed gives the same values on every machine.
class Random {
public:
  explicit Random(uint64_t seed) : state(seed) {}

  uint64_t bits();
  /// Uniform, with mean 0 and the given standard deviation.
  float real(float deviation);

private:
  uint64_t state;
};

/// Fills `array`: integers in [0, limit), or 0 and 1 where limit is 0; bools 0 and 1; reals as Random::real.
void fillRandom(Random &random, int64_t limit, float deviation, Array &array);

} // namespace attnc
