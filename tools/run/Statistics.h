// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Figures of a sample of times.
#pragma once

#include <vector>

namespace attnc {

/// The middle of sorted values, or the mean of the two in the middle. Not for an empty sample.
double median(const std::vector<double> &sorted);

/// The nearest-rank percentile of sorted values: the smallest with at least `share` of the sample at or below it. Not
/// for an empty sample.
double percentile(const std::vector<double> &sorted, double share);

} // namespace attnc
