// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "tools/bench/Svg.h"

#include "tools/Format.h"
#include "tools/bench/Figures.h"

#include <algorithm>
#include <cmath>

using nlohmann::json;

namespace attnc {
namespace {

std::string line(double x1, double y1, double x2, double y2, const char *kind) {
  return format("<line x1='%.1f' y1='%.1f' x2='%.1f' y2='%.1f' class='%s'/>\n", x1, y1, x2, y2, kind);
}

std::string label(double x, double y, const std::string &text, const char *kind) {
  return format("<text x='%.1f' y='%.1f' class='%s'>", x, y, kind) + escaped(text) + "</text>\n";
}

std::string svg(double width, double height, const std::string &title, const std::string &body) {
  return format("<svg viewBox='0 0 %.0f %.0f' role='img'><title>", width, height) + escaped(title) + "</title>\n" +
         body + "</svg>\n";
}

/// "matmul_2" is of the kind matmul.
std::string kindOf(const json &kernel) {
  const std::string name = kernel["kernel"];
  return name.substr(0, name.find('_'));
}

const json *limitsOn(const json &results, const json &threads) {
  for (const json &limits : results["limits"])
    if (limits["threads"] == threads)
      return &limits;
  return nullptr;
}

/// Maps a range of values to one of pixels, both ways of counting: linear or by powers of ten.
struct Axis {
  double low, high, from, to;
  bool logarithmic;

  double at(double value) const {
    const double share = logarithmic ? std::log(value / low) / std::log(high / low) : (value - low) / (high - low);
    return from + std::clamp(share, 0.0, 1.0) * (to - from);
  }
};

struct BarRow {
  std::string name, title;
  double ours = 0, target = 0;
  std::vector<std::pair<std::string, double>> peers;
};

std::vector<BarRow> barRows(const json &results) {
  std::vector<BarRow> rows;
  for (const json &workload : results["workloads"]) {
    const json *run = lastRun(workload);
    if (!run)
      continue;
    BarRow row{workload["name"], workload["title"], (*run)["x_floor"], workload.value("target_x_floor", 0.0), {}};
    for (const json &peer : run->value("peers", json::array()))
      if (peer["status"] == "measured")
        row.peers.emplace_back(peer["name"], peer["median_ms"].get<double>() / (*run)["floor_ms"].get<double>());
    rows.push_back(std::move(row));
  }
  return rows;
}

std::string barRow(const BarRow &row, const Axis &x, double y) {
  const bool met = row.target == 0 || row.ours <= row.target;
  std::string text = label(x.from - 10, y + 15, row.name, "name");
  text += format("<rect x='%.1f' y='%.1f' width='%.1f' height='14' rx='2' class='%s'><title>", x.from, y + 4,
                 std::max(x.at(row.ours) - x.from, 1.0), met ? "bar met" : "bar missed") +
          escaped(row.title + ": " + times(row.ours) + " the floor") + "</title></rect>\n";
  if (row.target > 0)
    text += line(x.at(row.target), y, x.at(row.target), y + 22, "target");
  for (const auto &[name, ratio] : row.peers)
    text += format("<circle cx='%.1f' cy='%.1f' r='4.5' class='peer %s'><title>", x.at(ratio), y + 11, name.c_str()) +
            escaped(name + ": " + times(ratio) + " the floor") + "</title></circle>\n";
  return text + label(x.to + 12, y + 15, times(row.ours), "value");
}

struct Point {
  double intensity, gflops, share;
  std::string kind, text;
};

std::vector<Point> points(const json &results) {
  std::vector<Point> found;
  for (const json &workload : results["workloads"])
    if (const json *run = lastRun(workload))
      for (const json &kernel : (*run)["kernels"]) {
        const double gflop = kernel["gflop"].get<double>() + kernel["other_gflop"].get<double>();
        const double rate = gflop / kernel["ms"].get<double>() * 1e3;
        if (gflop <= 0 || kernel["megabytes"] <= 0)
          continue;
        found.push_back({gflop * 1e3 / kernel["megabytes"].get<double>(), rate, kernel["share"], kindOf(kernel),
                         workload["name"].get<std::string>() + " " + kernel["kernel"].get<std::string>() + ": " +
                             opsText(kernel) + "\n" + figure(rate) + " GFLOP/s, " + percent(kernel["of_peak"]) +
                             " of peak, " + percent(kernel["share"]) + " of the time, " +
                             kernel["first"].get<std::string>()});
      }
  return found;
}

std::string grid(const Axis &x, const Axis &y) {
  std::string text;
  for (double value = x.low; value <= x.high * 1.01; value *= 10)
    text += line(x.at(value), y.from, x.at(value), y.to, "grid") +
            label(x.at(value), y.from + 18, format("%g", value), "tick");
  for (double value = y.low; value <= y.high * 1.01; value *= 10)
    text += line(x.from, y.at(value), x.to, y.at(value), "grid") +
            label(x.from - 8, y.at(value) + 4, format("%g", value), "tickleft");
  return text + label((x.from + x.to) / 2, y.from + 38, "FLOP per byte of memory traffic", "tick") +
         label(x.from - 8, y.to - 10, "GFLOP/s", "tickleft");
}

double powerOfTen(double value, bool up) {
  const double exponent = std::log10(value);
  return std::pow(10, up ? std::ceil(exponent) : std::floor(exponent));
}

} // namespace

std::string escaped(const std::string &text) {
  std::string result;
  for (char c : text)
    switch (c) {
    case '<':
      result += "&lt;";
      break;
    case '>':
      result += "&gt;";
      break;
    case '&':
      result += "&amp;";
      break;
    case '\'':
      result += "&#39;";
      break;
    case '"':
      result += "&quot;";
      break;
    default:
      result += static_cast<unsigned char>(c) < 0x20 && c != '\n' ? '?' : c;
    }
  return result;
}

std::string floorBars(const json &results) {
  const std::vector<BarRow> rows = barRows(results);
  double most = 2;
  for (const BarRow &row : rows) {
    most = std::max({most, row.ours * 1.05, row.target * 1.05});
    for (const auto &peer : row.peers)
      most = std::max(most, peer.second * 1.05);
  }
  const double height = 28.0 * static_cast<double>(rows.size());
  const Axis x{0, most, 130, 800, false};
  std::string text;
  const double step = most > 12 ? 5 : most > 5 ? 2 : 0.5;
  for (double value = 0; value <= most; value += step)
    text += line(x.at(value), 0, x.at(value), height, "grid") +
            label(x.at(value), height + 18, format("%g", value), "tick");
  text += line(x.at(1), 0, x.at(1), height + 4, "floor");
  for (size_t i = 0; i < rows.size(); ++i)
    text += barRow(rows[i], x, 28.0 * static_cast<double>(i) + 3);
  return svg(900, height + 28, "Time over floor", text);
}

std::string roofline(const json &results) {
  const std::vector<Point> all = points(results);
  const json *limits = results["limits"].empty() ? nullptr : &results["limits"].back();
  for (const json &workload : results["workloads"])
    if (const json *run = lastRun(workload))
      if (const json *found = limitsOn(results, (*run)["threads"]))
        limits = found;
  if (all.empty() || !limits)
    return "";
  const double peak = (*limits)["peak_gflops"], bandwidth = (*limits)["bandwidth_gbs"];
  double left = 1, right = 1000, bottom = peak / 100;
  for (const Point &point : all) {
    left = std::min(left, point.intensity);
    right = std::max(right, point.intensity);
    bottom = std::min(bottom, point.gflops);
  }
  const Axis x{powerOfTen(left, false), powerOfTen(right, true), 70, 860, true};
  const Axis y{powerOfTen(bottom, false), powerOfTen(peak * 1.2, true), 400, 30, true};
  const double ridge = peak / bandwidth, start = std::max(x.low, y.low / bandwidth);
  std::string text = grid(x, y);
  text += format("<polyline points='%.1f,%.1f %.1f,%.1f %.1f,%.1f' class='roof'/>\n", x.at(start),
                 y.at(start * bandwidth), x.at(ridge), y.at(peak), x.to, y.at(peak));
  text += label(x.to, y.at(peak) - 8, peakName(results) + " peak " + figure(peak) + " GFLOP/s", "roofname end");
  text +=
      label(x.at(start * 2) + 14, y.at(start * 2 * bandwidth) + 6, "reads " + figure(bandwidth) + " GB/s", "roofname");
  for (const Point &point : all)
    text += format("<circle cx='%.1f' cy='%.1f' r='%.1f' class='kernel %s'><title>", x.at(point.intensity),
                   y.at(point.gflops), 4 + 9 * std::sqrt(point.share), point.kind.c_str()) +
            escaped(point.text) + "</title></circle>\n";
  return svg(900, 450, "Roofline", text);
}

std::string shareBar(double share, const std::string &kind) {
  return format("<svg class='share' viewBox='0 0 100 10' preserveAspectRatio='none'><rect width='100' height='10' "
                "class='empty'/><rect width='%.1f' height='10' class='%s'/></svg>",
                std::clamp(share, 0.0, 1.0) * 100, kind.c_str());
}

} // namespace attnc
