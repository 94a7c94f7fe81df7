// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Leaves padding out: what only true tokens are read of is computed for true tokens alone.
//
// Needs: FuseAttention has run: an attention is one op, whose region says by which lengths keys are blocked.
// Ensures: for each pair of lengths and sequence extent, a value [batch, size, ...] whose rows from the lengths on
// nobody reads, and which is computed row by row, has packed rows (#attn.packed_rows). One attn.token_rows says where
// they are; attn.pack_rows stands where such rows come from elsewhere (an argument, an attention, a table that repeats
// for each sequence), attn.unpack_rows where all rows are asked for, in the place of a mask that zeroes padding too.
// Why here: before FuseEpilogue, whose kernels take packing into their indices; after MergeProjections and
// FuseAttention, which look for ops by their neighbours. Leaves alone: lengths by which no matmul would get smaller,
// padding that only a mask of bits tells of (its tokens need not be the first ones), and values whose rows of padding
// somebody reads; `explain` says who.

#include "passes/Graph.h"
#include "passes/Passes.h"
#include "passes/ScoreConditions.h"

#include "mlir/IR/PatternMatch.h"
#include "llvm/ADT/SetVector.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace attnc::attn;

namespace attnc {
#define GEN_PASS_DEF_PACKROWSPASS
#include "passes/Passes.h.inc"

namespace {

/// Sequences of `size` rows, of which the first lengths[b] are true tokens.
struct Sequences {
  Value lengths;
  int64_t size;
  bool operator==(const Sequences &other) const { return lengths == other.lengths && size == other.size; }

  int64_t batch() const { return tensorType(lengths).getDimSize(0); }

  /// [batch, size] or [batch, size, width]; what has four dimensions is heads.
  bool areRowsOf(Value value) const {
    auto type = dyn_cast<RankedTensorType>(value.getType());
    return type && hasAllRows(type) && (type.getRank() == 2 || type.getRank() == 3) && type.getDimSize(0) == batch() &&
           type.getDimSize(1) == size;
  }

  /// [batch, heads, size, head_dim]
  bool areHeadsOf(Value value) const {
    auto type = dyn_cast<RankedTensorType>(value.getType());
    return type && type.getRank() == 4 && type.getDimSize(0) == batch() && type.getDimSize(2) == size;
  }

  /// The mask of these sequences' padding, [batch, size] or, for `rank` 3, [batch, size, 1].
  bool isPaddingOf(Value mask, int64_t rank) const {
    if (!mask || !areRowsOf(mask) || tensorType(mask).getRank() != rank)
      return false;
    auto reshape = mask.getDefiningOp<ReshapeOp>();
    auto padding = (reshape ? reshape.getInput() : mask).getDefiningOp<PaddingMaskOp>();
    return padding && padding.getLengths() == lengths && int64_t(padding.getSize()) == size;
  }

  /// Whether the mask op sets all rows of padding, and no other, to one value.
  bool arePaddingOf(MaskOp mask) const { return isPaddingOf(mask.getBlocked(), tensorType(mask.getInput()).getRank()); }

  /// Whether the attention blocks the keys from these lengths on.
  bool blockKeysOf(AttentionOp attention) const {
    auto keys = liveConditions(attention.getScore().front()).lengths;
    return keys && keys->offset == 0 && attention.getCaptures()[keys->capture] == lengths &&
           areHeadsOf(attention.getKey());
  }
};

/// Each pair of lengths and size that an attention or a mask of padding has, in their order.
SmallVector<Sequences> collectSequences(Block &block) {
  SmallVector<Sequences> all;
  auto add = [&](Sequences sequences) {
    if (!llvm::is_contained(all, sequences))
      all.push_back(sequences);
  };
  for (Operation &op : block) {
    if (auto padding = dyn_cast<PaddingMaskOp>(op))
      add({padding.getLengths(), int64_t(padding.getSize())});
    auto attention = dyn_cast<AttentionOp>(op);
    auto keys = attention ? liveConditions(attention.getScore().front()).lengths : std::nullopt;
    if (!keys || keys->offset != 0 || tensorType(attention.getKey()).getRank() != 4)
      continue;
    if (Value lengths = attention.getCaptures()[keys->capture]; tensorType(lengths).getElementType().isInteger(32))
      add({lengths, tensorType(attention.getKey()).getDimSize(2)});
  }
  return all;
}

/// An operand that each row of the result needs a row of, but for what is the same for all rows (weights).
bool isRowOperand(OpOperand &operand) {
  Operation *op = operand.getOwner();
  if (isa<AddOp, SubOp, MulOp, DivOp>(op)) {
    int64_t behindRows = tensorType(op->getResult(0)).getRank() - 2;
    RankedTensorType type = tensorType(operand.get());
    return type.getRank() > behindRows &&
           llvm::any_of(type.getShape().drop_back(behindRows), [](int64_t extent) { return extent != 1; });
  }
  if (auto embedding = dyn_cast<EmbeddingOp>(op))
    return operand.get() == embedding.getIndices();
  return operand.getOperandNumber() == 0;
}

/// Whether the operands of an element by element op are rows of the result's shape, or none of the sequences'.
bool haveOneShape(Operation *op, const Sequences &sequences) {
  return llvm::all_of(op->getOperands(), [&](Value operand) {
    return operand.getType() == op->getResult(0).getType() || !sequences.areRowsOf(operand);
  });
}

/// Ops that compute row (b, s) of their result from row (b, s) of their row operands.
bool isRowByRow(Operation *op, const Sequences &sequences) {
  if (op->getNumResults() != 1 || !sequences.areRowsOf(op->getResult(0)) || isWeight(op->getResult(0)))
    return false;
  int64_t rank = tensorType(op->getResult(0)).getRank();
  return TypeSwitch<Operation *, bool>(op)
      .Case<AddOp, SubOp, MulOp, DivOp>([&](Operation *binary) { return haveOneShape(binary, sequences); })
      .Case<ScaleOp, ActivationOp, EmbeddingOp>([](Operation *) { return true; })
      .Case<LayerNormOp, RMSNormOp, L2NormOp>([&](Operation *) { return rank >= 3; })
      .Case([&](MatmulOp matmul) { return rank >= 3 && tensorType(matmul.getRhs()).getRank() == 2; })
      .Case([&](SliceOp slice) { return int64_t(slice.getAxis()) >= 2; })
      .Default([](Operation *) { return false; });
}

/// Which values have rows of padding that nobody reads; of the others, who reads them.
class PaddingReaders {
public:
  PaddingReaders(Block &block, const Sequences &sequences) : sequences(sequences) {
    for (Operation &op : llvm::reverse(block))
      for (Value result : op.getResults())
        if (sequences.areRowsOf(result) || sequences.areHeadsOf(result))
          add(result);
  }

  /// Empty where nobody reads them.
  StringRef readerOf(Value value) const {
    auto found = readers.find(value);
    return found == readers.end() ? StringRef("its rows are not those of the sequences") : StringRef(found->second);
  }
  bool isUnread(Value value) const { return readerOf(value).empty(); }

private:
  void add(Value value) {
    std::string &reader = readers[value];
    for (OpOperand &use : value.getUses())
      if (reader.empty())
        reader = readerAt(use);
  }

  std::string readerAt(OpOperand &use) {
    Operation *user = use.getOwner();
    auto nameOf = [&] { return "'" + user->getName().getStringRef().str() + "'"; };
    if (isRowByRow(user, sequences) && isRowOperand(use))
      return readerOf(user->getResult(0)).str();
    return TypeSwitch<Operation *, std::string>(user)
        .Case([&](MaskOp mask) { return sequences.arePaddingOf(mask) ? "" : nameOf() + " keeps them"; })
        .Case([&](PoolOp pool) { return ofPool(pool); })
        .Case<SplitHeadsOp, MergeHeadsOp>([&](Operation *op) { return readerOf(op->getResult(0)).str(); })
        .Case<RotaryOp, ScaleOp, RMSNormOp, LayerNormOp, L2NormOp>([&](Operation *op) {
          return sequences.areHeadsOf(use.get()) ? readerOf(op->getResult(0)).str() : nameOf() + " reads them";
        })
        .Case([&](AttentionOp attention) { return ofAttention(attention, use.getOperandNumber()); })
        .Case([](func::ReturnOp) { return "the model returns them"; })
        .Default([&](Operation *) { return nameOf() + " reads them"; });
  }

  std::string ofPool(PoolOp pool) const {
    if (pool.getKind() == PoolKind::cls)
      return "cls pooling reads the first row, which an empty sequence does not have";
    return sequences.isPaddingOf(pool.getBlocked(), 2) ? "" : "pooling does not leave them out";
  }

  std::string ofAttention(AttentionOp attention, unsigned operand) const {
    if (operand == 0 && !attention.getFurther().empty())
      return "an attention returns the weights of every query";
    if (operand == 0 && attention.getFullyMasked() == FullyMasked::error)
      return "an attention fails where any query has no key";
    if (operand == 0)
      return readerOf(attention->getResult(0)).str();
    if (operand <= 2)
      return sequences.blockKeysOf(attention) ? "" : "an attention reads keys beyond the lengths";
    return "a score reads them";
  }

  const Sequences &sequences;
  DenseMap<Value, std::string> readers;
};

/// The ops whose results get packed rows, in the order of the block; none where no matmul is among them.
SmallVector<Operation *> decide(Block &block, const Sequences &sequences, const Refusals &refuse) {
  PaddingReaders readers(block, sequences);
  SmallVector<Operation *> chosen;
  for (Operation &op : block)
    if (isRowByRow(&op, sequences) && readers.isUnread(op.getResult(0)))
      chosen.push_back(&op);
  if (llvm::any_of(chosen, llvm::IsaPred<MatmulOp>))
    return chosen;
  for (auto attention : block.getOps<AttentionOp>())
    if (sequences.blockKeysOf(attention)) {
      StringRef reader = readers.readerOf(attention->getResult(0));
      (void)refuse(attention, "rows stay padded: " + (reader.empty() ? "no matmul would get smaller" : reader));
      break;
    }
  return {};
}

class Packer {
public:
  Packer(const Sequences &sequences, ArrayRef<Operation *> ops, int64_t number, RewriterBase &rewriter)
      : sequences(sequences), ops(ops.begin(), ops.end()), rewriter(rewriter) {
    rewriter.setInsertionPointAfterValue(sequences.lengths);
    tokens = TokenRowsOp::create(rewriter, ops.front()->getLoc(), sequences.lengths, sequences.size, number);
  }

  void run() {
    for (Operation *op : ops)
      pack(op);
    for (Operation *op : ops)
      unpack(op->getResult(0));
  }

private:
  RankedTensorType packedType(RankedTensorType type) {
    return RankedTensorType::get(type.getShape(), type.getElementType(), tensorType(tokens.getRows()).getEncoding());
  }

  bool isPacked(Operation *op) const { return op && ops.contains(op); }

  void pack(Operation *op) {
    for (OpOperand &operand : op->getOpOperands())
      if (isRowOperand(operand) && !isPacked(operand.get().getDefiningOp())) {
        Value packed = packedOf(operand.get(), op);
        rewriter.modifyOpInPlace(op, [&] { operand.set(packed); });
      }
    Value result = op->getResult(0);
    rewriter.modifyOpInPlace(op, [&] { result.setType(packedType(tensorType(result))); });
  }

  /// Rows that come from elsewhere, for `user`. Indices are packed for each lookup: they cost nothing in its kernel,
  /// and there the model's input stays in sight, whose range the runtime checks.
  Value packedOf(Value value, Operation *user) {
    Value &known = packed[value];
    if (known && !isa<EmbeddingOp>(user))
      return known;
    rewriter.setInsertionPoint(user);
    SmallVector<int64_t> shape(tensorType(value).getShape());
    if (!sequences.areRowsOf(value)) {
      ArrayRef<int64_t> all = tensorType(user->getResult(0)).getShape();
      value = BroadcastOp::create(rewriter, user->getLoc(),
                                  RankedTensorType::get(all, tensorType(value).getElementType()), value);
    }
    known = PackRowsOp::create(rewriter, user->getLoc(), value, tokens.getRows(), tokens.getSpans());
    return known;
  }

  /// Gives all rows to those who ask for all, and does without masks that zero padding.
  void unpack(Value value) {
    Value all;
    for (OpOperand &use : llvm::make_early_inc_range(value.getUses())) {
      Operation *user = use.getOwner();
      if (isPacked(user) || user == (all ? all.getDefiningOp() : nullptr))
        continue;
      if (!all) {
        rewriter.setInsertionPointAfterValue(value);
        all = UnpackRowsOp::create(rewriter, value.getLoc(), value, tokens.getSpans());
      }
      auto mask = dyn_cast<MaskOp>(user);
      if (mask && mask.getFill().isPosZero() && sequences.arePaddingOf(mask))
        replaceMask(mask, all);
      else
        rewriter.modifyOpInPlace(user, [&] { use.set(all); });
    }
  }

  /// What the mask was made of goes too, where nobody else reads it.
  void replaceMask(MaskOp mask, Value rows) {
    Operation *made = mask.getBlocked().getDefiningOp();
    rewriter.replaceOp(mask, rows);
    while (made && made->use_empty()) {
      Operation *source = made->getOperand(0).getDefiningOp();
      rewriter.eraseOp(made);
      made = source;
    }
  }

  const Sequences &sequences;
  llvm::SmallSetVector<Operation *, 16> ops;
  RewriterBase &rewriter;
  TokenRowsOp tokens;
  DenseMap<Value, Value> packed;
};

struct PackRowsPass : impl::PackRowsPassBase<PackRowsPass> {
  using PackRowsPassBase::PackRowsPassBase;
  ExplainLog *log = nullptr;

  void runOnOperation() override {
    Refusals refuse{"pack-rows", log, explain};
    IRRewriter rewriter(&getContext());
    int64_t number = 0;
    for (func::FuncOp function : modelFunctions(getOperation())) {
      Block &block = function.getBody().front();
      for (const Sequences &sequences : collectSequences(block))
        if (SmallVector<Operation *> ops = decide(block, sequences, refuse); !ops.empty())
          Packer(sequences, ops, number++, rewriter).run();
    }
  }
};

} // namespace

std::unique_ptr<Pass> createPackRowsPass(ExplainLog *log) {
  auto pass = std::make_unique<PackRowsPass>();
  pass->log = log;
  return pass;
}

} // namespace attnc
