// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The work of one kernel call, as a profile lists it.
#pragma once

#include "runtime/attnc/profile.h"

#include <cstdint>

namespace mlir::func {
class FuncOp;
} // namespace mlir::func

namespace attnc {

struct KeyLimits;

struct KernelWork {
  double flops = 0;       ///< All arithmetic; a transcendental function counts as ten.
  double matmulFlops = 0; ///< Of these, the multiply-adds of matmul and attention.
  double bytes = 0;       ///< Arguments read once and the result written once.
  attnc_work_share share = ATTNC_WORK_ALL;
};

/// The work of a kernel at this batch. Keys that the score region leaves out by comparing indices (a causal mask, a
/// window) count as no work; keys that a mask of values blocks do.
KernelWork workOf(mlir::func::FuncOp kernel, int64_t batch);

/// How many of queries x keys pairs the limits let through.
double pairsWithin(const KeyLimits &limits, int64_t queries, int64_t keys);

} // namespace attnc
