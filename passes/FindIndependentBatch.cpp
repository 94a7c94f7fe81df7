// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Finds models whose batch elements have nothing to do with each other, so that a run may take some of them at a time.
//
// Needs: core ops, before fusion; the only dynamic extent is the batch.
// Ensures: a model's function has the unit attribute attn.independent_batch where every result's row i along the first
// dimension follows from row i of those arguments that have a batch, and from the other arguments. Where this is not
// proved it has none: an op that is not known here, a batch that is not the first dimension, an expression that asks
// for the number of the batch element, a slice or a normalisation along the batch. Why here: fused ops say the same in
// more ways. Leaves alone: everything else.

#include "passes/Graph.h"
#include "passes/Passes.h"
#include "passes/ScoreConditions.h"

#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace attnc::attn;

namespace attnc {
#define GEN_PASS_DEF_FINDINDEPENDENTBATCHPASS
#include "passes/Passes.h.inc"

namespace {

bool hasBatch(Value value) {
  auto type = dyn_cast<RankedTensorType>(value.getType());
  return type && !type.hasStaticShape();
}

/// Without a batch, or with one that is the first dimension; no tensor has two.
bool hasNoOtherDim(Value value) { return !hasBatch(value) || tensorType(value).isDynamicDim(0); }

/// The region reads row i of a capture with a batch for row i of the scores, and says nothing of i besides.
bool keepsBatch(ModifyScoresOp op) {
  Block &body = op.getScore().front();
  const Value row = body.getArgument(kBatch);
  for (OpOperand &use : row.getUses())
    if (!isa<ElementOp>(use.getOwner()) || use.getOperandNumber() != 1 || !hasBatch(use.getOwner()->getOperand(0)))
      return false;
  return llvm::all_of(body.getArguments().drop_front(kFirstCapture), [&](Value capture) {
    return !hasBatch(capture) || llvm::all_of(capture.getUsers(), [&](Operation *user) {
      return isa<ElementOp>(user) && cast<ElementOp>(user).getIndices().front() == row;
    });
  });
}

/// Whether row i of the op's result follows from row i of its operands that have a batch.
bool keepsBatch(Operation &op) {
  const bool reads = llvm::any_of(op.getOperands(), hasBatch), writes = llvm::any_of(op.getResults(), hasBatch);
  if (!llvm::all_of(op.getOperands(), hasNoOtherDim) || !llvm::all_of(op.getResults(), hasNoOtherDim))
    return false;
  if (!reads)
    return !writes || isa<BroadcastOp>(op);
  if (!llvm::all_of(op.getResults(), hasBatch))
    return false;
  // Operands are aligned at their last dimensions.
  const int64_t rank = tensorType(op.getResult(0)).getRank();
  auto isAligned = [&](Value operand) { return !hasBatch(operand) || tensorType(operand).getRank() == rank; };
  auto isAlong = [](auto along) { return along.getAxis() != 0; };
  return llvm::TypeSwitch<Operation *, bool>(&op)
      .Case<AddOp, SubOp, MulOp, DivOp, ScaleOp, ActivationOp, IsZeroOp, MaskOp, ScoreWeightsOp, MatmulOp,
            AdditiveScoreOp>([&](auto) { return llvm::all_of(op.getOperands(), isAligned); })
      .Case<LayerNormOp, RMSNormOp, L2NormOp, RotaryOp>(
          [&](auto) { return rank > 1 && llvm::none_of(op.getOperands().drop_front(), hasBatch); })
      .Case<SoftmaxOp, MeanOp, SliceOp>(isAlong)
      .Case([&](ConcatOp concat) { return isAlong(concat) && llvm::all_of(op.getOperands(), hasBatch); })
      .Case<PaddingMaskOp, LogSumExpOp, PoolOp, SplitHeadsOp, MergeHeadsOp>(
          [&](auto) { return llvm::all_of(op.getOperands(), hasBatch); })
      .Case([&](AppendOp append) { return llvm::all_of(append->getOperands(), hasBatch); })
      .Case([&](TransposeOp transpose) { return transpose.getPermutation().front() == 0; })
      // Tables have no batch; a reshape leaves it the first extent (reshape_c2).
      .Case<EmbeddingOp, ReshapeOp>([](auto) { return true; })
      .Case([&](BroadcastOp) { return llvm::all_of(op.getOperands(), isAligned); })
      .Case([&](ModifyScoresOp modify) { return isAligned(modify.getScores()) && keepsBatch(modify); })
      .Default(false);
}

struct FindIndependentBatchPass : impl::FindIndependentBatchPassBase<FindIndependentBatchPass> {
  void runOnOperation() override {
    for (func::FuncOp model : modelFunctions(getOperation())) {
      Block &body = model.getBody().front();
      const bool isIndependent = llvm::any_of(body.getArguments(), hasBatch) &&
                                 llvm::all_of(body.getTerminator()->getOperands(), hasBatch) &&
                                 llvm::all_of(body.getArguments(), hasNoOtherDim) &&
                                 llvm::all_of(body.without_terminator(), [](Operation &op) { return keepsBatch(op); });
      model->removeAttr(kIndependentBatch); // Read as text it is a claim.
      if (isIndependent)
        model->setAttr(kIndependentBatch, UnitAttr::get(&getContext()));
    }
  }
};

} // namespace
} // namespace attnc
