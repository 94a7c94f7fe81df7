// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Everything behind the pipeline: from the module with kernels and calls to the artefacts.
#pragma once

#include "codegen/Header.h"
#include "codegen/WeightsImage.h"

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace mlir {
class ModuleOp;
} // namespace mlir

namespace attnc {

struct TargetInfo;

/// Which artefacts to make.
struct CodegenRequest {
  WeightsPlace weights = WeightsPlace::Caller;
  /// For external weights: makes the weights file of this model by calling `write`. It comes before the object, which
  /// holds the file's hash. False on failure, which it reports itself.
  std::function<bool(const std::string &modelName, const FileWriter &write)> weightsFile;
  bool object = false, header = false, halide = false, llvm = false, assembly = false;
  bool profile = false; ///< The object tells an observer of its kernel calls (runtime/attnc/profile.h).
};

struct Artefacts {
  std::string object; ///< But for its end, `image`.
  std::string header, halide, llvm, assembly;
  std::unique_ptr<WeightsImage> image; ///< Of embedded weights: follows `object` in its file.
  /// Name of the model as C sees it.
  std::string modelName;
  uint64_t imageSize = 0;
  /// Seconds per phase, in order: "kernel linear_0", "weights", "object" ...
  std::vector<std::pair<std::string, double>> phases;
};

/// Writes the object's file.
bool writeObject(const Artefacts &artefacts, ByteSink &sink, std::string &error);

/// Makes the artefacts of a module that has been through the pipeline, for one target or for each function's attn.cpu
/// among several (orderTargets()). `weights` is null where the caller hands them over, and kept as long as
/// `artefacts`. False on failure, with a line for each problem in `errors`.
bool generateCode(mlir::ModuleOp module, const std::vector<TargetInfo> &targets, const WeightSource *weights,
                  const CodegenRequest &request, Artefacts &artefacts, std::vector<std::string> &errors);

} // namespace attnc
