// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "tools/bench/Options.h"

#include "frontend/Diagnostic.h"
#include "tools/CommandLine.h"

#include <algorithm>
#include <filesystem>
#include <thread>

namespace attnc {

const char *const benchHelp = R"(attnc-bench: how close a compiled model comes to what this machine can do

usage: attnc-bench [options] WORKLOAD|MODEL...

Measures the machine first (multiply-adds in f32, read bandwidth), then compiles and times each workload
on one thread and on all, kernel by kernel. The floor is what the machine allows: max(FLOPs / peak,
bytes / bandwidth). Ratios to it hold beyond this machine and this hour; absolute times do not.

  WORKLOAD             by name (W4a), by family (W4: W4a, W4b, W4c), or all of them (all)
  MODEL                whatever attnc compiles: model.json, a Hugging Face directory, NAME.mlir
  --list               the workloads with their work and their targets
  --threads LIST       numbers of threads (default: 1 and one per CPU)
  --seconds S          how long to time each on each number of threads (default 2)
  --repetitions N      time exactly N runs
  --cpu NAME           compile for this CPU (default: host)
  --precision NAME     f32 (default), bf16 or int8; the floor's peak is that of its dot products
  --dim NAME=N         of a model: set a named dimension
  --peers              also PyTorch, Inductor, ONNX Runtime and OpenVINO, in turns (make peers)
  --peers-python PATH  the interpreter that has them
  --no-cold-start      leave out the time from process start to first result
  --json FILE          all figures
  --html FILE          a report with plots, in one file
  --markdown FILE      the tables (- for the terminal)
  --from FILE          make the reports of an earlier --json, and measure nothing
  --help               print this

exit codes: 0 done, 1 something could not be measured, 2 the command line is wrong
examples:
  attnc-bench W2b W4a
  attnc-bench --threads 1,2 --seconds 5 --html bench.html W3 W4a
  attnc-bench --dim seq=128 path/to/all-MiniLM-L6-v2
  attnc-bench --from bench.json --html bench.html --markdown -
)";

namespace {

bool addSubject(const std::string &name, BenchOptions &options, std::string &error) {
  std::vector<Workload> workloads = name == "all" ? allWorkloads() : findWorkloads(name);
  for (Workload &workload : workloads)
    options.subjects.push_back({workload.name, "", std::move(workload)});
  if (!workloads.empty())
    return true;
  if (std::filesystem::exists(name)) {
    options.subjects.push_back({name, name, std::nullopt});
    return true;
  }
  std::vector<std::string> names;
  for (const Workload &workload : allWorkloads())
    names.push_back(workload.name);
  const std::optional<std::string> nearest = nearestName(name, names);
  error = "there is neither a workload nor a file " + inQuotes(name) +
          (nearest ? "; did you mean " + *nearest + "?" : "; --list shows the workloads");
  return false;
}

bool parseThreads(const CommandLine &line, std::vector<int32_t> &threads, std::string &error) {
  if (!line.has("--threads")) {
    threads = {1};
    if (std::thread::hardware_concurrency() > 1)
      threads.push_back(static_cast<int32_t>(std::thread::hardware_concurrency()));
    return true;
  }
  const std::string list = line.value("--threads");
  for (const std::string &item : splitList(list)) {
    const std::optional<uint64_t> number = item.size() <= 4 ? parseNumber(item, 1, 1024) : std::nullopt;
    const int32_t count = static_cast<int32_t>(number.value_or(0));
    if (!number || std::count(threads.begin(), threads.end(), count) != 0) {
      error = "--threads takes different numbers from 1 to 1024 with commas between them, not '" + list + "'";
      return false;
    }
    threads.push_back(count);
  }
  std::sort(threads.begin(), threads.end());
  return true;
}

bool parseNumbers(const CommandLine &line, BenchOptions &options, std::string &error) {
  std::optional<uint64_t> repetitions, seconds;
  if (!line.number("--repetitions", 1, 10000000, repetitions, error) ||
      !line.number("--seconds", 1, 3600, seconds, error) || !parseThreads(line, options.threads, error))
    return false;
  if (repetitions && seconds) {
    error = "--repetitions and --seconds exclude each other";
    return false;
  }
  options.repetitions = static_cast<int32_t>(repetitions.value_or(0));
  options.seconds = seconds ? static_cast<double>(*seconds) : options.seconds;
  return true;
}

bool checkPrecision(const BenchOptions &options, std::string &error) {
  if (options.precision != "f32" && options.precision != "bf16" && options.precision != "int8")
    error = "--precision takes f32, bf16 or int8, not '" + options.precision + "'";
  else if (options.peers && options.precision != "f32")
    error = "--peers compute in f32, so they do not go with --precision " + options.precision;
  return error.empty();
}

bool parseSubjects(const CommandLine &line, BenchOptions &options, std::string &error) {
  options.from = line.value("--from");
  if (line.has("--from") != line.positional().empty()) {
    error = line.has("--from") ? "--from measures nothing, so it takes no workload"
                               : "nothing to measure; name workloads (--list shows them) or give a model; see --help";
    return false;
  }
  for (const std::string &name : line.positional())
    if (!addSubject(name, options, error))
      return false;
  return true;
}

} // namespace

bool parseBenchOptions(int argc, char **argv, BenchOptions &options, std::string &error) {
  static const std::vector<OptionSpec> specs = {{"--list", false},  {"--threads"},
                                                {"--seconds"},      {"--repetitions"},
                                                {"--cpu"},          {"--dim", true, true},
                                                {"--precision"},    {"--peers", false},
                                                {"--peers-python"}, {"--no-cold-start", false},
                                                {"--json"},         {"--html"},
                                                {"--markdown"},     {"--from"},
                                                {"--help", false},  {"-h", false}};
  CommandLine line;
  if (!line.parse(argc, argv, specs, error))
    return false;
  options.help = line.has("--help") || line.has("-h");
  options.list = line.has("--list");
  if (options.help || options.list)
    return true;
  options.cpu = line.value("--cpu", "host");
  options.dims = line.all("--dim");
  options.precision = line.value("--precision", "f32");
  options.peers = line.has("--peers") || line.has("--peers-python");
  options.peersPython = line.value("--peers-python");
  options.coldStart = !line.has("--no-cold-start");
  options.json = line.value("--json");
  options.html = line.value("--html");
  options.markdown = line.value("--markdown");
  return checkPrecision(options, error) && parseNumbers(line, options, error) && parseSubjects(line, options, error);
}

} // namespace attnc
