// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "tools/Format.h"
#include "tools/bench/Figures.h"
#include "tools/bench/Machine.h"
#include "tools/bench/Report.h"
#include "tools/bench/ReportStyle.h"
#include "tools/bench/Svg.h"

using nlohmann::json;

namespace attnc {
namespace {

std::string card(const std::string &value, const std::string &what) {
  return "<div class='card'><b>" + escaped(value) + "</b><span>" + escaped(what) + "</span></div>\n";
}

std::string key(const char *color, const char *what) {
  return format("<span class='key'><i style='background: var(--%s)'></i>%s</span>", color, what);
}

/// A cell of text, or of a number.
std::string cell(const std::string &text, const char *kind = "") {
  return format("<td class='%s'>", kind) + escaped(text) + "</td>";
}

std::string heading(const std::vector<const char *> &texts, size_t textColumns) {
  std::string row = "<tr>";
  for (size_t i = 0; i < texts.size(); ++i)
    row += format("<th class='%s'>%s</th>", i < textColumns ? "text" : "", texts[i]);
  return row + "</tr>\n";
}

std::string machineCards(const json &results) {
  std::string text = "<div class='cards'>\n";
  for (const json &limits : results["limits"]) {
    const std::string on = format(" on %d thread%s", limits["threads"].get<int>(), limits["threads"] == 1 ? "" : "s");
    text += card(figure(limits["peak_gflops"]) + " GFLOP/s", peakName(results) + " peak" + on) +
            card(figure(limits["bandwidth_gbs"]) + " GB/s", "reads" + on);
    if (limits["threads"] != 1)
      text += card(figure(limits["fork_join_us"]) + " µs", "fork and join" + on);
  }
  return text + "</div>\n";
}

std::string runTable(const json &workload) {
  std::string text = "<table>" + heading({"threads", "x floor", "target", "of the floor", "held", "x held", "median",
                                          "p10", "p90", "floor", "set by", "runs"},
                                         0);
  for (const json &run : workload["runs"]) {
    const char *kind = !run.contains("target_met") ? "" : run["target_met"] ? "good" : "bad";
    text += "<tr>" + cell(std::to_string(run["threads"].get<int>())) + cell(times(run["x_floor"]), kind) +
            cell(targetText(workload, run), kind) + cell(percent(run["of_floor"])) + cell(heldText(run)) +
            cell(timesOrNone(run, "x_held_floor")) + cell(milliseconds(run["median_ms"])) +
            cell(milliseconds(run["p10_ms"])) + cell(milliseconds(run["p90_ms"])) +
            cell(milliseconds(run["floor_ms"])) + cell(run["bound"]) +
            cell(std::to_string(run["repetitions"].get<int64_t>())) + "</tr>\n";
  }
  return text + "</table>\n";
}

std::string kernelTable(const json &run) {
  std::string text =
      format("<h3>Kernels on %d thread%s</h3>\n<table>", run["threads"].get<int>(), run["threads"] == 1 ? "" : "s") +
      heading({"kernel", "ops", "bound by", "calls", "share", "of peak", "of held", "GFLOP/s", "time"}, 3);
  for (const json &kernel : run["kernels"]) {
    const std::string name = kernel["kernel"], kind = name.substr(0, name.find('_'));
    text += "<tr>" + cell(name, "text") + cell(opsText(kernel), "text ops") + cell(kernel["bound"], "text") +
            cell(std::to_string(kernel["calls"].get<int64_t>())) + "<td>" + percent(kernel["share"]) +
            shareBar(kernel["share"], escaped(kind)) + "</td><td>" + percent(kernel["of_peak"]) +
            shareBar(kernel["of_peak"], escaped(kind)) + "</td>" + cell(percentOrNone(kernel, "of_held")) +
            cell(figure(kernel["gflops"])) + cell(milliseconds(kernel["ms"])) + "</tr>\n";
  }
  return text + "</table>\n";
}

std::string peerTable(const json &run) {
  if (!run.contains("peers"))
    return "";
  std::string text =
      format("<h3>Peers on %d thread%s</h3>\n<table>", run["threads"].get<int>(), run["threads"] == 1 ? "" : "s") +
      heading({"peer", "version", "of attnc's time", "x floor", "median", "p10", "p90", "results differ by"}, 2);
  for (const json &peer : run["peers"]) {
    text += "<tr>" + cell(peer["name"], "text") + cell(peer.value("version", ""), "text");
    if (peer["status"] == "measured")
      text += cell(times(peer["median_ms"].get<double>() / run["median_ms"].get<double>())) +
              cell(times(peer["median_ms"].get<double>() / run["floor_ms"].get<double>())) +
              cell(milliseconds(peer["median_ms"])) + cell(milliseconds(peer["p10_ms"])) +
              cell(milliseconds(peer["p90_ms"])) + cell(format("%.1e", peer["max_abs_diff"].get<double>()));
    else
      text += "<td class='text ops' colspan='6'>" + escaped(peer["status"]) + ": " + escaped(peer["reason"]) + "</td>";
    text += "</tr>\n";
  }
  return text + "</table>\n";
}

std::string memoryCards(const json &workload) {
  const json &size = workload["size"], &compile = workload["compile"];
  std::string text =
      "<div class='cards'>" +
      card(format("%.2f s", compile["seconds"].get<double>()), "compile, " + bytes(compile["peak_bytes"])) +
      card(bytes(size["code_bytes"]), "code and tables") + card(bytes(size["weight_bytes"]), "weights") +
      card(bytes(size["workspace_bytes"]), "workspace");
  const json cold = workload.value("cold_start", json::object());
  if (cold.value("status", "") == "measured")
    text += card(milliseconds(cold["first_result_ms"]), "process start to first result") +
            card(bytes(cold["peak_bytes"]), "resident then");
  if (cold.contains("external"))
    text += card(milliseconds(cold["external"]["first_result_ms"]), "the same with external weights") +
            card(bytes(cold["external"]["peak_bytes"]), "resident then");
  return text + "</div>\n";
}

std::string workloadSection(const json &workload) {
  const std::string name = escaped(workload["name"]), title = escaped(workload["title"]);
  if (workload["status"] != "measured")
    return "<div class='panel'><h3>" + name + "</h3><p>" + title + "</p><p>" + escaped(workload["status"]) + ": " +
           escaped(workload["reason"]) + "</p></div>\n";
  const json &run = workload["runs"].back();
  const char *kind = !run.contains("target_met") ? "" : run["target_met"] ? "good" : "bad";
  std::string text = "<details class='panel'><summary><h3>" + name + "</h3><span class='title'>" + title + ", " +
                     figure(workload["gflop"]) + format(" GFLOP</span><b class='%s'>", kind) + times(run["x_floor"]) +
                     " the floor</b></summary>\n" + runTable(workload);
  for (const json &each : workload["runs"])
    text += peerTable(each);
  text += kernelTable(run) + memoryCards(workload);
  return text + "</details>\n";
}

} // namespace

std::string htmlReport(const json &results) {
  std::string text =
      "<!DOCTYPE html>\n<html lang='en'>\n<head>\n<meta charset='utf-8'/>\n"
      "<meta name='viewport' content='width=device-width, initial-scale=1'/>\n<title>attnc-bench</title>\n<style>" +
      std::string(reportStyle) + "</style>\n</head>\n<body>\n<h1>attnc-bench</h1>\n<p>" +
      escaped(machineText(results["machine"])) + "<br/>" + escaped(results["machine"]["date"]) + ", attnc " +
      escaped(results.value("attnc", "")) + "</p>\n<p class='bad'>" + escaped(busyText(results["machine"])) + "</p>\n" +
      machineCards(results);
  text += "<h2>Time over floor</h2>\n<p>The floor is what this machine allows: the larger of FLOPs / peak and bytes / "
          "bandwidth, as measured beside each workload. 1 is the limit, the thick mark the target. On the most "
          "threads.</p>\n"
          "<div class='panel'>" +
          floorBars(results) + "<p>" + key("good", "attnc, target met or none") + key("bad", "attnc, target missed") +
          key("red", "PyTorch") + key("violet", "Inductor") + key("blue", "ONNX Runtime") + key("teal", "OpenVINO") +
          "</p></div>\n";
  const std::string roofs = roofline(results);
  if (!roofs.empty())
    text +=
        "<h2>Roofline</h2>\n<p>Each kernel by what it computes for a byte and how fast; its area is its share of the "
        "workload's time. A kernel whose data stays in cache may stand above the slope. On the most threads.</p>\n"
        "<div class='panel'>" +
        roofs + "<p>" + key("blue", "matmul") + key("violet", "attention") + key("green", "row-wise") + "</p></div>\n";
  text += "<h2>Workloads</h2>\n";
  for (const json &workload : results["workloads"])
    text += workloadSection(workload);
  return text + "</body>\n</html>\n";
}

} // namespace attnc
