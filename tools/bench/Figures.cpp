// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "tools/bench/Figures.h"

#include "tools/Format.h"

#include <cmath>

using nlohmann::json;

namespace attnc {

std::string figure(double value) {
  if (value == 0)
    return "0";
  const int digits = 2 - static_cast<int>(std::floor(std::log10(std::fabs(value))));
  return format("%.*f", std::min(std::max(digits, 0), 6), value);
}

std::string milliseconds(double value) { return figure(value) + " ms"; }

std::string percent(double share) { return format("%.0f %%", share * 100); }

std::string bytes(double value) {
  return value < 1e6   ? figure(value * 1e-3) + " kB"
         : value < 1e9 ? figure(value * 1e-6) + " MB"
                       : figure(value * 1e-9) + " GB";
}

std::string times(double ratio) { return format("%.2fx", ratio); }

std::string timesOrNone(const json &record, const char *name) {
  return record.contains(name) ? times(record[name]) : "-";
}

std::string percentOrNone(const json &record, const char *name) {
  return record.contains(name) ? percent(record[name]) : "-";
}

std::string heldText(const json &run) {
  const auto share = [&](const char *held, const char *best) {
    return run.contains(held) ? percent(run[held].get<double>() / run[best].get<double>()) : "-";
  };
  return run.contains("held_bandwidth_gbs") ? share("held_bandwidth_gbs", "bandwidth_gbs")
                                            : share("held_gflops", "peak_gflops");
}

std::string targetText(const json &workload, const json &run) {
  if (!workload.contains("target_x_floor"))
    return "-";
  const std::string target = times(workload["target_x_floor"]);
  return run.contains("target_met") ? target + (run["target_met"] ? ", met" : ", missed") : target;
}

std::string opsText(const json &kernel) {
  const std::string ops = kernel["ops"], plus = " + ";
  std::string text, before;
  int count = 0;
  auto flush = [&] {
    if (count > 0)
      text += (text.empty() ? "" : plus) + (count > 1 ? std::to_string(count) + " " : "") + before;
    count = 0;
  };
  for (size_t start = 0; start <= ops.size();) {
    const size_t end = std::min(ops.find(plus, start), ops.size());
    const std::string op = ops.substr(start, end - start);
    if (op != before)
      flush();
    before = op;
    ++count;
    start = end + plus.size();
  }
  flush();
  return text;
}

std::string peakName(const json &results) {
  const std::string precision = results.value("precision", "f32");
  return precision == "f32" ? "FMA" : precision;
}

const json *lastRun(const json &workload) {
  return workload.contains("runs") && !workload["runs"].empty() ? &workload["runs"].back() : nullptr;
}

} // namespace attnc
