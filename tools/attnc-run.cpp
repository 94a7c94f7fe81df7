// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// attnc-run: loads an object or a shared library that attnc made, runs it on arrays from files, writes or summarises
// what comes out.

#include "frontend/Diagnostic.h"
#include "tools/OutputFiles.h"
#include "tools/run/Options.h"
#include "tools/run/Report.h"
#include "tools/run/Session.h"
#include "tools/run/TensorFiles.h"

#include <cstdio>
#include <new>

using namespace attnc;

namespace {

/// Control characters from names in files must not reach the terminal.
int fail(int code, std::string message) {
  for (char &c : message)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F)
      c = '?';
  fprintf(stderr, "attnc-run: error: %s\n", message.c_str());
  return code;
}

/// The outputs that go to one file, by index; empty with `error` set where the command line does not fit the model.
std::vector<size_t> outputsOf(const attnc_model &model, const FileBinding &binding, std::string &error) {
  const std::string names = namesOf(model.outputs, model.num_outputs);
  if (!binding.name.empty()) {
    const int32_t index = indexOf(model.outputs, model.num_outputs, binding.name);
    if (index >= 0)
      return {static_cast<size_t>(index)};
    error = "the model has no output " + inQuotes(binding.name) + "; its outputs are " + names;
    return {};
  }
  if (formatOf(binding.path) == TensorFormat::Npy && model.num_outputs > 1) {
    error = binding.path + ": a .npy file holds one array, but the outputs are " + names +
            "; choose one with --output NAME=" + binding.path + ", or write .npz or .safetensors";
    return {};
  }
  std::vector<size_t> all;
  for (int32_t i = 0; i < model.num_outputs; ++i)
    all.push_back(static_cast<size_t>(i));
  return all;
}

bool checkOutputs(const attnc_model &model, const RunOptions &options, std::string &error) {
  for (const FileBinding &binding : options.outputs)
    if (outputsOf(model, binding, error).empty())
      return false;
  return true;
}

bool writeOutputs(const attnc_model &model, const RunOptions &options, const std::vector<Array> &outputs,
                  std::string &error) {
  OutputFiles files;
  for (const FileBinding &binding : options.outputs) {
    std::vector<const Array *> arrays;
    for (size_t index : outputsOf(model, binding, error))
      arrays.push_back(&outputs[index]);
    std::string bytes;
    if (!tensorBytes(binding.path, arrays, bytes, error) || !files.stage(binding.path, bytes, error))
      return false;
  }
  return files.publish(error);
}

/// Prints to standard output; false where nobody can read it (a full disk, a closed pipe).
bool print(const std::string &text, std::string &error) {
  if (fputs(text.c_str(), stdout) >= 0 && fflush(stdout) == 0)
    return true;
  error = "cannot write to the standard output";
  return false;
}

bool runModel(const LoadedModel &loaded, const RunOptions &options, std::string &error) {
  ReadyModel ready;
  Inputs inputs;
  if (!checkOutputs(loaded.model(), options, error) || !gatherInputs(loaded.model(), options, inputs, error) ||
      !initialise(loaded, options, ready, error))
    return false;
  Session session(loaded, ready, inputs);
  if (!session.prepare(options.threads, error))
    return false;
  if (options.timedRuns > 0) {
    const std::vector<double> milliseconds = session.time(options.timedRuns, error);
    if (milliseconds.empty() || !print(timeText(milliseconds, session.threads()), error))
      return false;
  } else if (!session.run(error)) {
    return false;
  }
  if (options.timedRuns == 0 && options.outputs.empty()) {
    std::string text;
    for (const Array &array : session.outputs())
      text += summaryText(array);
    return print(text, error);
  }
  return writeOutputs(loaded.model(), options, session.outputs(), error);
}

} // namespace

int main(int argc, char **argv) try {
  RunOptions options;
  std::string error;
  if (!parseRunOptions(argc, argv, options, error))
    return fail(2, error);
  if (options.help)
    return print(runHelp, error) ? 0 : fail(1, error);
  const std::unique_ptr<LoadedModel> loaded = LoadedModel::load(options.file, options.model, error);
  if (!loaded)
    return fail(1, error);
  const bool done = options.info ? print(infoText(*loaded, options.threads), error) : runModel(*loaded, options, error);
  return done ? 0 : fail(1, error);
} catch (const std::bad_alloc &) {
  return fail(1, "there is not enough memory for this model and batch");
}
