// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// One workload or model: compiled, loaded, timed on each number of threads, beside peers where they are asked for.
#pragma once

#include "tools/bench/MachineLimits.h"
#include "tools/bench/Options.h"

#include <nlohmann/json.hpp>

#include <functional>

namespace attnc {

using Progress = std::function<void(const std::string &)>;
using AllLimits = std::vector<std::unique_ptr<MachineLimits>>;

/// Measures `subject`. The result always has name, title and status: "measured"; "skipped" or "failed" with a reason.
/// What else is in it docs/PERFORMANCE.md says.
nlohmann::json measure(const Subject &subject, const BenchOptions &options, const AllLimits &limits,
                       const Progress &progress);

} // namespace attnc
