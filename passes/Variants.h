// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// One model for several CPUs: variants of it in one module, over one weights image.
#pragma once

#include "passes/Passes.h"

#include <functional>
#include <vector>

namespace mlir {
class PassManager;
} // namespace mlir

namespace attnc {

/// Runs the pipeline over a module in core ops for each target; options.target is not read. With one target the result
/// is what buildPipeline() makes. With several, the module holds every function once for each target, in their order:
/// named after the target's CPU too, with `attn.cpu`, a model's function with the model's name as `attn.model`; its
/// weights image serves them all. Refusals that several targets share are logged once. `configure` sees each manager
/// before it runs.
mlir::LogicalResult lowerForTargets(mlir::OwningOpRef<mlir::ModuleOp> &module, const std::vector<TargetInfo> &targets,
                                    const PipelineOptions &options,
                                    const std::function<void(mlir::PassManager &)> &configure = {});

} // namespace attnc
