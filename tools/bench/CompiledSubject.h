// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A workload or model made ready: compiled twice (as a user gets it, and with a profile), loaded, with weights and
// inputs.
#pragma once

#include "tools/bench/Options.h"
#include "tools/bench/WorkFolder.h"
#include "tools/run/Inputs.h"
#include "tools/run/Weights.h"

#include <attnc/profile.h>

namespace attnc {

/// A model in this process with its weights and inputs.
struct Loaded {
  std::unique_ptr<LoadedModel> model;
  ReadyModel ready;
  Inputs inputs;
};

struct Finished;

class CompiledSubject {
public:
  CompiledSubject(const Subject &subject, const BenchOptions &options) : subject(subject), options(options) {}

  /// Compiles and loads. False with the reason in error().
  bool prepare();

  /// What a program needs that loads a shared library of the model and runs it once; the best of five starts. Keys:
  /// status, reason, threads, first_result_ms, peak_bytes, the latter two with the weights embedded, and again in
  /// `external` with the weights in a file of their own.
  nlohmann::json coldStart(int32_t threads);

  /// Writes what a peer reads into the folder: the workload, its inputs and what attnc makes of them. The weights are
  /// there. False with the reason in error().
  bool writePeerFiles(const std::vector<Array> &outputs);

  const std::string &error() const { return reason; }
  const WorkFolder &files() const { return folder; }
  const Loaded &object() const { return plain; }
  const Loaded &profiled() const { return observed; }
  attnc_profile &profile() const { return *observer; }
  /// seconds, peak_bytes.
  const nlohmann::json &compilation() const { return compiled; }
  /// The bytes of the object without embedded weights.
  uint64_t codeBytes() const { return code; }

private:
  bool writeFile(const std::string &name, const std::string &text);
  bool writeDescription();
  bool compile(const std::string &output, const std::vector<std::string> &more, Finished &finished);
  bool load(const std::string &file, Loaded &loaded);
  /// Sets an i32 input.
  void setIntegers(const std::string &input, const std::vector<int64_t> &numbers, Loaded &loaded);
  bool loadProfiled();
  bool writeWeights();
  bool loadObject();
  bool writeArrays(const std::string &name, const std::vector<Array> &arrays);
  bool bestStart(int32_t threads, const std::vector<std::string> &more, nlohmann::json &best);
  bool startOnce(int32_t threads, const std::string &weights, double &milliseconds, int64_t &bytes);

  const Subject &subject;
  const BenchOptions &options;
  WorkFolder folder;
  std::string path, reason;
  Loaded plain, observed;
  attnc_profile *observer = nullptr;
  nlohmann::json compiled;
  uint64_t code = 0;
};

} // namespace attnc
