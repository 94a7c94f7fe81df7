// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Chooses how many batch elements a run takes at a time: the microbatch.
//
// A large batch as a whole streams every activation from memory to the kernel that makes it and to the one that reads
// it. Some of its elements at a time go through all kernels in a cache, at the price of reading the weights again for
// each.
//
// Needs: PlanMemory has run; attn.independent_batch of FindIndependentBatch.
// Ensures: a model's function whose batch elements are independent and that has activations of its own carries
// attn.microbatch, the batch elements of a thread's share: attnc_run() takes at least so many times its threads at a
// time (attnc_variant in runtime/attnc/runtime.h). Others carry none. Results do not depend on it. Leaves alone: all
// else.

#include "passes/Costs.h"
#include "passes/Graph.h"
#include "passes/Passes.h"

#include "llvm/ADT/DenseSet.h"

#include <cmath>

using namespace mlir;
using namespace attnc::attn;

namespace attnc {
#define GEN_PASS_DEF_ASSIGNMICROBATCHPASS
#include "passes/Passes.h.inc"

namespace {

/// FLOPs of a thread for each byte of weights that are read again. A core does some 4 to 8 f32 FLOPs in the time that
/// memory takes for a byte, so this hides reading even where nothing is fetched ahead: 256 rows by a matrix in f32.
constexpr double kFlopsPerWeightByte = 128;

/// Activations of a thread's share, bytes. A core's L2 cache and its part of the last one hold 2 to 5 MiB; with less
/// than that a pass saves nothing and has more forks and joins.
constexpr double kShareBytes = 2 << 20;

/// What the model's kernels do for one batch element, and the weights that they read.
KernelCost costOfElement(func::FuncOp model) {
  KernelCost cost;
  llvm::DenseSet<int64_t> seen;
  for (auto call : model.getOps<func::CallOp>()) {
    auto kernel = SymbolTable::lookupNearestSymbolFrom<func::FuncOp>(call, call.getCalleeAttr());
    cost.flops += costOf(kernel, 1).flops;
    for (BlockArgument argument : kernel.getArguments())
      if (auto packed = call.getOperand(argument.getArgNumber()).getDefiningOp<PackedOp>())
        if (seen.insert(packed.getOffset()).second)
          cost.bytes += bytesRead(argument, 1);
  }
  return cost;
}

/// 0: no part of the batch at a time is better than the whole.
int64_t chooseMicrobatch(func::FuncOp model) {
  auto arena = model->getAttrOfType<IntegerAttr>("attn.arena_per_batch");
  const KernelCost cost = costOfElement(model);
  if (!arena || arena.getInt() <= 0 || !(cost.flops > 0))
    return 0;
  const double elements =
      std::ceil(std::max(kFlopsPerWeightByte * cost.bytes / cost.flops, kShareBytes / double(arena.getInt())));
  return elements < kMaxMicrobatch ? std::max<int64_t>(int64_t(elements), 1) : 0;
}

struct AssignMicrobatchPass : impl::AssignMicrobatchPassBase<AssignMicrobatchPass> {
  using Base::Base;

  void runOnOperation() override {
    if (elements < -1 || elements > kMaxMicrobatch) {
      getOperation().emitError("elements is from 0 to ") << kMaxMicrobatch << ", or -1, not " << int64_t(elements);
      return signalPassFailure();
    }
    for (func::FuncOp model : modelFunctions(getOperation())) {
      model->removeAttr(kMicrobatch);
      if (!model->hasAttr(kIndependentBatch))
        continue;
      const int64_t chosen = elements < 0 ? chooseMicrobatch(model) : int64_t(elements);
      if (chosen > 0)
        model->setAttr(kMicrobatch, IntegerAttr::get(IntegerType::get(&getContext(), 64), chosen));
    }
  }
};

} // namespace
} // namespace attnc
