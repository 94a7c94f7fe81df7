// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// attnc-bench: measures the machine, then compiled models beside it.

#include "frontend/Diagnostic.h"
#include "tools/OutputFiles.h"
#include "tools/bench/FmaPeak.h"
#include "tools/bench/Machine.h"
#include "tools/bench/Measurement.h"
#include "tools/bench/Report.h"
#include "tools/bench/WorkFolder.h"

#include <cstdio>
#include <fstream>
#include <new>

using namespace attnc;
using nlohmann::json;

namespace {

int fail(int code, const std::string &message) {
  fprintf(stderr, "attnc-bench: error: %s\n", message.c_str());
  return code;
}

bool print(const std::string &text, std::string &error) {
  if (fputs(text.c_str(), stdout) >= 0 && fflush(stdout) == 0)
    return true;
  error = "cannot write to the standard output";
  return false;
}

bool measureLimits(const BenchOptions &options, AllLimits &limits, json &results, std::string &error) {
  const PeakLoopOfCpu loop = options.precision == "f32"    ? multiplyAdds
                             : options.precision == "bf16" ? bfloatDots()
                                                           : integerDots();
  results = {{"attnc", ATTNC_VERSION},
             {"precision", options.precision},
             {"machine", describeMachine()},
             {"limits", json::array()},
             {"workloads", json::array()}};
  for (int32_t threads : options.threads) {
    fprintf(stderr, "measuring the machine on %d thread%s\n", threads, threads == 1 ? "" : "s");
    limits.push_back(MachineLimits::measure(threads, loop, error));
    if (!limits.back())
      return false;
    std::vector<double> rates;
    limits.back()->addRates(0.5, rates);
    const Limits &found = limits.back()->limits();
    results["limits"].push_back({{"threads", threads},
                                 {"peak_gflops", found.flopsPerSecond * 1e-9},
                                 {"bandwidth_gbs", found.bytesPerSecond * 1e-9},
                                 {"fork_join_us", found.forkJoinSeconds * 1e6}});
  }
  return print(limitsText(results), error);
}

bool measureAll(const BenchOptions &options, json &results, std::string &error) {
  AllLimits limits;
  if (!measureLimits(options, limits, results, error))
    return false;
  for (const Subject &subject : options.subjects) {
    const Progress progress = [&](const std::string &what) {
      fprintf(stderr, "%s: %s\n", subject.name.c_str(), what.c_str());
    };
    results["workloads"].push_back(measure(subject, options, limits, progress));
    if (!print(workloadText(results["workloads"].back()), error))
      return false;
    if (interrupted()) {
      error = "interrupted";
      return false;
    }
  }
  return true;
}

bool readResults(const std::string &path, json &results, std::string &error) {
  std::ifstream file(path);
  results = json::parse(file, nullptr, false);
  if (results.is_object() && results.contains("workloads") && results.contains("limits") && results.contains("machine"))
    return true;
  error = path + (file.is_open() ? " is not what --json writes" : ": cannot be opened");
  return false;
}

bool writeReports(const BenchOptions &options, const json &results, std::string &error) {
  OutputFiles files;
  if ((!options.json.empty() && !files.stage(options.json, results.dump(1) + "\n", error)) ||
      (!options.html.empty() && !files.stage(options.html, htmlReport(results), error)))
    return false;
  if (options.markdown == "-" && !print(markdownReport(results), error))
    return false;
  if (!options.markdown.empty() && options.markdown != "-" &&
      !files.stage(options.markdown, markdownReport(results), error))
    return false;
  return files.publish(error);
}

/// 1 where a workload failed; one that cannot be measured yet is no failure.
int verdict(const json &results) {
  for (const json &workload : results["workloads"])
    if (workload["status"] == "failed")
      return 1;
  return 0;
}

} // namespace

int main(int argc, char **argv) try {
  BenchOptions options;
  std::string error;
  if (!parseBenchOptions(argc, argv, options, error))
    return fail(2, error);
  if (options.help || options.list)
    return print(options.help ? benchHelp : workloadList(), error) ? 0 : fail(1, error);
  watchForInterrupts();
  json results;
  const bool done =
      options.from.empty() ? measureAll(options, results, error) : readResults(options.from, results, error);
  if (!done || !writeReports(options, results, error))
    return fail(1, error);
  return verdict(results);
} catch (const std::bad_alloc &) {
  return fail(1, "there is not enough memory for this workload");
} catch (const nlohmann::json::exception &failure) {
  return fail(1, std::string("the results are not what --json writes: ") + failure.what());
}
