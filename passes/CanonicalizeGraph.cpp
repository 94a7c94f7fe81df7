// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Brings a model's function into the one form that the other passes match.
//
// Needs: what the frontend emits, any order of operands.
// Ensures: no op that a folder removes, no two equal ops, no dead op. Weight expressions lead the block. In an add or a
// mul a weight stands right, and of two computed values the one computed last stands left: x + linear(x) is
// add(linear(x), x). A multiplication by one constant number is attn.scale. A matmul reads no transposition of its last
// two dimensions. Why here: first, so that every later pass needs one pattern for each thing it looks for. Leaves
// alone: attn.parameter ops, used or not (they are the model's interface), and the order of sums.

#include "passes/Graph.h"
#include "passes/Passes.h"

#include "mlir/IR/Dominance.h"
#include "mlir/IR/PatternMatch.h"
#include "mlir/Transforms/CSE.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

using namespace mlir;
using namespace attnc::attn;

namespace attnc {
#define GEN_PASS_DEF_CANONICALIZEGRAPHPASS
#include "passes/Passes.h.inc"

namespace {

/// Which of two operands was computed later; weights count as earliest, then arguments.
bool isComputedBefore(Value lhs, Value rhs) {
  if (isWeight(lhs) || isWeight(rhs))
    return isWeight(lhs) && !isWeight(rhs);
  Operation *left = lhs.getDefiningOp(), *right = rhs.getDefiningOp();
  if (!left || !right)
    return !left && right;
  return left->getBlock() == right->getBlock() && left != right && left->isBeforeInBlock(right);
}

/// add(earlier, later) to add(later, earlier).
template <typename CommutativeOp> struct OrderOperands : OpRewritePattern<CommutativeOp> {
  using OpRewritePattern<CommutativeOp>::OpRewritePattern;
  LogicalResult matchAndRewrite(CommutativeOp op, PatternRewriter &rewriter) const override {
    Value lhs = op.getLhs(), rhs = op.getRhs();
    if (!isComputedBefore(lhs, rhs))
      return rewriter.notifyMatchFailure(op, "operands are in order");
    rewriter.modifyOpInPlace(op, [&] { op->setOperands({rhs, lhs}); });
    return success();
  }
};

/// mul by a constant of one number to scale.
struct ScaleByConstant : OpRewritePattern<MulOp> {
  using OpRewritePattern<MulOp>::OpRewritePattern;
  LogicalResult matchAndRewrite(MulOp op, PatternRewriter &rewriter) const override {
    auto constant = op.getRhs().getDefiningOp<ConstantOp>();
    auto values = constant ? dyn_cast<DenseFPElementsAttr>(constant.getValue()) : nullptr;
    if (!values || !values.isSplat() || op.getType() != op.getLhs().getType())
      return rewriter.notifyMatchFailure(op, "is no multiplication by one number");
    rewriter.replaceOpWithNewOp<ScaleOp>(op, op.getLhs(), rewriter.getF32FloatAttr(values.getSplatValue<float>()));
    return success();
  }
};

/// matmul(x, transpose(y)) over the last two dimensions to the other form of matmul.
struct FoldTransposedRhs : OpRewritePattern<MatmulOp> {
  using OpRewritePattern<MatmulOp>::OpRewritePattern;
  LogicalResult matchAndRewrite(MatmulOp op, PatternRewriter &rewriter) const override {
    auto transpose = op.getRhs().getDefiningOp<TransposeOp>();
    if (!transpose)
      return rewriter.notifyMatchFailure(op, "rhs is not transposed");
    ArrayRef<int64_t> permutation = transpose.getPermutation();
    int64_t rank = permutation.size();
    for (int64_t dim = 0; dim < rank - 2; ++dim)
      if (permutation[dim] != dim)
        return rewriter.notifyMatchFailure(op, "transposition moves a leading dimension");
    if (permutation[rank - 1] != rank - 2)
      return rewriter.notifyMatchFailure(op, "transposition leaves the matrix as it is");
    rewriter.replaceOpWithNewOp<MatmulOp>(op, op.getLhs(), transpose.getInput(), !op.getTransposeRhs());
    return success();
  }
};

/// Moves weight expressions to the front of the block, in their order.
void hoistWeights(Block &block) {
  SmallVector<Operation *> weights;
  for (Operation &op : block)
    if (op.getNumResults() == 1 && isWeight(op.getResult(0)))
      weights.push_back(&op);
  for (Operation *op : llvm::reverse(weights))
    op->moveBefore(&block, block.begin());
}

struct CanonicalizeGraphPass : impl::CanonicalizeGraphPassBase<CanonicalizeGraphPass> {
  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    patterns.add<OrderOperands<AddOp>, OrderOperands<MulOp>, ScaleByConstant, FoldTransposedRhs>(&getContext());
    FrozenRewritePatternSet frozen(std::move(patterns));
    for (func::FuncOp function : modelFunctions(getOperation())) {
      if (failed(applyPatternsGreedily(function, frozen)))
        return signalPassFailure();
      IRRewriter rewriter(&getContext());
      DominanceInfo dominance(function);
      eliminateCommonSubExpressions(rewriter, dominance, function);
      hoistWeights(function.getBody().front());
    }
  }
};

} // namespace
} // namespace attnc
