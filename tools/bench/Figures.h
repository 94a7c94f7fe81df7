// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// How figures are written, the same in every report.
#pragma once

#include <nlohmann/json.hpp>

#include <string>

namespace attnc {

/// Three significant digits: 0.0123, 1.23, 123, 1234.
std::string figure(double value);

/// "12.3 ms".
std::string milliseconds(double value);

/// "93 %".
std::string percent(double share);

/// "1.2 kB", "340 MB".
std::string bytes(double value);

/// "1.07x".
std::string times(double ratio);

/// A figure that results of an earlier attnc-bench may lack: "-" there.
std::string timesOrNone(const nlohmann::json &record, const char *name);
std::string percentOrNone(const nlohmann::json &record, const char *name);
/// The share of the peak that its own loop held in the seconds of a run; of a run that memory bounds, of the bandwidth.
std::string heldText(const nlohmann::json &run);

/// "1.08x, met", "1.08x, missed", "1.08x" where this is not the number of threads that it is for, or "-".
std::string targetText(const nlohmann::json &workload, const nlohmann::json &run);

/// The ops of a kernel with equal neighbours counted: "3 slice + attention".
std::string opsText(const nlohmann::json &kernel);

/// What the peak is of: "FMA", or "int8".
std::string peakName(const nlohmann::json &results);

/// The run on the most threads; null where there is none.
const nlohmann::json *lastRun(const nlohmann::json &workload);

} // namespace attnc
