// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "tools/run/Options.h"

#include "tools/CommandLine.h"
#include "tools/run/TensorFiles.h"

#include <set>

namespace attnc {

const char *const runHelp = R"(attnc-run: runs what attnc made, without a linker or a program around it

usage: attnc-run kernel.o [options]      (or name.so)

  -i, --input [NAME=]FILE    .npy for one input, .npz or .safetensors for several by name
  -o, --output [NAME=]FILE   .npy for one output, .npz or .safetensors for all; default: a summary
  --random-inputs SEED       make up the inputs that no file gives (for timing)
  --batch N                  the batch of made-up inputs (default: the smallest)
  --dim NAME=N               of a model with several extents: that of made-up inputs (default: the
                             largest; files say theirs)
  --convert                  round f64 inputs to f32
  --weights FILE             for a model that embeds none: .safetensors, or the index of several;
                             of external weights the .weights file (default: that beside kernel.o)
  --random-weights SEED      make the weights up (for timing)
  --threads N                threads to run on (default: one per CPU)
  --time N                   warm up, run N times, print median, 10th and 90th percentile
  --info                     list the model's inputs, outputs, weights and memory, and run nothing
  --model NAME               which model, where the file holds several
  --cpu NAME                 the variant for this CPU, where the model has several
  --help                     print this

exit codes: 0 done, 1 the model, a file or the run failed, 2 the command line is wrong
example: attnc-run kernel.o --input input_ids=ids.npy --input attention_mask=mask.npy -o result.npz
)";

namespace {

bool isIdentifier(const std::string &text) {
  for (char c : text)
    if (!(c == '_' || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9')))
      return false;
  return !text.empty();
}

/// A name is an identifier before the first '='; a file whose name looks so is written ./NAME=FILE.
FileBinding bindingOf(const std::string &text) {
  const size_t equals = text.find('=');
  if (equals == std::string::npos || !isIdentifier(text.substr(0, equals)))
    return {"", text};
  return {text.substr(0, equals), text.substr(equals + 1)};
}

bool parseNumbers(const CommandLine &line, RunOptions &options, std::string &error) {
  std::optional<uint64_t> batch, threads, runs;
  if (!line.number("--random-inputs", 0, UINT64_MAX, options.randomInputs, error) ||
      !line.number("--random-weights", 0, UINT64_MAX, options.randomWeights, error) ||
      !line.number("--batch", 1, INT32_MAX, batch, error) || !line.number("--threads", 1, 1024, threads, error) ||
      !line.number("--time", 1, 10000000, runs, error))
    return false;
  if (batch)
    options.batch = static_cast<int64_t>(*batch);
  options.threads = static_cast<int32_t>(threads.value_or(0));
  options.timedRuns = static_cast<int32_t>(runs.value_or(0));
  return true;
}

bool parseDim(const CommandLine &line, RunOptions &options, std::string &error) {
  const std::string text = line.value("--dim");
  const size_t equals = std::min(text.find('='), text.size());
  const std::string digits = text.substr(std::min(equals + 1, text.size()));
  options.bucketDim = text.substr(0, equals);
  const std::optional<uint64_t> extent = digits.size() <= 10 ? parseNumber(digits, 1, INT64_MAX) : std::nullopt;
  options.bucket = static_cast<int64_t>(extent.value_or(0));
  if (!line.has("--dim") || (isIdentifier(options.bucketDim) && options.bucket >= 1))
    return true;
  error = "--dim " + text + ": expected NAME=N with N from 1";
  return false;
}

bool parseBindings(const CommandLine &line, RunOptions &options, std::string &error) {
  for (const char *name : {"-i", "--input"})
    for (const std::string &text : line.all(name))
      options.inputs.push_back(bindingOf(text));
  std::set<std::string> written;
  for (const char *name : {"-o", "--output"})
    for (const std::string &text : line.all(name)) {
      const FileBinding binding = bindingOf(text);
      if (formatOf(binding.path) == TensorFormat::Unknown) {
        error = "cannot write '" + binding.path + "': outputs are .npy, .npz or .safetensors files";
        return false;
      }
      if (!written.insert(binding.path).second) {
        error = "two outputs go to '" + binding.path + "'";
        return false;
      }
      options.outputs.push_back(binding);
    }
  return true;
}

} // namespace

bool parseRunOptions(int argc, char **argv, RunOptions &options, std::string &error) {
  static const std::vector<OptionSpec> specs = {{"-i", true, true},
                                                {"--input", true, true},
                                                {"-o", true, true},
                                                {"--output", true, true},
                                                {"--random-inputs"},
                                                {"--random-weights"},
                                                {"--batch"},
                                                {"--dim"},
                                                {"--threads"},
                                                {"--time"},
                                                {"--weights"},
                                                {"--model"},
                                                {"--cpu"},
                                                {"--convert", false, false},
                                                {"--info", false, false},
                                                {"--help", false, false},
                                                {"-h", false, false}};
  CommandLine line;
  if (!line.parse(argc, argv, specs, error))
    return false;
  options.help = line.has("--help") || line.has("-h");
  if (options.help)
    return true;
  if (line.positional().size() != 1) {
    error = line.positional().empty() ? "no model is given; see --help"
                                      : "'" + line.positional()[1] + "' is one argument too many";
    return false;
  }
  options.file = line.positional().front();
  options.model = line.value("--model");
  options.cpu = line.value("--cpu");
  options.weights = line.value("--weights");
  options.convert = line.has("--convert");
  options.info = line.has("--info");
  if (line.has("--weights") && line.has("--random-weights")) {
    error = "--weights and --random-weights exclude each other";
    return false;
  }
  return parseNumbers(line, options, error) && parseBindings(line, options, error) && parseDim(line, options, error);
}

} // namespace attnc
