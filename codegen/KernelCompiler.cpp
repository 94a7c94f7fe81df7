// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "codegen/KernelCompiler.h"

#include "codegen/AppendKernel.h"
#include "codegen/DotAlgorithm.h"
#include "codegen/HalideSetup.h"
#include "codegen/Kernels.h"
#include "codegen/MixNeighbours.h"
#include "codegen/PrefetchPanels.h"
#include "codegen/PrefetchRows.h"
#include "codegen/SignalsHeldBack.h"
#include "codegen/StoredProducts.h"
#include "codegen/TokenRowsKernel.h"
#include "codegen/TransposeSquares.h"
#include "ir/AttnDialect.h"
#include "passes/TargetInfo.h"

#include <fstream>
#include <sstream>
#include <sys/mman.h>
#include <unistd.h>

namespace attnc {

namespace {

/// StrictFloat: NaN, infinities and the order of operations mean what the algorithm says. The multiply-adds that this
/// keeps Halide from forming are formed afterwards (ContractMultiplyAdd.h). A kernel with dot products of bfloat16 is
/// strict by makeStrictButAccumulator().
Halide::Target halideTarget(const TargetInfo &target, DotKind dot) {
  using T = Halide::Target;
  std::vector<T::Feature> features = {T::NoAsserts, T::NoBoundsQuery, T::NoRuntime, T::UserContext};
  if (dot != DotKind::Bf16)
    features.push_back(T::StrictFloat);
  if (target.arch == TargetInfo::Arch::AArch64)
    return T(T::Linux, T::ARM, 64, features);
  for (T::Feature feature : {T::SSE41, T::AVX, T::F16C, T::FMA, T::AVX2})
    features.push_back(feature);
  if (target.vectorBytes == 64)
    for (T::Feature feature : {T::AVX512, T::AVX512_Skylake})
      features.push_back(feature);
  // Of what these two stand for, Halide uses the dot products and conversions to bfloat16.
  if (dot == DotKind::Bf16 || dot == DotKind::Int8)
    for (T::Feature feature : {T::AVX512_Cannonlake, T::AVX512_Zen4})
      features.push_back(feature);
  return T(T::Linux, T::X86, 64, features);
}

MatmulSchedule fromAttribute(attn::MatmulScheduleAttr s) {
  return {static_cast<int>(s.getTileRows()), static_cast<int>(s.getTileCols()), static_cast<int>(s.getBlockRows()),
          static_cast<int>(s.getTaskRows()), static_cast<int>(s.getTaskCols())};
}

AttentionSchedule fromAttribute(attn::AttentionScheduleAttr s) {
  return {static_cast<int>(s.getTileQueries()), static_cast<int>(s.getTileCols()), static_cast<int>(s.getTaskQueries()),
          static_cast<int>(s.getBlockKeys()), static_cast<int>(s.getBlockQueries())};
}

/// How the kernel's matmul by panels multiplies.
DotKind dotOf(mlir::func::FuncOp kernel, const TargetInfo &target) {
  for (attn::MatmulOp matmul : kernel.getOps<attn::MatmulOp>())
    if (matmul.getRhs().getType().getEncoding())
      return dotKindOf(matmul.getPrecision(), target);
  return DotKind::F32;
}

/// Algorithm and schedule of a kernel function.
Algorithm buildKernel(mlir::func::FuncOp kernel, const TargetInfo &target) {
  const int lanes = static_cast<int>(target.floats());
  if (!kernel.getOps<attn::AppendOp>().empty()) {
    Algorithm algorithm = buildAppendAlgorithm(kernel);
    scheduleAppend(algorithm, lanes);
    return algorithm;
  }
  mlir::Attribute schedule = kernel->getAttr("attn.schedule");
  if (auto attention = mlir::dyn_cast_if_present<attn::AttentionScheduleAttr>(schedule)) {
    const AttentionSchedule plan = fromAttribute(attention);
    Algorithm algorithm = buildAttentionAlgorithm(kernel, plan);
    scheduleAttention(algorithm, plan, lanes);
    return algorithm;
  }
  Algorithm algorithm = buildRowAlgorithm(kernel, dotOf(kernel, target));
  if (auto matmul = mlir::dyn_cast_if_present<attn::MatmulScheduleAttr>(schedule))
    scheduleMatmul(algorithm, fromAttribute(matmul), lanes);
  else if (auto rowwise = mlir::dyn_cast_if_present<attn::RowwiseScheduleAttr>(schedule))
    scheduleRowwise(algorithm, {static_cast<int>(rowwise.getTaskRows())}, lanes);
  else
    throw Halide::CompileError("attnc: the kernel has no schedule");
  return algorithm;
}

/// The pipeline of a kernel, with the lowering passes that its bits rely on: they belong to a Pipeline, not to a Func.
Halide::Pipeline pipelineOf(mlir::func::FuncOp kernel, Algorithm &algorithm) {
  setUpHalide();
  if (algorithm.matmul.dot == DotKind::Bf16)
    makeStrictButAccumulator(algorithm);
  Halide::Pipeline pipeline = algorithm.pipeline();
  pipeline.add_custom_lowering_pass(new LowerMixedNeighbours);
  pipeline.add_custom_lowering_pass(new HideStoredProducts);
  pipeline.add_custom_lowering_pass(new TransposeSquares);
  if (auto schedule = kernel->getAttrOfType<attn::MatmulScheduleAttr>("attn.schedule")) {
    const MatmulStages &matmul = algorithm.matmul;
    const int tilePanels = std::max(static_cast<int>(schedule.getTileCols()) / matmul.panel, 1);
    pipeline.add_custom_lowering_pass(
        new PrefetchPanels(matmul.accumulator.name(), matmul.weight, tilePanels, matmul.panelSize));
    if (!matmul.lhs.empty())
      pipeline.add_custom_lowering_pass(new PrefetchRows(matmul.lhs, matmul.depth));
  }
  return pipeline;
}

/// A file without a name, for the one interface of Halide that writes bitcode to a path.
class MemoryFile {
public:
  MemoryFile() : descriptor(memfd_create("attnc-kernel", MFD_CLOEXEC)) {}
  ~MemoryFile() {
    if (descriptor >= 0)
      close(descriptor);
  }
  MemoryFile(const MemoryFile &) = delete;
  bool valid() const { return descriptor >= 0; }
  std::string path() const { return "/proc/self/fd/" + std::to_string(descriptor); }
  std::string contents() const {
    std::ifstream in(path(), std::ios::binary);
    std::ostringstream all;
    all << in.rdbuf();
    return all.str();
  }

private:
  int descriptor;
};

/// Runs `body`, turning what Halide throws into `error`.
template <typename Body> bool guarded(const std::string &kernel, std::string &error, Body body) {
  try {
    return body();
  } catch (const Halide::Error &e) {
    error = "kernel '" + kernel + "': " + e.what();
  } catch (const std::exception &e) {
    error = "kernel '" + kernel + "': " + e.what();
  }
  return false;
}

} // namespace

bool compileKernel(mlir::func::FuncOp kernel, const TargetInfo &target, CompiledKernel &compiled, std::string &error) {
  compiled.name = kernel.getSymName().str();
  if (auto tokens = kernel.getOps<attn::TokenRowsOp>(); !tokens.empty()) {
    compileTokenRows(*tokens.begin(), compiled);
    return true;
  }
  return guarded(compiled.name, error, [&] {
    Algorithm algorithm = buildKernel(kernel, target);
    compiled.counts = {algorithm.usesBatch, algorithm.usesTokens};
    MemoryFile file;
    if (!file.valid()) {
      error = "kernel '" + compiled.name + "': no memory for its bitcode";
      return false;
    }
    // Halide makes a folder in /tmp for the time of a compilation, though it puts nothing there.
    const SignalsHeldBack held;
    pipelineOf(kernel, algorithm)
        .compile_to_bitcode(file.path(), algorithm.arguments, compiled.name,
                            halideTarget(target, algorithm.matmul.dot));
    compiled.bitcode = file.contents();
    if (compiled.bitcode.empty())
      error = "kernel '" + compiled.name + "': Halide wrote no bitcode";
    return !compiled.bitcode.empty();
  });
}

bool lowerKernelToText(mlir::func::FuncOp kernel, const TargetInfo &target, std::string &text, std::string &error) {
  const std::string name = kernel.getSymName().str();
  if (!kernel.getOps<attn::TokenRowsOp>().empty()) {
    text = "// " + name + " is made without Halide.\n";
    return true;
  }
  return guarded(name, error, [&] {
    Algorithm algorithm = buildKernel(kernel, target);
    Halide::Module module =
        pipelineOf(kernel, algorithm)
            .compile_to_module(algorithm.arguments, name, halideTarget(target, algorithm.matmul.dot));
    std::ostringstream out;
    out << module;
    text = out.str();
    return true;
  });
}

} // namespace attnc
