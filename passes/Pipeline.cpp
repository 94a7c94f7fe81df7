// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The order of the passes, for attnc and attnc-opt alike, and their registration.

#include "passes/Passes.h"

#include "mlir/Pass/PassManager.h"
#include "mlir/Pass/PassOptions.h"
#include "mlir/Pass/PassRegistry.h"

using namespace mlir;

namespace attnc {
namespace {

#define GEN_PASS_REGISTRATION
#include "passes/Passes.h.inc"

/// The command line's form of PipelineOptions, for attnc-opt --attnc-pipeline="cpu=x86-64-v4".
struct PipelineFlags : PassPipelineOptions<PipelineFlags> {
  Option<std::string> arch{*this, "arch", llvm::cl::desc("x86_64 or aarch64"), llvm::cl::init("x86_64")};
  Option<std::string> cpu{*this, "cpu", llvm::cl::desc("the CPU to compile for"), llvm::cl::init("x86-64-v3")};
  Option<bool> merge{*this, "merge", llvm::cl::desc("merge projections"), llvm::cl::init(true)};
  Option<bool> attention{*this, "attention", llvm::cl::desc("fuse attention"), llvm::cl::init(true)};
  Option<bool> packRows{*this, "pack-rows", llvm::cl::desc("leave padding out"), llvm::cl::init(true)};
  Option<std::string> precision{*this, "precision", llvm::cl::desc("f32, bf16 or int8"), llvm::cl::init("f32")};
  Option<bool> epilogue{*this, "epilogue", llvm::cl::desc("fuse epilogues"), llvm::cl::init(true)};
  Option<int64_t> blockKeys{
      *this, "block-keys",
      llvm::cl::desc("keys of attention's blocks, a multiple of 16; 0: whole score rows, -1: by shape"),
      llvm::cl::init(-1)};
  Option<int64_t> microbatch{*this, "microbatch",
                             llvm::cl::desc("batch elements of a thread's share; 0: the batch as a whole, -1: by cost"),
                             llvm::cl::init(-1)};
};

using ErrorHandler = function_ref<LogicalResult(const Twine &)>;

LogicalResult buildFromFlags(OpPassManager &manager, StringRef text, ErrorHandler reportError) {
  PipelineFlags flags;
  if (failed(flags.parseFromString(text)))
    return failure();
  std::string error;
  std::optional<TargetInfo> target = findTarget(flags.arch, flags.cpu, error);
  if (!target)
    return reportError(error);
  std::optional<attn::Precision> precision = attn::symbolizePrecision(flags.precision);
  if (!precision)
    return reportError("unknown precision '" + Twine(flags.precision) + "'; there are f32, bf16 and int8");
  PipelineOptions options;
  options.target = *target;
  options.precision = *precision;
  options.mergeProjections = flags.merge;
  options.fuseAttention = flags.attention;
  options.packRows = flags.packRows;
  options.fuseEpilogue = flags.epilogue;
  if (flags.blockKeys != -1)
    options.blockKeys = flags.blockKeys;
  if (flags.microbatch != -1)
    options.microbatch = flags.microbatch;
  buildPipeline(manager, options);
  return success();
}

} // namespace

void buildTargetPipeline(OpPassManager &manager, const PipelineOptions &options) {
  const TargetInfo &target = options.target;
  manager.addPass(createCanonicalizeGraphPass());
  manager.addPass(createFindIndependentBatchPass());
  if (options.mergeProjections)
    manager.addPass(createMergeProjectionsPass(options.log));
  if (options.fuseAttention)
    manager.addPass(createFuseAttentionPass(options.log));
  if (options.packRows)
    manager.addPass(createPackRowsPass(options.log));
  manager.addPass(createFindLiveKeysPass());
  if (options.precision != attn::Precision::f32) {
    AssignPrecisionPassOptions precision;
    precision.precision = options.precision;
    manager.addPass(createAssignPrecisionPass(precision, options.log));
  }
  FuseEpiloguePassOptions groups;
  groups.epilogue = options.fuseEpilogue;
  groups.threads = target.threads;
  groups.l2Bytes = target.l2Bytes;
  manager.addPass(createFuseEpiloguePass(groups, options.log));
  manager.addPass(createOutlineKernelsPass());
  AssignSchedulesPassOptions machine;
  machine.vectorBytes = target.vectorBytes;
  machine.registers = target.registers;
  machine.dotBf16 = target.dotBf16;
  machine.dotInt8 = target.dotInt8;
  machine.l1Bytes = target.l1Bytes;
  machine.l2Bytes = target.l2Bytes;
  machine.threads = target.threads;
  machine.blockKeys = options.blockKeys.value_or(-1);
  manager.addPass(createAssignSchedulesPass(machine));
}

void buildImagePipeline(OpPassManager &manager, const PipelineOptions &options) {
  manager.addPass(createPackWeightsPass());
  manager.addPass(createPlanMemoryPass());
  AssignMicrobatchPassOptions microbatch;
  microbatch.elements = options.microbatch.value_or(-1);
  manager.addPass(createAssignMicrobatchPass(microbatch));
}

void buildPipeline(OpPassManager &manager, const PipelineOptions &options) {
  buildTargetPipeline(manager, options);
  buildImagePipeline(manager, options);
}

void registerPasses() {
  registerAttncPasses();
  registerPassPipeline("attnc-pipeline", "all passes, from the frontend's module to codegen's", buildFromFlags,
                       [](function_ref<void(const detail::PassOptions &)> describe) { describe(PipelineFlags()); });
}

} // namespace attnc
