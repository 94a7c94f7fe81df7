// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// When a computed value counts as right (docs/TESTING.md, "Numeric policy"). Every bound follows from the unit roundoff
// of f32 and the length of a reduction, or from the error that a plain f32 evaluation makes on the same data.
#pragma once

#include "tests/codegen/Model.h"

#include <gtest/gtest.h>

namespace attnc::test {

/// Half the distance of 1 and the next f32.
constexpr double kUnitRoundoff = 1.0 / (1 << 24);

/// K u / (1 - K u): the relative error of a sum of K products in any order.
double gammaOf(int64_t terms);

/// By how much the mean of so many errors may exceed the f32 reference's: 1.5 from 256 on, and more for fewer, whose
/// mean is a sample. Were both errors of one normal distribution, the logarithm of the quotient of their means would
/// have the standard deviation sqrt(2 (pi/2 - 1) / count), of which six are allowed.
double meanFactor(size_t count);

/// max |y - f64| <= 2 max |f32 - f64| + 1e-6 max |f64|, and the mean <= meanFactor() times the mean + u max |f64|. NaN
/// and infinities are where the f32 reference has them.
testing::AssertionResult isAsGoodAsNaive(const Array &actual, const Array &f64, const Array &f32);

/// |y - f64| <= 2 gamma(terms) * magnitude for every element, where `magnitude` is the same computation on absolute
/// values.
testing::AssertionResult isWithinReductionBound(const Array &actual, const Array &f64, const Array &magnitude,
                                                int64_t terms);

/// The same bits; any NaN equals any NaN.
testing::AssertionResult haveSameBits(const Array &a, const Array &b);

/// Whether a comparison with these values means anything: not constant, and half of them are not 0.
testing::AssertionResult canTell(const Array &expected);

} // namespace attnc::test
