// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "tools/Format.h"
#include "tools/bench/Figures.h"
#include "tools/bench/Machine.h"
#include "tools/bench/Report.h"

using nlohmann::json;

namespace attnc {
namespace {

std::string row(const std::vector<std::string> &cells) {
  std::string text = "|";
  for (const std::string &cell : cells)
    text += " " + cell + " |";
  return text + "\n";
}

std::string header(const std::vector<std::string> &cells) {
  std::string text = row(cells) + "|";
  for (size_t i = 0; i < cells.size(); ++i)
    text += " --- |";
  return text + "\n";
}

std::string number(const json &value) { return std::to_string(value.get<int64_t>()); }

std::string limitsTable(const json &results) {
  std::string text = header({"threads", peakName(results) + " peak, GFLOP/s", "reads, GB/s", "fork and join, us"});
  for (const json &limits : results["limits"])
    text += row({number(limits["threads"]), figure(limits["peak_gflops"]), figure(limits["bandwidth_gbs"]),
                 limits["threads"] == 1 ? "-" : figure(limits["fork_join_us"])});
  return text;
}

std::string workloadTable(const json &results) {
  std::string text = header({"", "what", "GFLOP", "threads", "x floor", "target", "of the floor", "held", "x held",
                             "median", "p10", "p90", "floor"});
  for (const json &workload : results["workloads"]) {
    const std::string name = workload["name"], title = workload["title"];
    if (workload["status"] != "measured")
      text += row({name, title, "", "", workload["status"], workload["reason"], "", "", "", "", "", "", ""});
    else
      for (const json &run : workload["runs"])
        text += row({name, title, figure(workload["gflop"]), number(run["threads"]), times(run["x_floor"]),
                     targetText(workload, run), percent(run["of_floor"]), heldText(run),
                     timesOrNone(run, "x_held_floor"), milliseconds(run["median_ms"]), milliseconds(run["p10_ms"]),
                     milliseconds(run["p90_ms"]), milliseconds(run["floor_ms"])});
  }
  return text;
}

std::string memoryTable(const json &results) {
  std::string text = header({"", "compile", "compiler's memory", "code and tables", "weights", "workspace",
                             "first result", "resident then", "first result, external weights", "resident then"});
  for (const json &workload : results["workloads"]) {
    if (workload["status"] != "measured")
      continue;
    const json &size = workload["size"], &compile = workload["compile"];
    const json cold = workload.value("cold_start", json::object());
    auto starts = [&](const json &measured) -> std::vector<std::string> {
      if (!measured.contains("first_result_ms"))
        return {"-", "-"};
      return {milliseconds(measured["first_result_ms"]), bytes(measured["peak_bytes"])};
    };
    const std::vector<std::string> embedded = starts(cold), external = starts(cold.value("external", json::object()));
    text += row({workload["name"], format("%.2f s", compile["seconds"].get<double>()), bytes(compile["peak_bytes"]),
                 bytes(size["code_bytes"]), bytes(size["weight_bytes"]), bytes(size["workspace_bytes"]), embedded[0],
                 embedded[1], external[0], external[1]});
  }
  return text;
}

std::string kernelTable(const json &results) {
  std::string text =
      header({"", "kernel", "ops", "calls", "share", "of peak", "of held", "bound by", "GFLOP/s", "time"});
  for (const json &workload : results["workloads"])
    if (const json *run = lastRun(workload))
      for (const json &kernel : (*run)["kernels"])
        text += row({workload["name"], kernel["kernel"], opsText(kernel), number(kernel["calls"]),
                     percent(kernel["share"]), percent(kernel["of_peak"]), percentOrNone(kernel, "of_held"),
                     kernel["bound"], figure(kernel["gflops"]), milliseconds(kernel["ms"])});
  return text;
}

std::string peerTable(const json &results) {
  std::string text;
  for (const json &workload : results["workloads"])
    for (const json &run : workload.value("runs", json::array()))
      for (const json &peer : run.value("peers", json::array())) {
        const std::string name = peer["name"].get<std::string>() + " " + peer.value("version", "");
        if (peer["status"] == "measured")
          text += row({workload["name"], number(run["threads"]), name,
                       times(peer["median_ms"].get<double>() / run["median_ms"].get<double>()),
                       times(peer["median_ms"].get<double>() / run["floor_ms"].get<double>()), times(run["x_floor"]),
                       milliseconds(peer["median_ms"]), format("%.1e", peer["max_abs_diff"].get<double>())});
        else
          text += row({workload["name"], number(run["threads"]), name, peer["status"], peer["reason"], "", "", ""});
      }
  return text.empty() ? text
                      : "\n" +
                            header({"", "threads", "peer", "of attnc's time", "x floor", "attnc x floor", "median",
                                    "results differ by"}) +
                            text;
}

} // namespace

std::string markdownReport(const json &results) {
  return machineText(results["machine"]) + "; " + results["machine"]["date"].get<std::string>() + "; attnc " +
         results.value("attnc", "") + ".\n" + busyText(results["machine"]) + "\n\n" + limitsTable(results) + "\n" +
         workloadTable(results) + peerTable(results) + "\n" + memoryTable(results) +
         "\nKernels on the most threads:\n\n" + kernelTable(results);
}

} // namespace attnc
