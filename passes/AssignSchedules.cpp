// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Gives every kernel its schedule, as an attribute.
//
// Needs: OutlineKernels' form.
// Ensures: every kernel function but token_rows and append carries attn.schedule, of the attribute of its kind, chosen
// by the cost model of Schedules.cpp for the smallest batch. Why here: after outlining, so that equal kernels get one
// schedule; before PackWeights, so that no extents have to be looked for in packed types. Leaves alone: kernels that
// carry a schedule already (a tuner's choice).

#include "passes/Costs.h"
#include "passes/Graph.h"
#include "passes/Passes.h"
#include "passes/Schedules.h"
#include "passes/ScoreConditions.h"

using namespace mlir;
using namespace attnc::attn;

namespace attnc {
#define GEN_PASS_DEF_ASSIGNSCHEDULESPASS
#include "passes/Passes.h.inc"

namespace {

template <typename Op> Op only(func::FuncOp kernel) {
  auto ops = kernel.getOps<Op>();
  assert(!ops.empty() && "a kernel holds the op that gives it its kind");
  return *ops.begin();
}

/// May a run have another number of rows than the type says for the smallest batch?
bool isRuntime(RankedTensorType type) { return !type.hasStaticShape() || !hasAllRows(type); }

RankedTensorType resultOf(func::FuncOp kernel) { return cast<RankedTensorType>(kernel.getResultTypes().front()); }

Attribute scheduleMatmul(func::FuncOp kernel, int64_t batch, const TargetInfo &target) {
  auto matmul = only<MatmulOp>(kernel);
  RankedTensorType type = matmul.getType(), lhs = matmul.getLhs().getType();
  MatmulExtents extents;
  extents.k = lhs.getShape().back();
  extents.n = type.getShape().back();
  extents.rows = rowsAt(type, batch);
  extents.wholeRows = llvm::any_of(kernel.getOps(), [](Operation &op) { return isa<LayerNormOp, RMSNormOp>(op); });
  extents.runtimeBatch = isRuntime(type);
  extents.mayBeFewer = !hasAllRows(type);
  extents.dot = dotKindOf(matmul.getPrecision(), target);
  MatmulSchedule schedule = chooseMatmul(extents, target);
  return MatmulScheduleAttr::get(kernel.getContext(), schedule.tileRows, schedule.tileCols, schedule.blockRows,
                                 schedule.taskRows, schedule.taskCols);
}

Attribute scheduleAttention(func::FuncOp kernel, int64_t batch, const TargetInfo &target,
                            std::optional<int64_t> blockKeys) {
  auto attention = only<AttentionOp>(kernel);
  RankedTensorType query = attention.getQuery().getType(), key = attention.getKey().getType();
  auto fromEnd = [](RankedTensorType type, int64_t dim) { return type.getDimSize(type.getRank() - dim); };
  AttentionExtents extents;
  extents.headDim = fromEnd(query, 1);
  extents.queries = fromEnd(query, 2);
  extents.keys = fromEnd(key, 2);
  extents.heads = fromEnd(query, 3);
  extents.batch = query.getRank() == 4 ? (query.isDynamicDim(0) ? batch : query.getDimSize(0)) : 1;
  extents.valueDim = fromEnd(attention.getValue().getType(), 1);
  // Outputs that share their loops have one run-time loop, over the heads of all batch elements, and that is the task.
  extents.wholeHeads = !attention.getFurther().empty();
  // A window keeps the rows short as they are. With other conditions of indices alone the bits of a block may differ
  // from CPU to CPU (key // 2 * 2 == key, beside a causal mask).
  // Of a cache a run may have far fewer keys than it has room for, and blocks of keys would look at all.
  const auto lengths = liveConditions(attention.getScore().front()).lengths;
  extents.wholeRows = attention.getReturnsWeights() || !hasAllRows(resultOf(kernel)) ||
                      keyLimits(attention).band.first || (lengths && lengths->offset > 0) ||
                      hasIndexConditions(attention.getScore().front());
  AttentionSchedule schedule = chooseAttention(extents, target, blockKeys);
  return AttentionScheduleAttr::get(kernel.getContext(), schedule.tileQueries, schedule.tileCols, schedule.taskQueries,
                                    schedule.blockKeys, schedule.blockQueries);
}

Attribute scheduleRowwise(func::FuncOp kernel, int64_t batch, const TargetInfo &target) {
  RankedTensorType type = resultOf(kernel);
  KernelCost cost = costOf(kernel, batch);
  RowwiseExtents extents;
  extents.rows = std::max<int64_t>(rowsAt(type, batch), 1);
  extents.bytesPerRow = std::max<int64_t>(int64_t(cost.bytes / double(extents.rows)), 1);
  extents.flopsPerRow = int64_t(cost.flops / double(extents.rows));
  extents.runtimeBatch = isRuntime(type);
  return RowwiseScheduleAttr::get(kernel.getContext(), chooseRowwise(extents, target));
}

struct AssignSchedulesPass : impl::AssignSchedulesPassBase<AssignSchedulesPass> {
  using AssignSchedulesPassBase::AssignSchedulesPassBase;

  void runOnOperation() override {
    TargetInfo target;
    target.vectorBytes = vectorBytes;
    target.registers = registers;
    target.dotBf16 = dotBf16;
    target.dotInt8 = dotInt8;
    target.l1Bytes = l1Bytes;
    target.l2Bytes = l2Bytes;
    target.threads = threads;
    if (blockKeys < -1 || blockKeys > INT32_MAX || (blockKeys > 0 && blockKeys % 16 != 0)) {
      getOperation().emitError("block-keys is a multiple of 16, 0 or -1, not ") << int64_t(blockKeys);
      return signalPassFailure();
    }
    int64_t batch = minBatch(getOperation());
    for (func::FuncOp kernel : kernelFunctions(getOperation()))
      if (!kernel->hasAttr("attn.schedule") && kernelKind(kernel) != KernelKind::token_rows &&
          kernelKind(kernel) != KernelKind::append)
        kernel->setAttr("attn.schedule", schedule(kernel, batch, target));
  }

  Attribute schedule(func::FuncOp kernel, int64_t batch, const TargetInfo &target) const {
    switch (kernelKind(kernel)) {
    case KernelKind::matmul:
      return scheduleMatmul(kernel, batch, target);
    case KernelKind::attention:
      return scheduleAttention(kernel, batch, target, blockKeys < 0 ? std::nullopt : std::optional<int64_t>(blockKeys));
    case KernelKind::rowwise:
      return scheduleRowwise(kernel, batch, target);
    case KernelKind::token_rows:
    case KernelKind::append:
      break;
    }
    llvm_unreachable("token_rows and append have no schedule, every other kind has one");
  }
};

} // namespace
} // namespace attnc
