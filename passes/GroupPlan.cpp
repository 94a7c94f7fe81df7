// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/GroupPlan.h"
#include "passes/Costs.h"
#include "passes/Schedules.h"

#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/DenseSet.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace attnc::attn;

namespace attnc {

SmallVector<Value> PlannedGroup::results() const {
  SmallVector<Value> values{ops.back()->getResult(0)};
  llvm::append_range(values, anchor->getResults().drop_front());
  return values;
}

bool isInlineConstant(Operation *op) { return isa<ConstantOp>(op) && !isWeight(op->getResult(0)); }

namespace {

// --- Matmul kernels --------------------------------------------------------------------------------------------------

bool isNorm(Operation *op) { return isa<LayerNormOp, RMSNormOp>(op); }

/// A task of whole rows reads all weights: two tasks for 20 rows ran 6 % longer than tasks of panels and a norm of its
/// own, two for 128 rows as long (MiniLM, Zen 4).
constexpr int64_t fewestRowsOfTask = 32;

/// A norm in the epilogue makes a task compute whole rows; that needs rows for every thread.
LogicalResult checkNorm(Operation *norm, const GroupOptions &options, const Refusals &refuse) {
  auto type = cast<RankedTensorType>(norm->getResult(0).getType());
  int64_t rows = rowsAt(type, options.batch), columns = type.getShape().back();
  if (rows < fewestRowsOfTask * options.threads)
    return refuse(norm, Twine(rows) + " rows are too few for tasks of whole rows, which each read all weights");
  int64_t blockBytes = smallestFullTile * columns * 4;
  if (blockBytes > options.l2Bytes / 2)
    return refuse(norm,
                  Twine(columns) + " columns: a row block of " + Twine(blockBytes) + " bytes does not stay in L2");
  for (Value operand : norm->getOperands().drop_front())
    if (!isWeight(operand))
      return refuse(norm, "its scale or bias is computed");
  return success();
}

LogicalResult checkAdd(AddOp add, Value value, MatmulOp matmul, const Refusals &refuse) {
  Value other = add.getLhs() == value ? add.getRhs() : add.getLhs();
  if (isVectorWeight(other, tensorType(value).getShape().back()))
    return success();
  if (add.getType() != value.getType() || other.getType() != value.getType())
    return refuse(add, "adds a tensor of another shape, which would broadcast");
  if (other == matmul.getRhs())
    return refuse(add, "adds the matmul's own weight, which is packed for the matmul");
  return success();
}

/// One bit for each row of `value`.
bool isRowMask(MaskOp mask, Value value) {
  ArrayRef<int64_t> rows = tensorType(mask.getBlocked()).getShape(), shape = tensorType(value).getShape();
  return mask.getInput() == value && rows.size() == shape.size() && rows.back() == 1 &&
         rows.drop_back() == shape.drop_back();
}

/// May the only user of `value` follow `matmul` in its kernel? Ops that are no epilogue at all fail without a word.
LogicalResult checkEpilogue(Operation *user, Value value, MatmulOp matmul, const GroupOptions &options,
                            const Refusals &refuse) {
  if (isa<ScaleOp, ActivationOp>(user))
    return success();
  if (isNorm(user))
    return success(user->getOperand(0) == value && succeeded(checkNorm(user, options, refuse)));
  if (auto add = dyn_cast<AddOp>(user))
    return checkAdd(add, value, matmul, refuse);
  if (auto mask = dyn_cast<MaskOp>(user))
    return success(isRowMask(mask, value));
  return failure();
}

// --- Row-wise kernels ------------------------------------------------------------------------------------------------

/// How an op takes part in a row-wise kernel.
enum class RowRole {
  Alone,       ///< has a kernel of its own
  Elementwise, ///< an element of the result needs one of each operand
  Row,         ///< a row of the result needs a row of the operand
  Copy,        ///< an element of the result is an element of an operand
  Pair,        ///< an element of the result needs two of its row
  Gather,      ///< rows of a table
  Pool         ///< a row of the result needs many
};

RowRole roleOf(Operation *op) {
  return TypeSwitch<Operation *, RowRole>(op)
      .Case<AddOp, SubOp, MulOp, DivOp, ScaleOp, ActivationOp, IsZeroOp, PaddingMaskOp, MaskOp, ModifyScoresOp,
            ScoreWeightsOp>([](Operation *) { return RowRole::Elementwise; })
      .Case([](SoftmaxOp softmax) {
        return int64_t(softmax.getAxis()) == softmax.getType().getRank() - 1 ? RowRole::Row : RowRole::Alone;
      })
      .Case<LayerNormOp, RMSNormOp, L2NormOp>([](Operation *) { return RowRole::Row; })
      .Case<ReshapeOp, TransposeOp, SliceOp, ConcatOp, SplitHeadsOp, MergeHeadsOp, BroadcastOp, PackRowsOp,
            UnpackRowsOp>([](Operation *) { return RowRole::Copy; })
      .Case([](RotaryOp) { return RowRole::Pair; })
      .Case([](EmbeddingOp) { return RowRole::Gather; })
      .Case<PoolOp, MeanOp, LogSumExpOp>([](Operation *) { return RowRole::Pool; })
      .Default([](Operation *) { return RowRole::Alone; });
}

/// A mask made of an index and a comparison.
bool isCheapMask(Operation *op) { return isa<IsZeroOp, PaddingMaskOp>(op); }

/// May `producer`, whose only user is `consumer`, be computed inside the consumer's kernel, element by element or row
/// by row, without computing anything twice that costs more than an index or a comparison?
bool mayChain(Operation *producer, Operation *consumer) {
  RowRole from = roleOf(producer), to = roleOf(consumer);
  bool sameShape = cast<RankedTensorType>(producer->getResult(0).getType()).getShape() ==
                   cast<RankedTensorType>(consumer->getResult(0).getType()).getShape();
  switch (to) {
  case RowRole::Alone:
    return false;
  case RowRole::Gather: // Whatever else makes indices may be out of sight of their range.
    return isa<PackRowsOp>(producer);
  case RowRole::Copy:
    return from == RowRole::Copy || isCheapMask(producer);
  case RowRole::Pair: // Anything else would be computed twice.
    return from == RowRole::Copy;
  case RowRole::Pool:
    return isCheapMask(producer);
  case RowRole::Elementwise:
    return from == RowRole::Copy || isCheapMask(producer) || (from != RowRole::Alone && sameShape);
  case RowRole::Row:
    return from != RowRole::Alone && sameShape;
  }
  return false;
}

// --- The plan --------------------------------------------------------------------------------------------------------

class Planner {
public:
  Planner(Block &block, const GroupOptions &options, const Refusals &refuse)
      : block(block), options(options), refuse(refuse) {}

  GroupPlan run() {
    for (auto matmul : block.getOps<MatmulOp>())
      if (hasWeightRhs(matmul) && !isWeight(matmul.getLhs()))
        planMatmul(matmul);
    for (auto attention : block.getOps<AttentionOp>())
      planAttention(attention);
    for (auto tokens : block.getOps<TokenRowsOp>())
      plan.groups.push_back({KernelKind::token_rows, tokens, {tokens}});
    for (auto append : block.getOps<AppendOp>())
      planAppend(append);
    planRowwise();
    auto isEarlier = [](Operation *a, Operation *b) { return a->isBeforeInBlock(b); };
    for (PlannedGroup &group : plan.groups)
      llvm::sort(group.ops, isEarlier);
    llvm::sort(plan.groups,
               [&](const PlannedGroup &a, const PlannedGroup &b) { return isEarlier(a.ops.back(), b.ops.back()); });
    planCopies();
    return std::move(plan);
  }

private:
  void planMatmul(MatmulOp matmul) {
    PlannedGroup group{KernelKind::matmul, matmul, {matmul}};
    taken.insert(matmul);
    Value value = matmul.getResult();
    bool normed = false; // After the norm only a mask of whole rows follows.
    while (options.epilogue) {
      Operation *user = onlyUser(value);
      if (!user || taken.contains(user) || failed(checkEpilogue(user, value, matmul, options, refuse)))
        break;
      if (auto mask = dyn_cast<MaskOp>(user))
        absorbMask(mask.getBlocked(), group);
      else if (normed)
        break;
      group.ops.push_back(user);
      taken.insert(user);
      value = user->getResult(0);
      normed |= isNorm(user);
    }
    plan.groups.push_back(group);
  }

  void planAttention(AttentionOp attention) {
    PlannedGroup group{KernelKind::attention, attention, {attention}};
    taken.insert(attention);
    if (options.epilogue) {
      for (Value operand : {attention.getQuery(), attention.getKey(), attention.getValue()})
        absorbIndexMaps(operand, group);
      for (Value capture : attention.getCaptures())
        if (auto isZero = capture.getDefiningOp<IsZeroOp>(); isZero && capture.hasOneUse())
          group.ops.push_back(isZero);
      auto merge = dyn_cast_if_present<MergeHeadsOp>(onlyUser(attention->getResult(0)));
      if (merge && mayMerge(attention, merge)) {
        group.ops.push_back(merge);
        taken.insert(merge);
        auto pack = dyn_cast_if_present<PackRowsOp>(onlyUser(merge.getResult()));
        // A query of padding may be the one without a key that fails the run; further results have it as well.
        if (pack && attention.getFullyMasked() != FullyMasked::error && attention.getFurther().empty()) {
          group.ops.push_back(pack);
          taken.insert(pack);
        }
      }
    }
    plan.groups.push_back(group);
  }

  void planAppend(AppendOp append) {
    PlannedGroup group{KernelKind::append, append, {append}};
    taken.insert(append);
    if (options.epilogue)
      for (Value rows : append.getRows())
        absorbIndexMaps(rows, group);
    plan.groups.push_back(group);
  }

  /// What a mask of rows is made of: no more than an index and a comparison.
  static void absorbMask(Value blocked, PlannedGroup &group) {
    Operation *op = blocked.getDefiningOp();
    while (op && (isa<ReshapeOp>(op) || isCheapMask(op)) && !llvm::is_contained(group.ops, op)) {
      group.ops.push_back(op);
      op = op->getOperand(0).getDefiningOp();
    }
  }

  /// A kernel with further results counts the heads of all batch elements in one loop, so a merged result is beyond it
  /// unless there is but one head.
  static bool mayMerge(AttentionOp attention, MergeHeadsOp merge) {
    ValueRange further = attention.getFurther();
    int64_t heads = merge.getInput().getType().getShape().take_back(3).front();
    return further.empty() || (heads == 1 && !anyUserBefore(further, merge));
  }

  /// A kernel stands where its last op is, behind which all users of its results have to be.
  static bool anyUserBefore(ValueRange values, Operation *op) {
    return llvm::any_of(values, [&](Value value) {
      return llvm::any_of(value.getUsers(), [&](Operation *user) { return user->isBeforeInBlock(op); });
    });
  }

  /// split_heads of a slice of the projections, whose rows may be packed, or slots of a cache: the kernel reads all
  /// that in place.
  static void absorbIndexMaps(Value operand, PlannedGroup &group) {
    auto absorb = [&](Operation *op) {
      if (!llvm::is_contained(group.ops, op))
        group.ops.push_back(op);
    };
    if (auto slots = operand.getDefiningOp<SliceOp>(); slots && slots.getInput().getDefiningOp<AppendOp>())
      absorb(slots);
    auto split = operand.getDefiningOp<SplitHeadsOp>();
    if (!split)
      return;
    absorb(split);
    Value rows = split.getInput();
    if (auto unpack = rows.getDefiningOp<UnpackRowsOp>()) {
      absorb(unpack);
      rows = unpack.getInput();
    }
    auto slice = rows.getDefiningOp<SliceOp>();
    if (slice && int64_t(slice.getAxis()) == slice.getType().getRank() - 1 && !isWeight(slice.getResult()))
      absorb(slice);
  }

  static bool inGroup(const PlannedGroup &group, Operation *op) { return llvm::is_contained(group.ops, op); }

  /// A kernel planned so far has `consumer`, and reads `producer`'s result from memory.
  bool isReadByKernel(Operation *producer, Operation *consumer) const {
    return llvm::any_of(
        plan.groups, [&](const PlannedGroup &group) { return inGroup(group, consumer) && !inGroup(group, producer); });
  }

  /// Every use of the op is inside kernels that have the op themselves.
  bool isAbsorbed(Operation *op, const DenseSet<Operation *> &leftover) const {
    if (llvm::none_of(plan.groups, [&](const PlannedGroup &group) { return inGroup(group, op); }))
      return false;
    return llvm::all_of(op->getUsers(), [&](Operation *user) {
      return !user->hasTrait<OpTrait::IsTerminator>() && !leftover.contains(user) && !isReadByKernel(op, user);
    });
  }

  bool staysOutside(Operation *op) const {
    return op->hasTrait<OpTrait::IsTerminator>() || op->getNumResults() != 1 || isWeight(op->getResult(0)) ||
           isInlineConstant(op);
  }

  void planRowwise() {
    DenseSet<Operation *> leftover;
    for (Operation &op : llvm::reverse(block))
      if (!staysOutside(&op) && !taken.contains(&op) && !isAbsorbed(&op, leftover))
        leftover.insert(&op);
    SmallVector<PlannedGroup> groups;
    DenseMap<Operation *, size_t> groupOf;
    for (Operation &op : block) {
      if (!leftover.contains(&op))
        continue;
      PlannedGroup group{KernelKind::rowwise, &op, {}};
      for (Value operand : op.getOperands()) {
        Operation *producer = operand.getDefiningOp();
        if (!producer || !leftover.contains(producer) || onlyUser(operand) != &op || !mayChain(producer, &op) ||
            isReadByKernel(producer, &op)) // By an attention that has a copy of `op`.
          continue;
        PlannedGroup &source = groups[groupOf[producer]];
        group.anchor = source.anchor->isBeforeInBlock(group.anchor) ? source.anchor : group.anchor;
        llvm::append_range(group.ops, source.ops);
        source.ops.clear();
      }
      group.ops.push_back(&op);
      for (Operation *member : group.ops)
        groupOf[member] = groups.size();
      groups.push_back(group);
    }
    llvm::copy_if(groups, std::back_inserter(plan.groups),
                  [](const PlannedGroup &group) { return !group.ops.empty(); });
  }

  void planCopies() {
    DenseSet<Value> written;
    for (const PlannedGroup &group : plan.groups)
      written.insert_range(group.results());
    for (OpOperand &operand : block.getTerminator()->getOpOperands())
      if (!written.erase(operand.get()))
        plan.copies.push_back(operand.getOperandNumber());
  }

  Block &block;
  const GroupOptions &options;
  const Refusals &refuse;
  GroupPlan plan;
  DenseSet<Operation *> taken; ///< Ops that are in exactly one kernel already.
};

} // namespace

GroupPlan planGroups(Block &block, const GroupOptions &options, const Refusals &refuse) {
  return Planner(block, options, refuse).run();
}

} // namespace attnc
