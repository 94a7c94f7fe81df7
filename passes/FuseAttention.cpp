// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Makes attn.attention of softmax(score(query key^T)) value.
//
// Needs: CanonicalizeGraph's form: the scores stand left in an add, a transposed key is matmul's transpose_rhs.
// Ensures: each such chain of rank 3 or 4, whose softmax runs over the keys, is one attn.attention; scale, mask, add
// and modify_scores between the two matmuls are ops of its score region, and their tensors its captures, indexed by
// batch, head, query and key. Why here: before FuseEpilogue, which groups what is left op by op. Leaves alone: scores
// or probabilities with another user (somebody wants them in memory, and computing them twice costs a matmul), and
// score functions made of any other op.

#include "passes/Graph.h"
#include "passes/Passes.h"

#include "mlir/IR/IRMapping.h"
#include "mlir/IR/PatternMatch.h"
#include "llvm/ADT/SmallVectorExtras.h"

using namespace mlir;
using namespace attnc::attn;

namespace attnc {
#define GEN_PASS_DEF_FUSEATTENTIONPASS
#include "passes/Passes.h.inc"

namespace {

/// The ops of one attention, as found before anything changes.
struct AttentionChain {
  MatmulOp values; ///< probabilities x value
  SoftmaxOp softmax;
  SmallVector<Operation *> score; ///< scale, mask, add and modify_scores from the scores to the softmax, first to last
  MatmulOp scores;                ///< query x key^T
  ScaleOp queryScale;             ///< A scale of the query alone; may be null.
};

/// Where a capture's element is for a score: for each of its dimensions the score's dimension, or -1 for index 0.
struct Capture {
  Value tensor;
  SmallVector<int64_t> dims;
};

/// Aligns a type that broadcasts to the scores' at their last dimension, as NumPy does.
SmallVector<int64_t> alignDims(RankedTensorType type, RankedTensorType scores) {
  int64_t lead = scores.getRank() - type.getRank();
  SmallVector<int64_t> dims;
  for (int64_t dim = 0; dim < type.getRank(); ++dim)
    dims.push_back(type.getDimSize(dim) == 1 ? -1 : lead + dim);
  return dims;
}

/// Looks through a reshape that only adds or drops extents of 1: an index says the same without the copy.
Capture captureOf(Value tensor, ArrayRef<int64_t> dims) {
  Capture capture{tensor, SmallVector<int64_t>(dims)};
  auto reshape = tensor.getDefiningOp<ReshapeOp>();
  if (!reshape)
    return capture;
  auto isUnit = [](int64_t extent) { return extent == 1; };
  SmallVector<int64_t> before(tensorType(reshape.getInput()).getShape()), after(tensorType(tensor).getShape());
  llvm::erase_if(before, isUnit);
  llvm::erase_if(after, isUnit);
  if (before != after)
    return capture;
  SmallVector<int64_t> used(dims), sourceDims;
  llvm::erase_if(used, [](int64_t dim) { return dim < 0; });
  auto next = used.begin();
  for (int64_t extent : tensorType(reshape.getInput()).getShape())
    sourceDims.push_back(extent == 1 ? -1 : *next++);
  return {reshape.getInput(), sourceDims};
}

/// The other operand of an add or a mask, which becomes a capture; null for other steps.
Value otherOperand(Operation *step) { return isa<AddOp, MaskOp>(step) ? step->getOperand(1) : Value(); }

/// May this op, between scores and softmax, be an op of the region?
LogicalResult checkStep(Operation *step, bool masked, const Refusals &refuse) {
  if (!isa<ScaleOp, AddOp, MaskOp, ModifyScoresOp>(step))
    return refuse(step, "'" + step->getName().getStringRef() +
                            "' between the scores and their softmax is not a score function");
  if (auto mask = dyn_cast<MaskOp>(step); mask && !mask.fillsWithMinusInfinity())
    return refuse(step, "a mask that fills with another value than -inf blocks no key");
  if (auto scale = dyn_cast<ScaleOp>(step); scale && masked && !(scale.getFactor().convertToFloat() > 0))
    return refuse(step, "a factor that is not positive after a mask turns -inf into another value");
  if (isa<ModifyScoresOp>(step) && masked)
    return refuse(step, "a score function after a mask may turn -inf into another value");
  if (step->getResult(0).getType() != step->getOperand(0).getType())
    return refuse(step, "a mask or bias broadcasts the scores");
  return success();
}

/// Walks from the softmax back to the matmul of query and key.
LogicalResult collectScore(AttentionChain &chain, const Refusals &refuse) {
  Value value = chain.softmax.getInput();
  while (true) {
    Operation *producer = value.getDefiningOp();
    if (!producer)
      return refuse(chain.softmax, "its scores are an input of the model");
    if (!value.hasOneUse())
      return refuse(producer, "the scores have several users");
    if ((chain.scores = dyn_cast<MatmulOp>(producer)))
      break;
    if (!isa<ScaleOp, AddOp, MaskOp, ModifyScoresOp>(producer))
      return checkStep(producer, false, refuse);
    chain.score.insert(chain.score.begin(), producer);
    value = producer->getOperand(0);
  }
  bool masked = false;
  for (Operation *step : chain.score) {
    if (failed(checkStep(step, masked, refuse)))
      return failure();
    masked |= isa<MaskOp, ModifyScoresOp>(step);
  }
  return success();
}

LogicalResult checkShapes(AttentionChain &chain, const Refusals &refuse) {
  RankedTensorType scores = chain.scores.getType(), value = tensorType(chain.values.getRhs());
  if (!chain.scores.getTransposeRhs())
    return refuse(chain.scores, "the scores are no product of queries and keys: rhs is not transposed");
  int64_t rank = scores.getRank();
  if (rank != 3 && rank != 4)
    return refuse(chain.scores, "the scores have rank " + Twine(rank) + ", not [batch,] heads, queries, keys");
  if (value.getRank() != rank || tensorType(chain.scores.getRhs()).getRank() != rank)
    return refuse(chain.scores, "key or value has no head dimension of its own");
  if (scores.isDynamicDim(rank - 3) || scores.isDynamicDim(rank - 2) || scores.isDynamicDim(rank - 1))
    return refuse(chain.scores, "the run-time batch is not the batch dimension of the scores");
  return success();
}

/// The attention that ends in this matmul. Matmuls that no softmax feeds fail without a word.
FailureOr<AttentionChain> findChain(MatmulOp values, const Refusals &refuse) {
  AttentionChain chain;
  chain.values = values;
  chain.softmax = values.getLhs().getDefiningOp<SoftmaxOp>();
  if (!chain.softmax)
    return failure();
  if (values.getTransposeRhs())
    return refuse(values, "value is transposed");
  if (int64_t(chain.softmax.getAxis()) != chain.softmax.getType().getRank() - 1)
    return refuse(chain.softmax, "softmax runs along axis " + Twine(chain.softmax.getAxis()) + ", not over the keys");
  if (!chain.softmax.getResult().hasOneUse())
    return refuse(chain.softmax, "the probabilities have another user");
  if (failed(collectScore(chain, refuse)) || failed(checkShapes(chain, refuse)))
    return failure();
  auto queryScale = chain.scores.getLhs().getDefiningOp<ScaleOp>();
  if (queryScale && queryScale.getResult().hasOneUse())
    chain.queryScale = queryScale;
  return chain;
}

/// Writes the region: arguments dot, batch, head, query, key and captures.
class ScoreWriter {
public:
  ScoreWriter(OpBuilder &builder, AttentionOp op, int64_t rank) : builder(builder), block(&op.getScore().front()) {
    for (int64_t dim = 0; dim < rank; ++dim)
      indices.push_back(block->getArgument(5 - rank + dim));
    score = block->getArgument(0);
  }

  void scale(Location loc, FloatAttr factor) {
    score = arith::MulFOp::create(builder, loc, score, arith::ConstantOp::create(builder, loc, factor));
  }

  void add(Location loc, Value captured, ArrayRef<int64_t> dims) {
    score = arith::AddFOp::create(builder, loc, score, element(loc, captured, dims));
  }

  void mask(Location loc, Value captured, ArrayRef<int64_t> dims) {
    Value yes = arith::ConstantOp::create(builder, loc, builder.getBoolAttr(true));
    restrict(loc, arith::XOrIOp::create(builder, loc, element(loc, captured, dims), yes));
  }

  /// Takes over the region of another op, whose captures are `captured` here.
  void modify(ModifyScoresOp op, ArrayRef<Value> captured) {
    Block &region = op.getScore().front();
    IRMapping mapping;
    mapping.map(region.getArgument(0), score);
    for (unsigned i = 1; i < 5; ++i)
      mapping.map(region.getArgument(i), block->getArgument(i));
    mapping.map(region.getArguments().drop_front(5), captured);
    for (Operation &inner : region.without_terminator())
      builder.clone(inner, mapping);
    auto end = cast<ScoreOp>(region.getTerminator());
    score = mapping.lookup(end.getScore());
    restrict(op.getLoc(), mapping.lookup(end.getLive()));
  }

  void finish(Location loc) {
    if (!alive)
      alive = arith::ConstantOp::create(builder, loc, builder.getBoolAttr(true));
    ScoreOp::create(builder, loc, score, alive);
  }

private:
  void restrict(Location loc, Value live) {
    alive = alive ? Value(arith::AndIOp::create(builder, loc, alive, live)) : live;
  }

  Value element(Location loc, Value captured, ArrayRef<int64_t> dims) {
    SmallVector<Value> place;
    for (int64_t dim : dims)
      place.push_back(dim < 0 ? Value(arith::ConstantIndexOp::create(builder, loc, 0)) : indices[dim]);
    return ElementOp::create(builder, loc, tensorType(captured).getElementType(), captured, place);
  }

  OpBuilder &builder;
  Block *block;
  SmallVector<Value> indices; ///< One for each dimension of the scores.
  Value score, alive;
};

void rewrite(AttentionChain &chain, RewriterBase &rewriter) {
  RankedTensorType scores = chain.scores.getType();
  SmallVector<Capture> captures; ///< One for each step of the score that has another operand.
  SmallVector<Value> tensors;    ///< Their tensors, each once.
  auto capture = [&](Value tensor) {
    if (!llvm::is_contained(tensors, tensor))
      tensors.push_back(tensor);
  };
  for (Operation *step : chain.score) {
    if (Value other = otherOperand(step)) {
      captures.push_back(captureOf(other, alignDims(tensorType(other), scores)));
      capture(captures.back().tensor);
    }
    if (auto modify = dyn_cast<ModifyScoresOp>(step))
      llvm::for_each(modify.getCaptures(), capture);
  }

  Value query = chain.queryScale ? chain.queryScale.getInput() : chain.scores.getLhs();
  rewriter.setInsertionPoint(chain.values);
  auto op = AttentionOp::create(rewriter, chain.values.getLoc(), chain.values.getType(), query, chain.scores.getRhs(),
                                chain.values.getRhs(), tensors, chain.softmax.getFullyMasked());
  SmallVector<Type> types{rewriter.getF32Type()};
  types.append(4, rewriter.getIndexType());
  llvm::append_range(types, TypeRange(ValueRange(tensors)));
  Block *block = rewriter.createBlock(&op.getScore(), {}, types, SmallVector<Location>(types.size(), op.getLoc()));

  ScoreWriter writer(rewriter, op, scores.getRank());
  if (chain.queryScale)
    writer.scale(chain.queryScale.getLoc(), chain.queryScale.getFactorAttr());
  auto argumentOf = [&](Value tensor) -> Value {
    return block->getArgument(5 + std::distance(tensors.begin(), llvm::find(tensors, tensor)));
  };
  const Capture *next = captures.begin();
  for (Operation *step : chain.score) {
    if (auto scale = dyn_cast<ScaleOp>(step)) {
      writer.scale(step->getLoc(), scale.getFactorAttr());
    } else if (auto modify = dyn_cast<ModifyScoresOp>(step)) {
      writer.modify(modify, llvm::map_to_vector(modify.getCaptures(), argumentOf));
    } else {
      Value captured = argumentOf(next->tensor);
      if (isa<MaskOp>(step))
        writer.mask(step->getLoc(), captured, next->dims);
      else
        writer.add(step->getLoc(), captured, next->dims);
      ++next;
    }
  }
  writer.finish(op.getLoc());

  rewriter.replaceOp(chain.values, op.getResult());
  rewriter.eraseOp(chain.softmax);
  for (Operation *step : llvm::reverse(chain.score)) {
    Operation *reshape = otherOperand(step) ? otherOperand(step).getDefiningOp<ReshapeOp>() : nullptr;
    rewriter.eraseOp(step);
    if (reshape && reshape->use_empty())
      rewriter.eraseOp(reshape);
  }
  rewriter.eraseOp(chain.scores);
  if (chain.queryScale)
    rewriter.eraseOp(chain.queryScale);
}

struct FuseAttentionPass : impl::FuseAttentionPassBase<FuseAttentionPass> {
  using FuseAttentionPassBase::FuseAttentionPassBase;
  ExplainLog *log = nullptr;

  void runOnOperation() override {
    Refusals refuse{"fuse-attention", log, explain};
    IRRewriter rewriter(&getContext());
    for (func::FuncOp function : modelFunctions(getOperation())) {
      SmallVector<AttentionChain> chains;
      for (auto matmul : function.getOps<MatmulOp>())
        if (FailureOr<AttentionChain> chain = findChain(matmul, refuse); succeeded(chain))
          chains.push_back(*chain);
      for (AttentionChain &chain : chains)
        rewrite(chain, rewriter);
    }
  }
};

} // namespace

std::unique_ptr<Pass> createFuseAttentionPass(ExplainLog *log) {
  auto pass = std::make_unique<FuseAttentionPass>();
  pass->log = log;
  return pass;
}

} // namespace attnc
