// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <nlohmann/json.hpp>

#include <vector>

namespace attnc {

/// {repetitions, median_ms, p10_ms, p90_ms} of a sample that is not empty.
nlohmann::json timesOf(std::vector<double> milliseconds);

} // namespace attnc
