// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// All passes over the attn dialect, and the pipeline that strings them together.
#pragma once

#include "ir/AttnDialect.h"
#include "passes/Explain.h"
#include "passes/TargetInfo.h"

#include "mlir/Pass/Pass.h"

#include <memory>

namespace attnc {

#define GEN_PASS_DECL
#include "passes/Passes.h.inc"

/// The fusing passes with a log for their refusals; without one they stay silent, or remark where `explain` is set.
std::unique_ptr<mlir::Pass> createMergeProjectionsPass(ExplainLog *log);
std::unique_ptr<mlir::Pass> createFuseAttentionPass(ExplainLog *log);
std::unique_ptr<mlir::Pass> createPackRowsPass(ExplainLog *log);
std::unique_ptr<mlir::Pass> createAssignPrecisionPass(const AssignPrecisionPassOptions &options, ExplainLog *log);
std::unique_ptr<mlir::Pass> createFuseEpiloguePass(const FuseEpiloguePassOptions &options, ExplainLog *log);

struct PipelineOptions {
  TargetInfo target;
  ExplainLog *log = nullptr; ///< Not owned; gets the refusals of every run.

  /// Fusions may be switched off one by one, to find out what each is worth and to compare values with and without.
  bool mergeProjections = true;
  bool fuseAttention = true;
  bool packRows = true;
  bool fuseEpilogue = true;

  /// Keys of attention's blocks, a multiple of 16, or 0 for whole score rows; nothing: by shape.
  std::optional<int64_t> blockKeys;

  /// Batch elements of a thread's share where a run takes a part of the batch at a time, up to kMaxMicrobatch, or 0 for
  /// the whole batch; nothing: by cost.
  std::optional<int64_t> microbatch;

  /// What matmuls by weights round their operands to; f32 leaves the precisions that the module has.
  attn::Precision precision = attn::Precision::f32;
};

/// Adds every pass from the frontend's module to what codegen reads: @main holds attn.packed, calls and its return, and
/// every kernel is a private function with attn.kind and attn.schedule.
void buildPipeline(mlir::OpPassManager &manager, const PipelineOptions &options);

/// The two halves of the pipeline: up to AssignSchedules, which looks at the target, and from PackWeights on, which
/// does not. Between them a module may be joined with those of other targets (Variants.h).
void buildTargetPipeline(mlir::OpPassManager &manager, const PipelineOptions &options);
void buildImagePipeline(mlir::OpPassManager &manager, const PipelineOptions &options);

/// Registers each pass, and the whole pipeline as `attnc-pipeline`, for attnc-opt.
void registerPasses();

} // namespace attnc
