// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "tools/run/Random.h"

namespace attnc {

// SplitMix64: any seed will do.
uint64_t Random::bits() {
  uint64_t z = state += 0x9E3779B97F4A7C15u;
  z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
  z = (z ^ z >> 27) * 0x94D049BB133111EBu;
  return z ^ z >> 31;
}

float Random::real(float deviation) {
  constexpr float sqrt12 = 3.4641016f; // a uniform value in [0, 1) has deviation 1/sqrt(12)
  return (static_cast<float>(bits() >> 40) * 0x1p-24f - 0.5f) * sqrt12 * deviation;
}

void fillRandom(Random &random, int64_t limit, float deviation, Array &array) {
  const uint64_t range = limit > 0 ? static_cast<uint64_t>(limit) : 2;
  const size_t count = array.elements();
  for (size_t i = 0; i < count; ++i)
    switch (array.dtype) {
    case ATTNC_F32:
      array.as<float>()[i] = random.real(deviation);
      break;
    case ATTNC_F64:
      array.as<double>()[i] = random.real(deviation);
      break;
    case ATTNC_I32:
      array.as<int32_t>()[i] = static_cast<int32_t>(random.bits() % range);
      break;
    case ATTNC_I64:
      array.as<int64_t>()[i] = static_cast<int64_t>(random.bits() % range);
      break;
    case ATTNC_BOOL:
    case ATTNC_I8:
    case ATTNC_U8:
      array.data.data()[i] = random.bits() & 1;
      break;
    case ATTNC_F16: // 0 or 1
      array.as<uint16_t>()[i] = random.bits() & 1 ? 0x3C00 : 0;
      break;
    case ATTNC_BF16:
      array.as<uint16_t>()[i] = random.bits() & 1 ? 0x3F80 : 0;
      break;
    }
}

} // namespace attnc
