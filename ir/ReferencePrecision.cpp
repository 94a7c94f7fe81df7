// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "ir/ReferencePrecision.h"

#include "ir/Rotation.h"

#include <cmath>
#include <cstring>
#include <limits>

namespace attnc::reference {

static float nearestBfloat(float value) {
  if (std::isnan(value))
    return value;
  uint32_t bits;
  std::memcpy(&bits, &value, sizeof bits);
  bits += 0x7FFF + (bits >> 16 & 1); // Beyond the largest bfloat16 this carries into infinity.
  bits &= 0xFFFF0000;
  std::memcpy(&value, &bits, sizeof bits);
  return value;
}

Tensor roundedToBfloat(Tensor tensor) {
  for (double &value : tensor.values)
    value = nearestBfloat(static_cast<float>(value));
  return tensor;
}

/// The elements of a vector as f32, balanced and rotated (ir/Rotation.h).
static std::vector<float> rotated(const double *vector, int64_t length, int64_t stride, Balance balance) {
  const Rotation rotation = rotationOf(length);
  const int64_t span = length / rotation.wide, groups = length / rotation.narrow;
  std::vector<float> mixed(length), part;
  for (int64_t i = 0; i < span; ++i) {
    part.clear();
    for (int64_t j = 0; j < rotation.wide; ++j)
      part.push_back(balance(static_cast<float>(vector[(j * span + i) * stride]), j * span + i));
    multiplyByHadamard(part, rotation.wide);
    for (int64_t j = 0; j < rotation.wide; ++j)
      mixed[j * span + i] = part[j];
  }
  for (int64_t i = 0; i < groups; ++i)
    multiplyByHadamard(mixed.begin() + i * rotation.narrow, rotation.narrow);
  return mixed;
}

/// Rotates and quantizes one vector in place; its scale.
static double quantize(double *vector, int64_t length, int64_t stride, Balance balance) {
  const std::vector<float> values = rotated(vector, length, stride, balance);
  float largest = 0;
  bool isFinite = true;
  for (float value : values) {
    isFinite &= std::isfinite(value);
    largest = std::max(largest, std::fabs(value));
  }
  const bool isZero = largest < 0x1p-100f || !isFinite;
  const float factor = isZero ? 0 : 127 / largest;
  for (int64_t i = 0; i < length; ++i) // The product is exact in a double.
    vector[i * stride] = isZero ? 0 : std::nearbyint(static_cast<double>(values[i]) * factor);
  if (!isFinite)
    return std::numeric_limits<double>::quiet_NaN();
  return isZero ? 0 : largest / 127;
}

Quantized quantizedToInt8(Tensor tensor, int64_t length, int64_t stride, Balance balance) {
  Quantized result{std::move(tensor), {}};
  double *values = result.integers.values.data();
  const int64_t block = length * stride, count = result.integers.values.size();
  for (int64_t start = 0; start < count; start += block)
    for (int64_t first = start; first < start + stride; ++first)
      result.scales.push_back(quantize(values + first, length, stride, balance));
  return result;
}

} // namespace attnc::reference
