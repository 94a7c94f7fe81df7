// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "tools/bench/CompiledSubject.h"

#include "tools/OutputFiles.h"
#include "tools/bench/Child.h"
#include "tools/run/TensorFiles.h"

#include <chrono>
#include <cstdio>
#include <cstring>

using nlohmann::json;
namespace fs = std::filesystem;

namespace attnc {

static constexpr uint64_t kSeed = 1;

bool CompiledSubject::prepare() {
  return folder.make(reason) && writeDescription() && loadProfiled() && writeWeights() && loadObject();
}

bool CompiledSubject::writeFile(const std::string &name, const std::string &text) {
  OutputFiles files;
  return files.stage(folder.file(name), text, reason) && files.publish(reason);
}

bool CompiledSubject::writeDescription() {
  path = subject.path;
  if (!subject.workload)
    return true;
  const Description description = describe(*subject.workload);
  path = folder.file(description.file);
  return writeFile(description.file, description.text);
}

bool CompiledSubject::compile(const std::string &output, const std::vector<std::string> &more, Finished &finished) {
  std::vector<std::string> words = {(programFolder() / "attnc").string(),
                                    "-o",
                                    folder.file(output),
                                    "--quiet",
                                    "--cpu",
                                    options.cpu,
                                    "--precision",
                                    options.precision};
  if (!subject.workload)
    for (const std::string &dim : options.dims) {
      words.push_back("--dim");
      words.push_back(dim);
    }
  words.insert(words.end(), more.begin(), more.end());
  words.insert(words.end(), {"--", path});
  return runProgram(words, folder.file("attnc.log"), finished, reason);
}

/// The model of an object, its weights made up where it embeds none, its inputs made up.
bool CompiledSubject::load(const std::string &file, Loaded &loaded) {
  loaded.model = LoadedModel::load(folder.file(file), "", reason);
  if (!loaded.model)
    return false;
  RunOptions choices;
  choices.randomInputs = kSeed;
  if (subject.workload && hasRuntimeBatch(*subject.workload))
    choices.batch = subject.workload->batch;
  if (!embedsWeights(loaded.model->model()))
    choices.randomWeights = kSeed;
  if (!gatherInputs(loaded.model->model(), choices, loaded.inputs, reason) ||
      !initialise(*loaded.model, choices, loaded.ready, reason))
    return false;
  if (subject.workload && subject.workload->trueLengths)
    setIntegers("lengths", lengthsOf(*subject.workload), loaded);
  if (subject.workload && subject.workload->context)
    setIntegers("position",
                std::vector<int64_t>(static_cast<size_t>(subject.workload->batch), subject.workload->context), loaded);
  return true;
}

void CompiledSubject::setIntegers(const std::string &input, const std::vector<int64_t> &numbers, Loaded &loaded) {
  const attnc_model &model = loaded.model->model();
  const int32_t index = indexOf(model.inputs, model.num_inputs, input);
  const std::vector<int32_t> values(numbers.begin(), numbers.end());
  std::memcpy(loaded.inputs.arrays[static_cast<size_t>(index)].data.data(), values.data(),
              values.size() * sizeof(int32_t));
}

/// The object that tells of its kernels. Its weights are made up: times do not depend on them.
bool CompiledSubject::loadProfiled() {
  Finished finished;
  if (!compile("profiled.o", {"--profile", "--weights", "caller"}, finished) || !load("profiled.o", observed))
    return false;
  const std::string symbol = std::string(observed.model->model().name) + "_attnc_profile";
  observer = static_cast<attnc_profile *>(observed.model->find(symbol));
  if (observer && observer->abi_version == ATTNC_ABI_VERSION)
    return true;
  reason = "the object has no profile; is the attnc beside attnc-bench of the same build?";
  return false;
}

/// Those of a workload, for the compiler to embed and for the peers.
bool CompiledSubject::writeWeights() {
  if (!subject.workload || subject.workload->kind == WorkloadKind::Attention)
    return true;
  std::vector<Array> arrays;
  return makeUpWeights(observed.model->model(), kSeed, arrays, reason) && writeArrays("weights.safetensors", arrays);
}

bool CompiledSubject::writeArrays(const std::string &name, const std::vector<Array> &arrays) {
  std::vector<const Array *> pointers;
  for (const Array &array : arrays)
    pointers.push_back(&array);
  std::string bytes;
  return tensorBytes(name, pointers, bytes, reason) && writeFile(name, bytes);
}

bool CompiledSubject::writePeerFiles(const std::vector<Array> &outputs) {
  return writeFile("peer.json", peerDescription(*subject.workload).dump(1)) &&
         writeArrays("inputs.safetensors", plain.inputs.arrays) && writeArrays("expected.safetensors", outputs);
}

/// The object as a user gets it.
bool CompiledSubject::loadObject() {
  Finished finished;
  if (!compile("kernel.o", {}, finished) || !load("kernel.o", plain))
    return false;
  compiled = {{"seconds", finished.seconds}, {"peak_bytes", finished.peakBytes}};
  const attnc_model &model = plain.model->model();
  code = fs::file_size(folder.file("kernel.o")) - (model.weights_image ? model.weights_image_size : 0);
  return true;
}

json CompiledSubject::coldStart(int32_t threads) {
  auto skipped = [](const std::string &why) { return json{{"status", "skipped"}, {"reason", why}}; };
  if (!embedsWeights(plain.model->model()))
    return skipped("the description names no weights to embed");
  json result = {{"status", "measured"}, {"threads", threads}}, external;
  if (!bestStart(threads, {}, result) || !bestStart(threads, {"--weights", "external"}, external))
    return skipped(reason);
  result["external"] = external;
  return result;
}

/// Compiles a shared library with these options and starts a program with it, five times.
bool CompiledSubject::bestStart(int32_t threads, const std::vector<std::string> &more, json &best) {
  Finished finished;
  if (!compile("model.so", more, finished))
    return false;
  const std::string weights = folder.file("model.weights");
  for (int round = 0; round < 5; ++round) {
    double milliseconds = 0;
    int64_t bytes = 0;
    if (!startOnce(threads, fs::exists(weights) ? weights : "", milliseconds, bytes))
      return false;
    if (round == 0 || milliseconds < best["first_result_ms"])
      best.update({{"first_result_ms", milliseconds}, {"peak_bytes", bytes}});
  }
  fs::remove(folder.file("model.so"));
  fs::remove(weights);
  return true;
}

bool CompiledSubject::startOnce(int32_t threads, const std::string &weights, double &milliseconds, int64_t &bytes) {
  const auto now = std::chrono::steady_clock::now().time_since_epoch();
  const auto start = std::chrono::duration_cast<std::chrono::nanoseconds>(now).count();
  Finished finished;
  std::vector<std::string> words = {(programFolder() / "attnc-cold-start").string(), folder.file("model.so"),
                                    plain.model->model().name, std::to_string(threads), std::to_string(start)};
  if (!weights.empty())
    words.push_back(weights);
  if (!runProgram(words, folder.file("cold-start.log"), finished, reason))
    return false;
  long long kilobytes = 0;
  if (std::sscanf(finished.output.c_str(), "%lf %lld", &milliseconds, &kilobytes) != 2) {
    reason = "attnc-cold-start printed something else";
    return false;
  }
  bytes = int64_t{kilobytes} << 10;
  return true;
}

} // namespace attnc
