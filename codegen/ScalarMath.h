// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Scalar functions as Halide expressions, f32 to f32. They are built of IEEE operations only, so a value has the same
// bits in a vector and in its tail; a multiplication whose only use is an addition becomes one fma
// (ContractMultiplyAdd.h). NaN goes in, NaN comes out.
#pragma once

#include "Halide.h"

namespace attnc {

/// log2(e).
constexpr double kLog2E = 1.4426950408889634;

/// Whether x is NaN, by its bits: a comparison with itself is one that LLVM, in Halide 21, folds into others wrongly.
Halide::Expr isNan(const Halide::Expr &x);

/// 2^x for x <= 0 (and NaN). Error <= 4 ulp for results >= 2^-126; smaller ones are between 0 and 2^-126, from 2^-126.5
/// down exactly 0, as is that of -inf.
Halide::Expr exp2OfNonPositive(const Halide::Expr &x);

/// exp(x * scale), to the same errors. scale > 0.
Halide::Expr expOfNonPositive(const Halide::Expr &x, double scale = 1.0);

/// select(condition, a, b) of f32 in integer operations, which Halide does not take for a select.
Halide::Expr selectBits(const Halide::Expr &condition, const Halide::Expr &a, const Halide::Expr &b);

/// The larger of two: x unless y compares greater, so a NaN in y is not taken.
Halide::Expr larger(const Halide::Expr &x, const Halide::Expr &y);

/// The maximum of a row of scores, to subtract from them: where all are -inf, 0 keeps them so.
Halide::Expr finiteOrZero(const Halide::Expr &maximum);

/// exp for any argument; +inf from 128 * ln 2 up, 0 below -126 * ln 2.
Halide::Expr expOf(const Halide::Expr &x);

/// The natural logarithm, error <= 2 ulp; of 0 -inf. x is 0 or at least 2^-126, or NaN.
Halide::Expr logOf(const Halide::Expr &x);

/// 1 / (1 + exp(-x)).
Halide::Expr sigmoidOf(const Halide::Expr &x);

Halide::Expr tanhOf(const Halide::Expr &x);

/// torch.nn.functional.gelu: x/2 (1 + erf(x / sqrt 2)), error <= 2.1e-7 max(1, |x|).
Halide::Expr geluOf(const Halide::Expr &x);

/// torch.nn.functional.gelu(approximate="tanh").
Halide::Expr geluTanhOf(const Halide::Expr &x);

} // namespace attnc
