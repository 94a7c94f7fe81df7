// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "tools/bench/Peers.h"

#include "tools/Format.h"
#include "tools/bench/Times.h"
#include "tools/bench/WorkFolder.h"

#include <cmath>
#include <filesystem>
#include <fstream>

using nlohmann::json;
namespace fs = std::filesystem;

namespace attnc {
namespace {

/// Building and compiling a model may take minutes.
constexpr double kStartSeconds = 900;

/// Of the largest absolute value of the result: beyond that it is another result, and its time says nothing.
constexpr double kTolerance = 1e-3;

std::string firstThatExists(const std::vector<fs::path> &candidates) {
  std::error_code ignored;
  for (const fs::path &candidate : candidates)
    if (fs::exists(candidate, ignored))
      return candidate.string();
  return "";
}

/// The last line that is not empty, which is where Python says what went wrong.
std::string lastLine(const std::string &path) {
  std::ifstream file(path);
  std::string last;
  for (std::string line; std::getline(file, line);)
    if (line.find_first_not_of(" \t") != std::string::npos)
      last = line;
  return last;
}

} // namespace

bool findPeers(const std::string &python, PeerEnvironment &environment, std::string &error) {
  const fs::path bin = programFolder(), interpreter = fs::path(".venv-peers") / "bin" / "python";
  environment.python = python.empty() ? firstThatExists({interpreter, bin / "../.." / interpreter}) : python;
  environment.script = firstThatExists({bin / "../../tools/bench/peers.py", bin / "../share/attnc/peers.py"});
  if (environment.python.empty() || !fs::exists(environment.python))
    error = "the peers are not installed: run make peers" +
            (python.empty() ? std::string() : "; there is no interpreter " + python);
  else if (environment.script.empty())
    error = "peers.py is not beside attnc-bench";
  return error.empty();
}

const std::vector<std::string> &peerNames() {
  static const std::vector<std::string> names = {"torch", "inductor", "onnxruntime", "openvino"};
  return names;
}

Peer::Peer(const std::string &name, const PeerEnvironment &environment, const std::string &folder, int32_t threads)
    : errorFile(folder + "/" + name + ".log") {
  report = {{"name", name}, {"status", "measured"}};
  start({environment.python, environment.script, name, folder, std::to_string(threads)});
}

void Peer::start(const std::vector<std::string> &words) {
  std::string error;
  if (!child.start(words, errorFile, error))
    return fail("failed", error);
  const std::optional<std::string> line = child.readLine(kStartSeconds);
  const json answer = line ? json::parse(*line, nullptr, false) : json();
  if (!answer.is_object())
    return fail("failed", lastLine(errorFile).empty() ? "it gave no answer" : lastLine(errorFile));
  report.update(answer);
  if (answer.contains("reason"))
    return fail(answer.value("status", "failed"), answer["reason"]);
  auto number = [&](const char *name) {
    return answer.contains(name) && answer[name].is_number() ? answer[name].get<double>() : std::nan("");
  };
  const double difference = number("max_abs_diff"), largest = number("max_abs");
  if (!(difference <= kTolerance * largest))
    return fail("failed", format("its result differs by %.3g of at most %.3g", difference, largest));
  isReady = true;
}

void Peer::fail(const std::string &status, const std::string &reason) {
  report["status"] = status;
  report["reason"] = reason;
  isReady = false;
}

void Peer::run(double seconds) {
  if (!isReady)
    return;
  const std::optional<std::string> line =
      child.write(format("%.3f", seconds)) ? child.readLine(60 + 20 * seconds) : std::nullopt;
  const json times = line ? json::parse(*line, nullptr, false) : json();
  if (!times.is_array())
    return fail("failed", lastLine(errorFile).empty() ? "it ended" : lastLine(errorFile));
  for (const json &time : times)
    milliseconds.push_back(time);
}

json Peer::result() const {
  json result = report;
  if (isReady && !milliseconds.empty())
    result.update(timesOf(milliseconds));
  return result;
}

} // namespace attnc
