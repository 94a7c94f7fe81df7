// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "codegen/Compile.h"

#include "codegen/ImageSection.h"
#include "codegen/Object.h"
#include "ir/AttnDialect.h"
#include "passes/TargetInfo.h"
#include "runtime/WeightsFile.h"

#include <chrono>

namespace attnc {

namespace {

class Generator {
public:
  Generator(mlir::ModuleOp module, const std::vector<TargetInfo> &targets, Artefacts &artefacts,
            std::vector<std::string> &errors)
      : module(module), targets(targets), artefacts(artefacts), errors(errors) {}

  bool run(const WeightSource *weights, const CodegenRequest &request) {
    auto planned = planModel(module, error);
    if (!planned)
      return failed();
    plan = std::move(*planned);
    for (VariantPlan &variant : plan.variants)
      variant.cpu = targetNamed(targets, variant.cpu).name;
    artefacts.modelName = plan.name;
    artefacts.imageSize = plan.imageSize;
    // Weights first: a missing one is reported before any time is spent on kernels.
    place = plan.imageSize > 0 || request.weights == WeightsPlace::Caller ? request.weights : WeightsPlace::Embedded;
    if (weights && request.object && !prepareImage(*weights, request))
      return false;
    if (request.header)
      artefacts.header = headerText(plan, place);
    if (request.halide && !lowerKernels())
      return failed();
    if (!request.object && !request.llvm && !request.assembly)
      return true;
    if (!compileKernels())
      return failed();
    profile = request.profile;
    return (!request.llvm || emit(OutputForm::LLVM, artefacts.llvm)) &&
           (!request.assembly || emit(OutputForm::Assembly, artefacts.assembly)) &&
           (!request.object || emit(OutputForm::Object, artefacts.object));
  }

private:
  bool failed() {
    errors.push_back(error);
    return false;
  }

  template <typename Body> bool timed(const std::string &phase, Body body) {
    const auto start = std::chrono::steady_clock::now();
    const bool done = body();
    artefacts.phases.emplace_back(phase,
                                  std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
    return done;
  }

  /// Calls `body` for each kernel function, in the module's order.
  template <typename Body> bool forEachKernel(Body body) {
    for (auto function : module.getOps<mlir::func::FuncOp>())
      if (function->hasAttr("attn.kind") && !body(function))
        return false;
    return true;
  }

  const TargetInfo &targetOf(mlir::func::FuncOp kernel) const {
    auto cpu = kernel->getAttrOfType<mlir::StringAttr>("attn.cpu");
    return targetNamed(targets, cpu ? cpu.getValue().str() : "");
  }

  bool lowerKernels() {
    return forEachKernel([&](mlir::func::FuncOp kernel) {
      std::string text;
      if (!lowerKernelToText(kernel, targetOf(kernel), text, error))
        return false;
      artefacts.halide += text + "\n";
      return true;
    });
  }

  bool compileKernels() {
    return forEachKernel([&](mlir::func::FuncOp kernel) {
      const TargetInfo &target = targetOf(kernel);
      kernels.push_back({target, {}});
      return timed("kernel " + kernel.getSymName().str(),
                   [&] { return compileKernel(kernel, target, kernels.back().second, error); });
    });
  }

  /// Embedded weights are packed when the object is written, external ones now.
  bool prepareImage(const WeightSource &weights, const CodegenRequest &request) {
    auto image = std::make_unique<WeightsImage>(plan, weights);
    if (!image->check(errors))
      return false;
    if (place == WeightsPlace::External)
      return timed("weights", [&] {
        return request.weightsFile(
            plan.name, [&](ByteSink &sink, std::string &reason) { return writeWeightsFile(*image, sink, reason); });
      });
    if (plan.imageSize > 0)
      artefacts.image = std::move(image);
    return true;
  }

  bool writeWeightsFile(const WeightsImage &image, ByteSink &sink, std::string &reason) {
    auto header = [&] { return rt::weightsFileHeader(plan.name.c_str(), image.size(), imageHash); };
    const rt::WeightsFileHeader room = header();
    if (!sink.append(&room, sizeof room) || !image.write(sink, &imageHash, reason))
      return false;
    const rt::WeightsFileHeader complete = header();
    return sink.replace(0, &complete, sizeof complete);
  }

  bool emit(OutputForm form, std::string &result) {
    const char *phase = form == OutputForm::Object ? "object" : form == OutputForm::LLVM ? "llvm" : "assembly";
    const bool ok = timed(phase, [&] {
      ObjectBuilder builder(targets, error);
      for (const auto &[target, kernel] : kernels)
        if (!builder.addKernel(kernel, target))
          return false;
      const bool isObject = form == OutputForm::Object;
      ModelPlan described = plan;
      if (place != WeightsPlace::Caller) {
        // The image is packed already.
        described.packSteps.clear();
        described.constants.clear();
      }
      ImageForm image = ImageForm::None;
      if (place == WeightsPlace::Embedded)
        image = isObject ? ImageForm::Reserved : ImageForm::Declared;
      return builder.addModel(described, image, imageHash, profile) && builder.emit(form, result) &&
             (!isObject || !artefacts.image || placeImageBehind(result, plan.imageSize, error));
    });
    return ok || failed();
  }

  mlir::ModuleOp module;
  const std::vector<TargetInfo> &targets;
  Artefacts &artefacts;
  std::vector<std::string> &errors;
  std::string error;
  ModelPlan plan;
  WeightsPlace place = WeightsPlace::Caller;
  uint64_t imageHash = 0; ///< Of external weights.
  std::vector<std::pair<const TargetInfo &, CompiledKernel>> kernels;
  bool profile = false;
};

} // namespace

bool writeObject(const Artefacts &artefacts, ByteSink &sink, std::string &error) {
  return sink.append(artefacts.object.data(), artefacts.object.size()) &&
         (!artefacts.image || artefacts.image->write(sink, nullptr, error));
}

bool generateCode(mlir::ModuleOp module, const std::vector<TargetInfo> &targets, const WeightSource *weights,
                  const CodegenRequest &request, Artefacts &artefacts, std::vector<std::string> &errors) {
  return Generator(module, targets, artefacts, errors).run(weights, request);
}

} // namespace attnc
