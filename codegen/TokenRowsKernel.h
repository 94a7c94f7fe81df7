// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The kernel that says where the rows of true tokens are. It scans the lengths of the batch, one after the other, which
// is written in LLVM IR: as a Halide function it would need scratch for as many sums as the run has sequences.
#pragma once

#include "codegen/KernelCompiler.h"
#include "ir/AttnDialect.h"

namespace attnc {

/// Compiles the kernel of `op`, whose results are its own, into compiled.bitcode; compiled.name is set. It runs on the
/// calling thread and returns 0. Lengths below 0 count as 0, those beyond the size as the size; the memory of rows
/// behind the last token is left as it is.
void compileTokenRows(attn::TokenRowsOp op, CompiledKernel &compiled);

} // namespace attnc
