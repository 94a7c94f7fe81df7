// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Groups all ops of a model into kernels: an attn.group each, taken apart by OutlineKernels.
//
// Needs: MergeProjections and FuseAttention have run; CanonicalizeGraph's operand order (the epilogue's value stands
// left). Ensures: a model's function holds weight expressions, constants, groups and its return, nothing else. A matmul
// by a weight has bias, scale, activation, residual, masks of whole rows and one closing norm in its kernel; an
// attention has the slices, split_heads and merge_heads around it, as index maps; the rest are chains of row-wise ops.
// An attention's group has the attention's further results besides, every other group one result; each returned value
// is the result of one group. In a matmul's group the value computed from the matmul stands left in every add. Why
// here: after the passes that look for ops by their neighbours; before OutlineKernels, which compares whole groups.
// Leaves alone: values with several users end a chain (computing them twice costs more than a store), and a norm after
// so few rows that whole rows per thread would leave threads idle.

#include "passes/GroupPlan.h"
#include "passes/Passes.h"

#include "mlir/IR/IRMapping.h"
#include "mlir/IR/PatternMatch.h"
#include "llvm/ADT/SmallVectorExtras.h"

using namespace mlir;
using namespace attnc::attn;

namespace attnc {
#define GEN_PASS_DEF_FUSEEPILOGUEPASS
#include "passes/Passes.h.inc"

namespace {

/// What a group reads from outside, each value once, in the order of first use. Constants that no image holds come
/// inside.
struct GroupInputs {
  SmallVector<Value> values;
  SmallVector<Operation *> constants;
};

GroupInputs inputsOf(const PlannedGroup &group) {
  GroupInputs inputs;
  for (Operation *op : group.ops)
    for (Value operand : op->getOperands()) {
      Operation *producer = operand.getDefiningOp();
      if (producer && llvm::is_contained(group.ops, producer))
        continue;
      if (producer && isInlineConstant(producer)) {
        if (!llvm::is_contained(inputs.constants, producer))
          inputs.constants.push_back(producer);
      } else if (!llvm::is_contained(inputs.values, operand)) {
        inputs.values.push_back(operand);
      }
    }
  return inputs;
}

GroupOp createGroup(const PlannedGroup &group, RewriterBase &rewriter) {
  GroupInputs inputs = inputsOf(group);
  SmallVector<Value> results = group.results();
  OpBuilder::InsertionGuard guard(rewriter);
  rewriter.setInsertionPoint(group.ops.back());
  Location loc = group.anchor->getLoc();
  auto op = GroupOp::create(rewriter, loc, TypeRange(ValueRange(results)), inputs.values, group.kind);
  Block *body = rewriter.createBlock(&op.getBody(), {}, TypeRange(ValueRange(inputs.values)),
                                     SmallVector<Location>(inputs.values.size(), loc));
  IRMapping mapping;
  mapping.map(inputs.values, body->getArguments());
  for (Operation *constant : inputs.constants)
    rewriter.clone(*constant, mapping);
  for (Operation *member : group.ops)
    rewriter.clone(*member, mapping);
  YieldOp::create(rewriter, loc, llvm::map_to_vector(results, [&](Value value) { return mapping.lookup(value); }));
  for (auto add : body->getOps<AddOp>())
    if (group.kind == KernelKind::matmul && isa<BlockArgument>(add.getLhs()))
      add->setOperands({add.getRhs(), add.getLhs()});
  return op;
}

/// The use is inside a kernel that computes the value itself.
bool isInside(OpOperand &use, const GroupPlan &plan) {
  return llvm::any_of(plan.groups, [&](const PlannedGroup &group) {
    return llvm::is_contained(group.ops, use.getOwner()) && llvm::is_contained(group.ops, use.get().getDefiningOp());
  });
}

void createCopy(OpOperand &returned, RewriterBase &rewriter) {
  OpBuilder::InsertionGuard guard(rewriter);
  Operation *terminator = returned.getOwner();
  rewriter.setInsertionPoint(terminator);
  Value value = returned.get();
  Operation *constant = value.getDefiningOp();
  bool isInline = constant && isInlineConstant(constant);
  SmallVector<Value> inputs;
  if (!isInline)
    inputs.push_back(value);
  auto op = GroupOp::create(rewriter, terminator->getLoc(), value.getType(), inputs, KernelKind::rowwise);
  Block *body = rewriter.createBlock(&op.getBody(), {}, TypeRange(ValueRange(inputs)),
                                     SmallVector<Location>(inputs.size(), op.getLoc()));
  Value source = isInline ? rewriter.clone(*constant)->getResult(0) : Value(body->getArgument(0));
  Value copy = ReshapeOp::create(rewriter, op.getLoc(), value.getType(), source);
  YieldOp::create(rewriter, op.getLoc(), copy);
  rewriter.modifyOpInPlace(terminator, [&] { returned.set(op.getResult(0)); });
}

void apply(const GroupPlan &plan, Block &block, RewriterBase &rewriter) {
  Operation *terminator = block.getTerminator();
  for (const PlannedGroup &group : plan.groups) {
    GroupOp op = createGroup(group, rewriter);
    for (auto [value, result] : llvm::zip_equal(group.results(), op.getResults()))
      rewriter.replaceUsesWithIf(value, result,
                                 [&](OpOperand &use) { return use.getOwner() != op && !isInside(use, plan); });
  }
  for (unsigned index : plan.copies)
    createCopy(terminator->getOpOperand(index), rewriter);
  for (Operation &op : llvm::make_early_inc_range(llvm::reverse(block)))
    if (!op.hasTrait<OpTrait::IsTerminator>() && op.use_empty())
      rewriter.eraseOp(&op);
}

struct FuseEpiloguePass : impl::FuseEpiloguePassBase<FuseEpiloguePass> {
  using FuseEpiloguePassBase::FuseEpiloguePassBase;
  ExplainLog *log = nullptr;

  void runOnOperation() override {
    Refusals refuse{"fuse-epilogue", log, explain};
    GroupOptions options{epilogue, threads, l2Bytes, minBatch(getOperation())};
    IRRewriter rewriter(&getContext());
    for (func::FuncOp function : modelFunctions(getOperation())) {
      Block &block = function.getBody().front();
      GroupPlan plan = planGroups(block, options, refuse);
      apply(plan, block, rewriter);
    }
  }
};

} // namespace

std::unique_ptr<Pass> createFuseEpiloguePass(const FuseEpiloguePassOptions &options, ExplainLog *log) {
  auto pass = std::make_unique<FuseEpiloguePass>(options);
  pass->log = log;
  return pass;
}

} // namespace attnc
