// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The generated host side in LLVM IR: the entry function that calls the kernels one after the other, and the
// attnc_model that describes them (runtime/attnc/runtime.h).
#pragma once

#include "codegen/ModelPlan.h"

#include <string>

namespace llvm {
class Module;
} // namespace llvm

namespace attnc {

/// sizeof(halide_buffer_t) and the offset of its member `host` (HalideRuntime.h); kernels read nothing else of it.
constexpr uint64_t kBufferSize = 56, kBufferHost = 16;

struct HostData {
  std::string cpuFeatures;     ///< attnc_model.cpu_features.
  uint64_t scratchSize = 0;    ///< attnc_model.scratch_size.
  const void *image = nullptr; ///< The packed weights to embed (plan.imageSize bytes), or null: handed over at init.
  bool declareImage = false;   ///< Refer to the image without its bytes, for text that a person reads.
  bool profile = false;        ///< Describe the calls and tell an observer (runtime/attnc/profile.h).
};

/// The name of the model's symbol: <name>_attnc_model.
std::string modelSymbol(const std::string &modelName);
/// That of its profile: <name>_attnc_profile.
std::string profileSymbol(const std::string &modelName);

/// Adds entry and model to `module`, which holds or declares the kernels. `counts[i]`: which numbers the kernel of call
/// i takes.
void emitHostEntry(llvm::Module &module, const ModelPlan &plan, const std::vector<KernelCounts> &counts,
                   const HostData &data);

} // namespace attnc
