// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// One kernel function to LLVM bitcode, by Halide.
#pragma once

#include "codegen/ModelPlan.h"

#include <string>

namespace mlir::func {
class FuncOp;
} // namespace mlir::func

namespace attnc {

struct TargetInfo;

/// Extents that a kernel's index arithmetic may reach: Halide's are 32 bits wide.
constexpr int64_t kMaxKernelElements = (int64_t{1} << 31) - 1;

/// The cache that a kernel's fetches bring lines into, as LLVM's prefetch numbers them. A rounded panel of weights is
/// small enough that the tiles of a block read it from the first level, unless the next one pushes it out: fetches into
/// the second made MiniLM 16 % faster in bf16 and 9 % in int8 at 20 rows, 1.5 % at 128, and 1 to 6 % slower in f32
/// (Zen 4, 2026-11-23).
enum class FetchInto { secondLevel = 2, firstLevel = 3 };

/// A compiled kernel: `int32_t name(void *context, [int32_t batch,] [int32_t tokens,] halide_buffer_t *...)`, of whose
/// buffers, arguments and then results, only `host` is read.
struct CompiledKernel {
  std::string name;
  KernelCounts counts;
  std::string bitcode;
  FetchInto fetchInto = FetchInto::firstLevel;
};

/// Compiles a kernel (attn.kind and attn.schedule set). Empty on failure, with the reason in `error`.
bool compileKernel(mlir::func::FuncOp kernel, const TargetInfo &target, CompiledKernel &compiled, std::string &error);

/// The kernel after Halide's lowering, as text (--emit=halide).
bool lowerKernelToText(mlir::func::FuncOp kernel, const TargetInfo &target, std::string &text, std::string &error);

} // namespace attnc
