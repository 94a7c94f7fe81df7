// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The generated host side in LLVM IR: for each variant the entry function that calls its kernels one after the other,
// and the attnc_model that describes them (runtime/attnc/runtime.h).
#pragma once

#include "codegen/ModelPlan.h"

#include <string>

namespace llvm {
class Module;
} // namespace llvm

namespace attnc {

/// sizeof(halide_buffer_t) and the offset of its member `host` (HalideRuntime.h); kernels read nothing else of it.
constexpr uint64_t kBufferSize = 56, kBufferHost = 16;

/// What plan.variants does not say of a variant.
struct HostVariant {
  std::string cpu;                  ///< attnc_variant.cpu, and the CPU of the entry's own code.
  std::string cpuFeatures;          ///< attnc_variant.cpu_features.
  uint64_t scratchSize = 0;         ///< attnc_variant.scratch_size.
  std::vector<KernelCounts> counts; ///< Of each call: which numbers its kernel takes.
};

/// How the module knows the weights image. Its bytes are never in it.
enum class ImageForm {
  None,     ///< Handed over at init, or in a file of its own.
  Declared, ///< A symbol from elsewhere, for text that a person reads.
  Reserved  ///< A section of its size without contents, kImageSection, which get there behind the object.
};

struct HostData {
  std::vector<HostVariant> variants; ///< As many as plan.variants.
  ImageForm image = ImageForm::None;
  uint64_t imageHash = 0; ///< attnc_model.weights_hash.
  bool profile =
      false; ///< Of a model with one variant: describe the calls and tell an observer (runtime/attnc/profile.h).
};

/// The name of the model's symbol: <name>_attnc_model.
std::string modelSymbol(const std::string &modelName);
/// That of its profile: <name>_attnc_profile.
std::string profileSymbol(const std::string &modelName);

/// Adds entries and model to `module`, which holds or declares the kernels.
void emitHostEntry(llvm::Module &module, const ModelPlan &plan, const HostData &data);

} // namespace attnc
