// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// attnc: compiles a model description into an object file and a C header.

#include "tools/CommandLine.h"
#include "tools/Driver.h"

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Signals.h"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <iostream>

namespace {

constexpr const char *kHelp = R"(attnc: compiles an attention model into one object file and a C header

usage: attnc [options] MODEL
MODEL: a model.json (docs/MODEL.md), a Hugging Face directory (BERT family), or attn IR
       (NAME.mlir, docs/OPS.md)

  -o FILE               kernel.o (default; kernel.h appears beside it), NAME.so, or a directory
                        that exists
  --dim NAME=N[,N...]   set a named dimension: --dim seq=128 --dim batch=1; with several extents
                        (of one dimension) the object has code for each, over the same weights
  --cpu NAME[,NAME...]  host (default), x86-64-v3 (AVX2), x86-64-v4 (AVX-512), or a CPU name of
                        LLVM; of several, a program takes the best that its machine can run
  --target TRIPLE       x86_64-linux-gnu (default) or aarch64-linux-gnu
  --precision NAME      f32, bf16 or int8: how matmuls by weights round their operands; default:
                        what the description says, or f32
  --weights WHERE       embed: in the object (default where the description names a file);
                        external: in kernel.weights beside it, mapped at init, shared by processes;
                        caller: handed over at init
  --token-type-ids      Hugging Face: make token_type_ids an input
  --block-keys N        attention in blocks of N keys (online softmax), a multiple of 16, or with
                        whole score rows (0), which packed rows always have; default: by shape
  --microbatch N        of a large run-time batch a run takes some N elements a thread at a time
                        through the whole model, or all at once (0); default: by cost
  --emit LIST           object,header (default), attn, kernels, halide, llvm, asm; one goes to -o or
                        to the terminal, several go to a directory
  --explain             what was fused, what was not and why, with each kernel's work and schedule
  --print-ir-after-all  the IR after each pass that changed it
  --time-passes         where the time goes
  --profile             the object tells an observer of its kernel calls (attnc/profile.h)
  --quiet               no summary
  --help, --version

exit codes: 0 done, 1 the model or a file is wrong, 2 the command line is wrong
examples:
  attnc model.json -o kernel.o && cc main.c kernel.o libattnc_rt.a -pthread
  attnc path/to/all-MiniLM-L6-v2 --dim seq=128 --cpu x86-64-v3 -o minilm.o
  attnc model.json --cpu x86-64-v3,x86-64-v4 --dim seq=32,64,128 -o kernel.o
  attnc model.json --weights external -o kernel.o && ls kernel.o kernel.h kernel.weights
  attnc model.json --explain -o kernel.o
  attnc model.json --emit attn
)";

/// Each has code of its own, so that more of them are rather a mistake.
constexpr size_t kMaxBuckets = 64;

int usageError(const std::string &error) {
  std::cerr << "attnc: error: " << error << "\n";
  return 2;
}

/// A number of at most ten digits in [lowest, 2^31); nothing where the text is something else.
std::optional<int64_t> parseSmall(const std::string &text, uint64_t lowest) {
  return text.size() <= 10 ? attnc::parseNumber(text, lowest, INT32_MAX) : std::nullopt;
}

/// `name=N`, or `name=N,N...` for one name; false, with what is wrong, for something else.
bool parseDim(const std::string &text, attnc::DriverOptions &options, std::string &error) {
  const size_t equals = text.find('=');
  const std::string name = text.substr(0, equals);
  std::vector<int64_t> extents;
  error = "expected NAME=N[,N...] with N from 1 to 2147483647, each name once";
  if (equals == std::string::npos || name.empty() || options.dims.count(name) || options.bucketDim == name)
    return false;
  for (const std::string &digits : attnc::splitList(text.substr(equals + 1))) {
    const std::optional<int64_t> extent = parseSmall(digits, 1);
    if (!extent)
      return false;
    extents.push_back(*extent);
  }
  std::sort(extents.begin(), extents.end());
  if (std::adjacent_find(extents.begin(), extents.end()) != extents.end()) {
    error = "an extent is named twice";
    return false;
  }
  if (extents.size() == 1)
    return options.dims.emplace(name, extents.front()).second;
  if (!options.buckets.empty()) {
    error = "several extents are for one dimension; '" + options.bucketDim + "' has them already";
    return false;
  }
  if (extents.size() > kMaxBuckets) {
    error = "at most " + std::to_string(kMaxBuckets) + " extents";
    return false;
  }
  options.bucketDim = name;
  options.buckets = std::move(extents);
  return true;
}

/// A multiple of 16 below 2^31; nothing where the text is something else.
std::optional<int64_t> parseBlockKeys(const std::string &text) {
  const std::optional<int64_t> keys = parseSmall(text, 0);
  return keys && *keys % 16 == 0 ? keys : std::nullopt;
}

/// Fills the architecture from a triple; false for one that attnc does not compile for.
bool parseTarget(const std::string &triple, attnc::DriverOptions &options) {
  if (triple == "x86_64-linux-gnu" || triple == "x86_64-unknown-linux-gnu") {
    options.arch = "x86_64";
    return true;
  }
  options.arch = "aarch64";
  return triple == "aarch64-linux-gnu" || triple == "aarch64-unknown-linux-gnu";
}

bool parseEmit(const std::string &list, attnc::DriverOptions &options, std::string &unknown) {
  for (const std::string &name : attnc::splitList(list)) {
    const attnc::Emit *emit = attnc::findEmit(name);
    if (!emit) {
      unknown = name;
      return false;
    }
    options.emit.insert(*emit);
  }
  return true;
}

} // namespace

int main(int argc, char **argv) {
  llvm::sys::PrintStackTraceOnErrorSignal(argv[0], /*DisableCrashReporting=*/true);
  std::signal(SIGXFSZ, SIG_IGN); // A file beyond the limit is an error of write(), with a message.
  attnc::CommandLine line;
  std::string error;
  const std::vector<attnc::OptionSpec> specs = {{"-o"},
                                                {"--dim", true, true},
                                                {"--cpu"},
                                                {"--target"},
                                                {"--precision"},
                                                {"--weights"},
                                                {"--emit", true, true},
                                                {"--block-keys"},
                                                {"--microbatch"},
                                                {"--explain", false},
                                                {"--print-ir-after-all", false},
                                                {"--time-passes", false},
                                                {"--profile", false},
                                                {"--quiet", false},
                                                {"--token-type-ids", false},
                                                {"--help", false},
                                                {"--version", false}};
  if (!line.parse(argc, argv, specs, error))
    return usageError(error);
  if (line.has("--help")) {
    std::cout << kHelp;
    return 0;
  }
  if (line.has("--version")) {
    std::cout << "attnc " ATTNC_VERSION "\n";
    return 0;
  }
  if (line.positional().size() != 1)
    return usageError(line.positional().empty() ? "no model given; see --help" : "more than one model given");

  attnc::DriverOptions options;
  options.program = argv[0];
  options.input = line.positional()[0];
  options.output = line.value("-o");
  if (line.has("-o") && options.output.empty())
    return usageError("option '-o' needs a path");
  for (const std::string &dim : line.all("--dim"))
    if (!parseDim(dim, options, error))
      return usageError("--dim " + dim + ": " + error);
  if (line.has("--target") && !parseTarget(line.value("--target"), options))
    return usageError("unknown target '" + line.value("--target") +
                      "'; accepted are x86_64-linux-gnu and aarch64-linux-gnu");
  options.cpus = attnc::splitList(line.value("--cpu", options.arch == "aarch64" ? "generic" : "host"));
  for (size_t i = 0; i < options.cpus.size(); ++i)
    if (std::count(options.cpus.begin(), options.cpus.begin() + i, options.cpus[i]))
      return usageError("--cpu: '" + options.cpus[i] + "' is named twice");
  const std::string weights = line.value("--weights", "embed");
  if (weights != "embed" && weights != "external" && weights != "caller")
    return usageError("--weights " + weights + ": expected embed, external or caller");
  options.weights = weights == "embed"      ? attnc::WeightsPlace::Embedded
                    : weights == "external" ? attnc::WeightsPlace::External
                                            : attnc::WeightsPlace::Caller;
  if (line.has("--precision"))
    options.precision = line.value("--precision");
  if (options.precision && *options.precision != "f32" && *options.precision != "bf16" && *options.precision != "int8")
    return usageError("--precision " + *options.precision + ": expected f32, bf16 or int8");
  if (line.has("--block-keys") && !(options.blockKeys = parseBlockKeys(line.value("--block-keys"))))
    return usageError("--block-keys " + line.value("--block-keys") +
                      ": expected a multiple of 16 up to 2147483632, or 0 for whole score rows");
  std::optional<uint64_t> microbatch;
  if (!line.number("--microbatch", 0, 1 << 30, microbatch, error))
    return usageError(error);
  if (microbatch)
    options.microbatch = static_cast<int64_t>(*microbatch);
  for (const std::string &list : line.all("--emit"))
    if (!parseEmit(list, options, error))
      return usageError("--emit: unknown artefact '" + error +
                        "'; there are object, header, attn, kernels, halide, llvm and asm");
  if (options.emit.empty())
    options.emit = {attnc::Emit::Object, attnc::Emit::Header};
  options.explain = line.has("--explain");
  options.printIRAfterAll = line.has("--print-ir-after-all");
  options.timePasses = line.has("--time-passes");
  options.profile = line.has("--profile");
  options.quiet = line.has("--quiet");
  options.tokenTypeIds = line.has("--token-type-ids");
  return attnc::runDriver(options);
}
