// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "tests/codegen/NumericPolicy.h"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace attnc::test {

using testing::AssertionFailure;
using testing::AssertionResult;
using testing::AssertionSuccess;

namespace {

AssertionResult sameShape(const Array &a, const Array &b) {
  return a.shape == b.shape && a.values.size() == b.values.size() ? AssertionSuccess()
                                                                  : AssertionFailure() << "the shapes differ";
}

/// "[1, 2, 3]" of the element at `position`.
std::string placeOf(const Array &array, size_t position) {
  std::string text;
  for (size_t dim = array.shape.size(); dim-- > 0;) {
    const size_t extent = static_cast<size_t>(array.shape[dim]);
    text = std::to_string(position % extent) + (text.empty() ? "" : ", ") + text;
    position /= extent;
  }
  return "[" + text + "]";
}

struct ErrorSummary {
  double max = 0, mean = 0;
  size_t worst = 0;
};

ErrorSummary errorOf(const Array &values, const Array &f64) {
  ErrorSummary error;
  for (size_t i = 0; i < values.values.size(); ++i) {
    if (!std::isfinite(f64.values[i]) || !std::isfinite(values.values[i]))
      continue;
    const double difference = std::fabs(values.values[i] - f64.values[i]);
    error.mean += difference / static_cast<double>(values.values.size());
    if (difference > error.max) {
      error.max = difference;
      error.worst = i;
    }
  }
  return error;
}

/// NaN, +inf and -inf at the same places.
AssertionResult sameSpecials(const Array &actual, const Array &expected) {
  for (size_t i = 0; i < actual.values.size(); ++i) {
    const double a = actual.values[i], e = expected.values[i];
    if (std::isnan(a) != std::isnan(e) || ((std::isinf(a) || std::isinf(e)) && a != e && !std::isnan(a)))
      return AssertionFailure() << placeOf(actual, i) << " is " << a << ", expected " << e;
  }
  return AssertionSuccess();
}

} // namespace

double gammaOf(int64_t terms) {
  const double t = static_cast<double>(terms) * kUnitRoundoff;
  return t / (1 - t);
}

double meanFactor(size_t count) {
  return std::max(1.5, std::exp(6 * std::sqrt((std::acos(-1.0) - 2) / static_cast<double>(count))));
}

AssertionResult isAsGoodAsNaive(const Array &actual, const Array &f64, const Array &f32) {
  if (AssertionResult same = sameShape(actual, f64); !same)
    return same;
  if (AssertionResult same = sameSpecials(actual, f32); !same)
    return same;
  double largest = 0;
  for (double value : f64.values)
    largest = std::isfinite(value) ? std::max(largest, std::fabs(value)) : largest;
  const ErrorSummary ours = errorOf(actual, f64), naive = errorOf(f32, f64);
  if (ours.max > 2 * naive.max + 1e-6 * largest)
    return AssertionFailure() << "at " << placeOf(actual, ours.worst) << " " << actual.values[ours.worst]
                              << " instead of " << f64.values[ours.worst] << ": error " << ours.max << ", of plain f32 "
                              << naive.max << ", largest value " << largest;
  if (ours.mean > meanFactor(actual.values.size()) * naive.mean + kUnitRoundoff * largest)
    return AssertionFailure() << "mean error " << ours.mean << ", of plain f32 " << naive.mean << ", largest value "
                              << largest;
  return AssertionSuccess();
}

AssertionResult isWithinReductionBound(const Array &actual, const Array &f64, const Array &magnitude, int64_t terms) {
  if (AssertionResult same = sameShape(actual, f64); !same)
    return same;
  const double factor = 2 * gammaOf(terms);
  for (size_t i = 0; i < actual.values.size(); ++i)
    if (!(std::fabs(actual.values[i] - f64.values[i]) <= factor * magnitude.values[i]))
      return AssertionFailure() << "at " << placeOf(actual, i) << " " << actual.values[i] << " instead of "
                                << f64.values[i] << ", bound " << factor * magnitude.values[i];
  return AssertionSuccess();
}

AssertionResult haveSameBits(const Array &a, const Array &b) {
  if (AssertionResult same = sameShape(a, b); !same)
    return same;
  for (size_t i = 0; i < a.values.size(); ++i) {
    // Doubles hold the f32 values exactly, so their bits differ where those of the f32 values do.
    const bool same = std::isnan(a.values[i]) ? std::isnan(b.values[i])
                                              : std::memcmp(&a.values[i], &b.values[i], sizeof(double)) == 0;
    if (!same) {
      char text[96];
      std::snprintf(text, sizeof text, "%a and %a", a.values[i], b.values[i]);
      return AssertionFailure() << placeOf(a, i) << ": " << text;
    }
  }
  return AssertionSuccess();
}

AssertionResult canTell(const Array &expected) {
  const auto [low, high] = std::minmax_element(expected.values.begin(), expected.values.end());
  if (expected.values.size() > 1 && *low == *high)
    return AssertionFailure() << "all values are " << *low;
  const auto zeros = std::count(expected.values.begin(), expected.values.end(), 0.0);
  if (2 * static_cast<size_t>(zeros) > expected.values.size())
    return AssertionFailure() << zeros << " of " << expected.values.size() << " values are 0";
  return AssertionSuccess();
}

} // namespace attnc::test
