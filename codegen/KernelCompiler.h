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

/// A compiled kernel: `int32_t name(void *context, [int32_t batch,] [int32_t tokens,] halide_buffer_t *...)`, of whose
/// buffers, arguments and then results, only `host` is read.
struct CompiledKernel {
  std::string name;
  KernelCounts counts;
  std::string bitcode;
};

/// Compiles a kernel (attn.kind and attn.schedule set). Empty on failure, with the reason in `error`.
bool compileKernel(mlir::func::FuncOp kernel, const TargetInfo &target, CompiledKernel &compiled, std::string &error);

/// The kernel after Halide's lowering, as text (--emit=halide).
bool lowerKernelToText(mlir::func::FuncOp kernel, const TargetInfo &target, std::string &text, std::string &error);

} // namespace attnc
