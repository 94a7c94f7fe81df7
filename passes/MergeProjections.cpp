// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Makes one matmul of the query, key and value projections of one input.
//
// Needs: CanonicalizeGraph's form: weights lead the block, a bias stands right of its add.
// Ensures: projections of one value that feed attention are slices of one matmul, whose weight (and bias) is the
// concatenation of theirs. Slices of one packed parameter that are adjacent become that parameter again. Why here:
// before FuseEpilogue, which would give every projection a kernel; a merged one reads its input once and has three
// times the columns to share among threads. Leaves alone: projections whose results are not split into heads (a slice
// would cost a copy there), and any of which only some have a bias.

#include "passes/Graph.h"
#include "passes/Passes.h"

#include "mlir/IR/PatternMatch.h"
#include "llvm/ADT/MapVector.h"

using namespace mlir;
using namespace attnc::attn;

namespace attnc {
#define GEN_PASS_DEF_MERGEPROJECTIONSPASS
#include "passes/Passes.h.inc"

namespace {

/// x W^T, or x W^T + b where the matmul has no other use.
struct Projection {
  MatmulOp matmul;
  AddOp bias; ///< May be null.

  Value result() { return bias ? bias.getResult() : matmul.getResult(); }
  int64_t columns() { return tensorType(matmul.getRhs()).getDimSize(0); }
};

Projection projectionAt(MatmulOp matmul) {
  auto add = dyn_cast_if_present<AddOp>(onlyUser(matmul.getResult()));
  int64_t columns = tensorType(matmul.getRhs()).getDimSize(0);
  bool isBias = add && add.getLhs() == matmul.getResult() && isVectorWeight(add.getRhs(), columns);
  return {matmul, isBias ? add : AddOp()};
}

bool feedsAttention(Value value) {
  return !value.use_empty() && llvm::all_of(value.getUsers(), [](Operation *user) { return isa<SplitHeadsOp>(user); });
}

/// The projections of each value in one precision, in the order of the block.
using Candidates = llvm::MapVector<std::pair<Value, unsigned>, SmallVector<Projection>>;

Candidates findCandidates(Block &block) {
  Candidates candidates;
  for (auto matmul : block.getOps<MatmulOp>()) {
    if (!matmul.getTransposeRhs() || !hasWeightRhs(matmul))
      continue;
    candidates[{matmul.getLhs(), unsigned(matmul.getPrecision())}].push_back(projectionAt(matmul));
  }
  candidates.remove_if([](const auto &entry) { return entry.second.size() < 2; });
  return candidates;
}

/// The projections of one value that may be merged.
SmallVector<Projection> decide(ArrayRef<Projection> all, const Refusals &refuse) {
  SmallVector<Projection> chosen;
  for (Projection projection : all) {
    if (feedsAttention(projection.result()))
      chosen.push_back(projection);
    else
      (void)refuse(projection.matmul,
                   "its result is not split into heads: a slice of a merged matmul would cost a copy");
  }
  if (chosen.size() < 2)
    return {};
  size_t biases = llvm::count_if(chosen, [](const Projection &projection) { return bool(projection.bias); });
  if (biases != 0 && biases != chosen.size()) {
    (void)refuse(chosen.front().matmul, "only some of the projections have a bias");
    return {};
  }
  return chosen;
}

/// Weights lead the block, so their concatenation can stand before the first matmul.
void merge(MutableArrayRef<Projection> projections, RewriterBase &rewriter) {
  MatmulOp first = projections.front().matmul;
  rewriter.setInsertionPoint(first);
  SmallVector<Location> locations;
  SmallVector<Value> weights, biases;
  for (Projection &projection : projections) {
    locations.push_back(projection.matmul.getLoc());
    weights.push_back(projection.matmul.getRhs());
    if (projection.bias)
      biases.push_back(projection.bias.getRhs());
  }
  Location loc = rewriter.getFusedLoc(locations);
  Value weight = rewriter.createOrFold<ConcatOp>(loc, ValueRange(weights), uint64_t(0));
  Value result = MatmulOp::create(rewriter, loc, first.getLhs(), weight, /*transpose_rhs=*/true, first.getPrecision());
  if (!biases.empty()) {
    Value bias = rewriter.createOrFold<ConcatOp>(loc, ValueRange(biases), uint64_t(0));
    result = AddOp::create(rewriter, loc, result, bias);
  }
  uint64_t axis = tensorType(result).getRank() - 1, start = 0;
  for (Projection &projection : projections) {
    uint64_t size = projection.columns();
    Value slice = SliceOp::create(rewriter, projection.matmul.getLoc(), result, axis, start, size);
    start += size;
    rewriter.replaceAllUsesWith(projection.result(), slice);
    if (projection.bias)
      rewriter.eraseOp(projection.bias);
    rewriter.eraseOp(projection.matmul);
  }
}

struct MergeProjectionsPass : impl::MergeProjectionsPassBase<MergeProjectionsPass> {
  using MergeProjectionsPassBase::MergeProjectionsPassBase;
  ExplainLog *log = nullptr;

  void runOnOperation() override {
    Refusals refuse{"merge-projections", log, explain};
    IRRewriter rewriter(&getContext());
    for (func::FuncOp function : modelFunctions(getOperation()))
      for (auto &entry : findCandidates(function.getBody().front()))
        if (SmallVector<Projection> chosen = decide(entry.second, refuse); !chosen.empty())
          merge(chosen, rewriter);
  }
};

} // namespace

std::unique_ptr<Pass> createMergeProjectionsPass(ExplainLog *log) {
  auto pass = std::make_unique<MergeProjectionsPass>();
  pass->log = log;
  return pass;
}

} // namespace attnc
