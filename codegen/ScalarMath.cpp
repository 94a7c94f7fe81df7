// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "codegen/ScalarMath.h"

#include <cmath>
#include <limits>

using namespace Halide;

namespace attnc {

namespace {

/// coefficients[0] + x * (coefficients[1] + x * ...).
Expr polynomial(const Expr &x, std::initializer_list<float> coefficients) {
  Expr sum;
  for (auto it = std::rbegin(coefficients); it != std::rend(coefficients); ++it)
    sum = sum.defined() ? sum * x + *it : Expr(*it);
  return sum;
}

/// 2^f on [-1/2, 1/2], the minimax polynomial of degree 5 with constant term 1; relative error 9.2e-8 (weighted least
/// squares iterated to equal ripples).
Expr exp2OfFraction(const Expr &f) {
  return polynomial(f, {1.f, 0.693147004f, 0.240222424f, 0.0555073358f, 0.00967151299f, 0.00132647273f});
}

/// 2^(x * (high + low)) for x <= 0 and NaN, high > 0.
///
/// Adding 1.5 * 2^23 rounds to a whole number and leaves it in the lowest bits; 127 more make these the exponent field
/// of its power of two. That of -127 is the number 0, and nothing is below: x is bounded, by one instruction that keeps
/// NaN. Zen 4 takes 7 cycles of the multipliers for 16 numbers where high is 1, and 9 elsewhere.
Expr exp2Of(const Expr &x, float high, float low) {
  constexpr float bias = 127.f, rounder = 12582912.f + bias;
  const Expr least = -bias / high, bounded = select(x < least, least, x);
  const Expr scaled = high == 1.f ? bounded : bounded * high;
  const Expr rounded = scaled + rounder, whole = rounded - rounder;
  const Expr fraction = low == 0.f ? scaled - whole : bounded * low + (scaled - whole);
  return exp2OfFraction(fraction) * reinterpret<float>(reinterpret<uint32_t>(rounded) << 23);
}

} // namespace

Expr selectBits(const Expr &condition, const Expr &a, const Expr &b) {
  const Expr keep = -cast<int32_t>(condition);
  return reinterpret<float>((reinterpret<int32_t>(a) & keep) | (reinterpret<int32_t>(b) & ~keep));
}

Expr larger(const Expr &x, const Expr &y) { return select(y > x, y, x); }

Expr finiteOrZero(const Expr &maximum) {
  return select(maximum == -std::numeric_limits<float>::infinity(), 0.f, maximum);
}

Expr isNan(const Expr &x) { return (reinterpret<int32_t>(x) & 0x7fffffff) > 0x7f800000; }

Expr exp2OfNonPositive(const Expr &x) { return exp2Of(x, 1.f, 0.f); }

Expr expOfNonPositive(const Expr &x, double scale) {
  // Of a smaller scale exp2Of()'s bound on x would be infinite.
  if (scale < 1e-30)
    return expOfNonPositive(x * static_cast<float>(scale));
  // 2^(x*c) with c = scale * log2(e) in two floats: the fraction is exact to 2^-48 however large x is.
  const double c = scale * kLog2E;
  const float high = static_cast<float>(c);
  return exp2Of(x, high, static_cast<float>(c - high));
}

Expr expOf(const Expr &x) {
  const float high = 1.44269502f, low = static_cast<float>(kLog2E - 1.44269502f);
  // Two factors 2^(n/2): n up to 128 would leave the exponent's range in one.
  Expr clamped = select(x > -104.f, select(x < 90.f, x, 90.f), select(x <= -104.f, -104.f, x));
  Expr whole = round(clamped * high);
  Expr count = cast<int32_t>(select(whole > -151.f, whole, -151.f));
  Expr fraction = clamped * low + (clamped * high - whole);
  Expr half = count >> 1, rest = count - half;
  auto powerOf2 = [](const Expr &n) { return reinterpret<float>((n + 127) << 23); };
  return exp2OfFraction(fraction) * powerOf2(half) * powerOf2(rest);
}

Expr logOf(const Expr &x) {
  // x = m 2^n with m in [sqrt(1/2), sqrt(2)); 0x3f3504f3 is sqrt(1/2). Coefficients from the Cephes library's logf.
  const Expr bits = reinterpret<int32_t>(x), exponent = (bits - 0x3f3504f3) >> 23;
  const Expr f = reinterpret<float>(bits - (exponent << 23)) - 1.f, n = cast<float>(exponent), square = f * f;
  Expr tail = polynomial(f, {3.3333331174e-1f, -2.4999993993e-1f, 2.0000714765e-1f, -1.6668057665e-1f, 1.4249322787e-1f,
                             -1.2420140846e-1f, 1.1676998740e-1f, -1.1514610310e-1f, 7.0376836292e-2f});
  // ln 2 in two floats, of which the first has few digits, so that its product with n is exact.
  tail = f * (square * tail) + n * -2.12194440e-4f - 0.5f * square;
  const Expr infinity = std::numeric_limits<float>::infinity();
  return select(x == 0.f, -infinity, select(x < infinity, n * 0.693359375f + (f + tail), x));
}

Expr sigmoidOf(const Expr &x) {
  Expr e = expOfNonPositive(select(x > 0.f, -x, x));
  return select(x > 0.f, 1.f, e) / (1.f + e);
}

Expr tanhOf(const Expr &x) {
  Expr magnitude = abs(x);
  // Below 0.625 the quotient loses digits; coefficients of the polynomial from the Cephes library's tanhf.
  Expr square = x * x;
  Expr small = polynomial(
      square, {-3.33332819422e-1f, 1.33314422036e-1f, -5.37397155531e-2f, 2.06390887954e-2f, -5.70498872745e-3f});
  small = x * (square * small) + x;
  Expr e = expOfNonPositive(select(x > 0.f, -x, x), 2.0);
  Expr large = (1.f - e) / (1.f + e);
  return select(magnitude < 0.625f, small, select(x < 0.f, -large, large));
}

Expr geluOf(const Expr &x) {
  // x Phi(x), Phi the normal distribution: Phi - 1/2 as an odd rational function on [-5.2, 5.2], error 3e-9 (weighted
  // least squares iterated to equal ripples), where it reaches 1/2 - 1e-7 and the quotient rounds to 1/2. The operands
  // of the comparisons stand so that one instruction is a bound, and NaN stays.
  const Expr below = select(x > 5.2f, 5.2f, x), clamped = select(below < -5.2f, -5.2f, below);
  const Expr square = clamped * clamped;
  const Expr numerator =
      polynomial(square, {0.39894226f, 0.032544542f, 0.0046086437f, 1.5686138e-4f, 6.407879e-6f, 2.4731087e-8f});
  const Expr denominator =
      polynomial(square, {1.f, 0.24824342f, 0.027926682f, 0.0018172015f, 7.049599e-5f, 1.2588665e-6f});
  return x * (0.5f + clamped * numerator / denominator);
}

Expr geluTanhOf(const Expr &x) {
  // x/2 (1 + tanh u) = x sigmoid(2u), u = sqrt(2/pi) (x + 0.044715 x^3).
  return x * sigmoidOf(x * (x * x * 0.0713548163f + 1.59576912f));
}

} // namespace attnc
