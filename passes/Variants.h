// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// One model for several CPUs and for several extents of a dimension: variants of it in one module, over one weights
// image.
#pragma once

#include "passes/Passes.h"

#include <functional>
#include <string>
#include <vector>

namespace mlir {
class PassManager;
} // namespace mlir

namespace attnc {

/// A model in core ops, for each of some extents of one of its dimensions.
struct ModelBuckets {
  std::string dim;                                        ///< The dimension; empty where there is one module.
  std::vector<int64_t> extents;                           ///< Ascending; empty where there is one module.
  std::vector<mlir::OwningOpRef<mlir::ModuleOp>> modules; ///< One for each extent, of one context.
};

/// Runs the pipeline over a model for each target and each bucket; options.target is not read. With one of each the
/// result is what buildPipeline() makes. With several, the module holds every function once for each: of each target,
/// in their order, one for each bucket, named after them, with `attn.cpu`, `attn.bucket` and `attn.bucket_dim` where
/// there are several, a model's function with the model's name as `attn.model`; its weights image serves them all.
/// Refusals that several share are logged once. `configure` sees each manager before it runs. Null on failure, with the
/// reason as a diagnostic: also where a parameter's shape differs between buckets.
mlir::OwningOpRef<mlir::ModuleOp> lowerVariants(ModelBuckets model, const std::vector<TargetInfo> &targets,
                                                const PipelineOptions &options,
                                                const std::function<void(mlir::PassManager &)> &configure = {});

} // namespace attnc
