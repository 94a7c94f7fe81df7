// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Functions of numbers and rows that several of the reference's ops share. Real, float or double, is what they compute
// in. Private to ir/.
#pragma once

#include "ir/AttnDialect.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace attnc::reference {

constexpr double inf = std::numeric_limits<double>::infinity();
constexpr double nan = std::numeric_limits<double>::quiet_NaN();

/// An activation of one number.
template <typename Real> Real activation(attn::ActivationKind kind, Real x) {
  switch (kind) {
  case attn::ActivationKind::relu:
    return x > 0 || std::isnan(x) ? x : Real(0);
  case attn::ActivationKind::gelu:
    return Real(0.5) * x * (1 + std::erf(x * Real(M_SQRT1_2)));
  case attn::ActivationKind::gelu_tanh:
    return Real(0.5) * x * (1 + std::tanh(Real(M_2_SQRTPI * M_SQRT1_2) * (x + Real(0.044715) * x * x * x)));
  case attn::ActivationKind::silu:
    return x / (1 + std::exp(-x));
  case attn::ActivationKind::tanh:
    return std::tanh(x);
  case attn::ActivationKind::sigmoid:
    return 1 / (1 + std::exp(-x));
  }
  llvm_unreachable("all kinds are listed");
}

/// The weight that a normalizer other than softmax gives a score.
template <typename Real> Real weightOf(attn::Normalizer kind, Real factor, Real score) {
  if (score == Real(-inf))
    return 0;
  if (kind == attn::Normalizer::identity)
    return factor * score;
  return factor *
         activation(kind == attn::Normalizer::relu ? attn::ActivationKind::relu : attn::ActivationKind::sigmoid, score);
}

// Rows: `stride` is the distance of a row's elements.

/// True where no element takes part.
inline bool isMasked(const double *row, int64_t extent, int64_t stride) {
  bool all = true;
  for (int64_t i = 0; i < extent; ++i)
    all &= row[i * stride] == -inf;
  return all;
}

/// Softmax in place. A row that is -inf everywhere is an error where `fullyMasked` says so; the caller looks for it.
template <typename Real> void softmaxRow(double *row, int64_t extent, int64_t stride, attn::FullyMasked fullyMasked) {
  Real max = -inf, sum = 0;
  bool allMasked = isMasked(row, extent, stride);
  for (int64_t i = 0; i < extent; ++i)
    max = std::max(max, Real(row[i * stride]));
  for (int64_t i = 0; i < extent; ++i)
    sum += std::exp(Real(row[i * stride]) - max);
  for (int64_t i = 0; i < extent; ++i) {
    double masked = fullyMasked == attn::FullyMasked::zero ? 0 : nan;
    row[i * stride] = allMasked ? masked : std::exp(Real(row[i * stride]) - max) / sum;
  }
}

/// log(sum of exp) of a row of adjacent elements; -inf where no element takes part.
template <typename Real> Real logSumExpRow(const double *row, int64_t extent) {
  Real max = -inf, sum = 0;
  for (int64_t i = 0; i < extent; ++i)
    max = std::max(max, Real(row[i]));
  if (max == Real(-inf))
    max = 0; // -inf - 0 is -inf, whose exponential is 0.
  for (int64_t i = 0; i < extent; ++i)
    sum += std::exp(Real(row[i]) - max);
  return max + std::log(sum);
}

template <typename Real> Real dotProduct(const double *x, const double *y, int64_t extent) {
  Real sum = 0;
  for (int64_t d = 0; d < extent; ++d)
    sum += Real(x[d]) * Real(y[d]);
  return sum;
}

/// weight . tanh(query + key).
template <typename Real>
Real additiveScore(const double *query, const double *key, const double *weight, int64_t width) {
  Real sum = 0;
  for (int64_t d = 0; d < width; ++d)
    sum += Real(weight[d]) * std::tanh(Real(query[d]) + Real(key[d]));
  return sum;
}

} // namespace attnc::reference
