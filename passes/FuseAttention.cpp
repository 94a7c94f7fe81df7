// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Makes attn.attention of softmax(score(query key^T)) value, of additive scores in the place of the product, and of
// score_weights in the place of the softmax.
//
// Needs: CanonicalizeGraph's form: the scores stand left in an add, a transposed key is matmul's transpose_rhs.
// Ensures: each such chain of rank 3 or 4, whose softmax runs over the keys, is one attn.attention; scale, mask, add
// and modify_scores on the way are ops of its score region, and their tensors its captures, indexed by batch, head,
// query and key. Weights that somebody else reads, and the log-sum-exp of the scores, are further results. Why here:
// before FuseEpilogue, which groups what is left op by op. Leaves alone: scores with another user (somebody wants them
// in memory, and computing them twice costs a matmul), and score functions made of any other op.

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
  MatmulOp values;                ///< weights x value
  Operation *normalizer;          ///< softmax or score_weights
  LogSumExpOp logSumExp;          ///< Of the scores that the softmax reads; may be null.
  SmallVector<Operation *> score; ///< scale, mask, add and modify_scores up to the normalizer, first to last
  Operation *scores;              ///< The matmul query x key^T, or additive_score.
  ScaleOp queryScale;             ///< A scale of the query alone; may be null.
  Operation *place;               ///< The attention goes before it.

  RankedTensorType scoresType() const { return tensorType(scores->getResult(0)); }
  Value weights() const { return normalizer->getResult(0); }
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
                            "' between the scores and their normalizer is not a score function");
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

/// Takes in a log-sum-exp beside the softmax; true where nobody else reads the scores.
bool onlyNormalizerReads(Value scores, AttentionChain &chain) {
  for (Operation *user : scores.getUsers()) {
    auto logSumExp = dyn_cast<LogSumExpOp>(user);
    if (logSumExp && !chain.logSumExp && isa<SoftmaxOp>(chain.normalizer))
      chain.logSumExp = logSumExp;
    else if (user != chain.normalizer)
      return false;
  }
  return true;
}

/// Walks from the normalizer back to the first scores.
LogicalResult collectScore(AttentionChain &chain, const Refusals &refuse) {
  Value value = chain.normalizer->getOperand(0);
  bool isLast = true;
  while (true) {
    Operation *producer = value.getDefiningOp();
    if (!producer)
      return refuse(chain.normalizer, "its scores are an input of the model");
    if (isLast ? !onlyNormalizerReads(value, chain) : !value.hasOneUse())
      return refuse(producer, "the scores have several users");
    isLast = false;
    chain.scores = producer;
    if (isa<MatmulOp, AdditiveScoreOp>(producer))
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
  RankedTensorType scores = chain.scoresType(), value = tensorType(chain.values.getRhs());
  auto product = dyn_cast<MatmulOp>(chain.scores);
  if (product && !product.getTransposeRhs())
    return refuse(chain.scores, "the scores are no product of queries and keys: rhs is not transposed");
  int64_t rank = scores.getRank();
  if (rank != 3 && rank != 4)
    return refuse(chain.scores, "the scores have rank " + Twine(rank) + ", not [batch,] heads, queries, keys");
  if (value.getRank() != rank || tensorType(chain.scores->getOperand(1)).getRank() != rank)
    return refuse(chain.scores, "key or value has no head dimension of its own");
  if (scores.isDynamicDim(rank - 3) || scores.isDynamicDim(rank - 2) || scores.isDynamicDim(rank - 1))
    return refuse(chain.scores, "the run-time batch is not the batch dimension of the scores");
  return success();
}

/// Finds where the attention goes: after its operands, before all that reads its results.
LogicalResult findPlace(AttentionChain &chain, const Refusals &refuse) {
  chain.place = chain.values;
  SmallVector<Operation *> users(chain.weights().getUsers());
  if (chain.logSumExp)
    llvm::append_range(users, chain.logSumExp->getUsers());
  for (Operation *user : users)
    if (user->isBeforeInBlock(chain.place))
      chain.place = user;
  // The other operands are before the scores.
  Operation *value = chain.values.getRhs().getDefiningOp();
  if (value && (value == chain.normalizer || !value->isBeforeInBlock(chain.place)))
    return refuse(chain.values, "the weights or the log-sum-exp are read before the value is known");
  return success();
}

/// The attention that ends in this matmul. Matmuls that no weights of scores feed fail without a word.
FailureOr<AttentionChain> findChain(MatmulOp values, const Refusals &refuse) {
  AttentionChain chain{};
  chain.values = values;
  chain.normalizer = values.getLhs().getDefiningOp();
  if (auto other = dyn_cast_if_present<AttentionOp>(chain.normalizer); other && values.getLhs() == other.getWeights())
    return refuse(values, "another attention computes its weights");
  if (!isa_and_present<SoftmaxOp, ScoreWeightsOp>(chain.normalizer))
    return failure();
  if (values.getTransposeRhs())
    return refuse(values, "value is transposed");
  auto softmax = dyn_cast<SoftmaxOp>(chain.normalizer);
  if (softmax && int64_t(softmax.getAxis()) != softmax.getType().getRank() - 1)
    return refuse(softmax, "softmax runs along axis " + Twine(softmax.getAxis()) + ", not over the keys");
  if (failed(collectScore(chain, refuse)) || failed(checkShapes(chain, refuse)) || failed(findPlace(chain, refuse)))
    return failure();
  auto queryScale = chain.scores->getOperand(0).getDefiningOp<ScaleOp>();
  if (queryScale && queryScale.getResult().hasOneUse() && isa<MatmulOp>(chain.scores))
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

/// The op with its region still empty.
AttentionOp createAttention(AttentionChain &chain, ValueRange captures, RewriterBase &rewriter) {
  Operation *scores = chain.scores;
  auto additive = dyn_cast<AdditiveScoreOp>(scores);
  auto softmax = dyn_cast<SoftmaxOp>(chain.normalizer);
  auto weights = dyn_cast<ScoreWeightsOp>(chain.normalizer);
  return AttentionOp::create(
      rewriter, chain.values.getLoc(), chain.queryScale ? chain.queryScale.getInput() : scores->getOperand(0),
      scores->getOperand(1), chain.values.getRhs(), additive ? additive.getWeight() : Value(), captures,
      softmax ? softmax.getFullyMasked() : FullyMasked::zero, weights ? weights.getKind() : Normalizer::softmax,
      weights ? weights.getFactor() : APFloat(1.0f),
      /*returns_weights=*/!chain.weights().hasOneUse(),
      /*returns_log_sum_exp=*/bool(chain.logSumExp), /*live_keys=*/nullptr);
}

void eraseChain(AttentionChain &chain, RewriterBase &rewriter) {
  if (chain.logSumExp)
    rewriter.eraseOp(chain.logSumExp);
  rewriter.eraseOp(chain.normalizer);
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

void rewrite(AttentionChain &chain, RewriterBase &rewriter) {
  RankedTensorType scores = chain.scoresType();
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

  rewriter.setInsertionPoint(chain.place);
  AttentionOp op = createAttention(chain, tensors, rewriter);
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
  if (Value weights = op.getWeights())
    rewriter.replaceAllUsesWith(chain.weights(), weights);
  if (Value logSumExp = op.getLogSumExp())
    rewriter.replaceAllUsesWith(chain.logSumExp.getResult(), logSumExp);
  eraseChain(chain, rewriter);
}

struct FuseAttentionPass : impl::FuseAttentionPassBase<FuseAttentionPass> {
  using FuseAttentionPassBase::FuseAttentionPassBase;
  ExplainLog *log = nullptr;

  void runOnOperation() override {
    Refusals refuse{"fuse-attention", log, explain};
    IRRewriter rewriter(&getContext());
    for (func::FuncOp function : modelFunctions(getOperation())) {
      // One by one: where an attention goes depends on those before it. A rewrite erases no matmul after its own.
      for (MatmulOp matmul : llvm::to_vector(function.getOps<MatmulOp>()))
        if (FailureOr<AttentionChain> chain = findChain(matmul, refuse); succeeded(chain))
          rewrite(*chain, rewriter);
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
