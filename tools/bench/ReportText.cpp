// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "tools/Format.h"
#include "tools/bench/Figures.h"
#include "tools/bench/Machine.h"
#include "tools/bench/Report.h"

using nlohmann::json;

namespace attnc {
namespace {

std::string runLine(const json &workload, const json &run) {
  return format("  %7d  %11s %11s %11s  %11s  %7s  %8s  %5s  %6s  %s\n", run["threads"].get<int>(),
                milliseconds(run["median_ms"]).c_str(), milliseconds(run["p10_ms"]).c_str(),
                milliseconds(run["p90_ms"]).c_str(), milliseconds(run["floor_ms"]).c_str(),
                times(run["x_floor"]).c_str(), percent(run["of_floor"]).c_str(), heldText(run).c_str(),
                timesOrNone(run, "x_held_floor").c_str(), targetText(workload, run).c_str());
}

std::string kernelLines(const json &run) {
  std::string text = format("  kernels on %d thread%s\n    %-13s %5s  %11s  %6s  %8s  %8s  %8s  %-9s  %s\n",
                            run["threads"].get<int>(), run["threads"] == 1 ? "" : "s", "kernel", "calls", "time",
                            "share", "GFLOP/s", "of peak", "of held", "bound by", "ops");
  for (const json &kernel : run["kernels"])
    text += format("    %-13s %5d  %11s  %6s  %8s  %8s  %8s  %-9s  %s\n", kernel["kernel"].get<std::string>().c_str(),
                   kernel["calls"].get<int>(), milliseconds(kernel["ms"]).c_str(), percent(kernel["share"]).c_str(),
                   figure(kernel["gflops"]).c_str(), percent(kernel["of_peak"]).c_str(),
                   percentOrNone(kernel, "of_held").c_str(), kernel["bound"].get<std::string>().c_str(),
                   opsText(kernel).c_str());
  return text;
}

std::string peerLines(const json &run) {
  std::string text;
  if (!run.contains("peers"))
    return text;
  text += format("  peers on %d thread%s\n", run["threads"].get<int>(), run["threads"] == 1 ? "" : "s");
  for (const json &peer : run["peers"]) {
    const std::string name = peer["name"];
    if (peer["status"] == "measured")
      text += format("    %-12s %11s  %7s of attnc's time, %7s the floor, results differ by %.2g at most\n",
                     name.c_str(), milliseconds(peer["median_ms"]).c_str(),
                     times(peer["median_ms"].get<double>() / run["median_ms"].get<double>()).c_str(),
                     times(peer["median_ms"].get<double>() / run["floor_ms"].get<double>()).c_str(),
                     peer["max_abs_diff"].get<double>());
    else
      text += "    " + name + " " + peer["status"].get<std::string>() + ": " + peer["reason"].get<std::string>() + "\n";
  }
  return text;
}

std::string memoryLine(const json &workload) {
  const json &size = workload["size"], &compile = workload["compile"];
  std::string text = "  compiled in " + format("%.2f s", compile["seconds"].get<double>()) + ", " +
                     bytes(compile["peak_bytes"]) + " resident; " + bytes(size["code_bytes"]) +
                     " of code and tables, " + bytes(size["weight_bytes"]) + " of weights, " +
                     bytes(size["workspace_bytes"]) + " of workspace\n";
  if (!workload.contains("cold_start"))
    return text;
  const json &cold = workload["cold_start"];
  if (cold["status"] == "measured")
    text += "  first result " + milliseconds(cold["first_result_ms"]) + " after the process started, " +
            bytes(cold["peak_bytes"]) + " resident\n";
  if (cold.contains("external"))
    text += "  with external weights " + milliseconds(cold["external"]["first_result_ms"]) + ", " +
            bytes(cold["external"]["peak_bytes"]) + " resident\n";
  if (cold["status"] == "measured")
    return text;
  return text + "  cold start skipped: " + cold["reason"].get<std::string>() + "\n";
}

} // namespace

std::string limitsText(const json &results) {
  std::string text = machineText(results["machine"]) + "; " + results["machine"]["date"].get<std::string>() + "\n";
  const std::string busy = busyText(results["machine"]);
  if (!busy.empty())
    text += busy + "\n";
  for (const json &limits : results["limits"])
    text += format("  %d thread%s: %s peak %s GFLOP/s, reads %s GB/s", limits["threads"].get<int>(),
                   limits["threads"] == 1 ? "" : "s", peakName(results).c_str(), figure(limits["peak_gflops"]).c_str(),
                   figure(limits["bandwidth_gbs"]).c_str()) +
            (limits["threads"] == 1 ? "\n" : format(", fork and join %s us\n", figure(limits["fork_join_us"]).c_str()));
  return text;
}

std::string workloadText(const json &workload) {
  std::string text = "\n" + workload["name"].get<std::string>() + "  " + workload["title"].get<std::string>();
  if (workload["status"] != "measured")
    return text + "\n  " + workload["status"].get<std::string>() + ": " + workload["reason"].get<std::string>() + "\n";
  text += format(": %s GFLOP, %s MB\n", figure(workload["gflop"]).c_str(), figure(workload["megabytes"]).c_str());
  text += memoryLine(workload);
  text += format("  %7s  %11s %11s %11s  %11s  %7s  %8s  %5s  %6s  %s\n", "threads", "median", "p10", "p90", "floor",
                 "x floor", "of floor", "held", "x held", "target");
  for (const json &run : workload["runs"])
    text += runLine(workload, run);
  for (const json &run : workload["runs"])
    text += kernelLines(run);
  for (const json &run : workload["runs"])
    text += peerLines(run);
  return text;
}

} // namespace attnc
