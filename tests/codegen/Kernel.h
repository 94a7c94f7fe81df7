// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A compiled model in this process, run between guard pages: every input, output, the workspace (of exactly the size
// that the runtime asks for) and the weights image.
#pragma once

#include "tests/codegen/GuardedBuffer.h"
#include "tests/codegen/Model.h"
#include "tools/run/LoadModel.h"

#include <memory>

namespace attnc::test {

struct RunOptions {
  int threads = 1;
  Placement placement = Placement::AtEnd;
  /// Bytes by which inputs and outputs are moved from the guard, a multiple of 4.
  size_t offset = 0;
  std::string cpu = ""; ///< The variant; empty: the one that the runtime chooses.
};

class Kernel {
public:
  /// Compiles and loads. Throws std::runtime_error.
  explicit Kernel(const Model &model, const CompileOptions &options = {});
  /// Loads what compileObject() made.
  Kernel(const Model &model, const std::string &object);

  /// The outputs. Throws std::runtime_error where a call fails, a byte beside a buffer is written, or an input changes.
  std::vector<Array> run(const Data &data, const RunOptions &options = {}) const;

private:
  Model model;
  std::unique_ptr<LoadedModel> loaded;
};

/// Values for every input and weight of the model, the same for the same seed: f32 uniform in [-1, 1] (weights of rank
/// 2 divided by the root of their depth), bool one in four, integers in [0, integerLimit).
Data randomData(const Model &model, int64_t batch, uint64_t seed = 1, int64_t integerLimit = 2);

/// The input of this name.
Array &inputOf(const Model &model, Data &data, const std::string &name);

/// Whether this CPU runs code for `cpu`.
bool canRun(const std::string &cpu);

} // namespace attnc::test
