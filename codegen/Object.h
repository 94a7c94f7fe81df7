// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Kernels and host entry linked into one LLVM module, and that module as an object, as assembly or as text.
#pragma once

#include "codegen/HostEntry.h"
#include "codegen/KernelCompiler.h"
#include "codegen/ModelPlan.h"

#include <memory>
#include <string>
#include <vector>

namespace attnc {

struct TargetInfo;

/// What a kernel calls where a row of scores has no key that takes part and the model wants that to be an error. It has
/// no arguments, and its f32 is of no use.
inline constexpr const char *kFullyMaskedCall = "attnc_fully_masked";

enum class OutputForm { Object, Assembly, LLVM };

/// Links and emits. Kernels are in the order of their first call.
class ObjectBuilder {
public:
  /// `targets`: those of all variants, the most demanding first; kept by the caller.
  ObjectBuilder(const std::vector<TargetInfo> &targets, std::string &error);
  ~ObjectBuilder();

  /// Adds a kernel's bitcode for one of the targets: contracts multiply-adds, binds its calls to the runtime, sizes its
  /// scratch.
  bool addKernel(const CompiledKernel &kernel, const TargetInfo &target);

  /// Adds the entries and the model, with the hash of external weights (0: there are none), and the profile where it is
  /// wanted. Call once, after all kernels.
  bool addModel(const ModelPlan &plan, ImageForm image, uint64_t imageHash, bool profile);

  /// Emits the module; may be called once.
  bool emit(OutputForm form, std::string &result);

private:
  struct State;
  std::unique_ptr<State> state;
  const std::vector<TargetInfo> &targets;
  std::string &error;
};

} // namespace attnc
