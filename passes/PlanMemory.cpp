// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Gives every intermediate tensor its place in one arena.
//
// Needs: PackWeights has run: a model's function holds attn.packed, calls and its return.
// Ensures: each call carries `attn.offsets` (bytes, a multiple of 64, one for each result, -1 for a returned one) and
// `attn.per_batch` (does the result's size depend on the run-time batch), and, where a result is returned,
// `attn.outputs` (for each result its index in the return, -1 for none). A fixed tensor is at arena + offset. A tensor
// that depends on the batch is at arena + attn.arena_fixed + batch * offset, where its bytes for one batch element,
// rounded up to 64, times the batch are its own. The model's function carries attn.arena_fixed and
// attn.arena_per_batch, in bytes, multiples of 64. No result overlaps an operand of its call, nor any value that is
// read later; the number of packed rows is read by every call that has such rows. A cache that is appended to is a
// state of the model (attn.state): all its values are the returned one's memory, and nobody reads one that is
// overwritten. Why here: last; any change of the calls would change lifetimes. Leaves alone: returned values and
// arguments, which are the caller's memory.

#include "passes/Arena.h"
#include "passes/Costs.h"
#include "passes/Graph.h"
#include "passes/Passes.h"

#include "llvm/Support/CheckedArithmetic.h"

using namespace mlir;
using namespace attnc::attn;

namespace attnc {
#define GEN_PASS_DEF_PLANMEMORYPASS
#include "passes/Passes.h.inc"

namespace {

/// The bytes of a tensor, or of one batch element of it; nothing where they exceed 64 bits.
std::optional<int64_t> bytesOf(RankedTensorType type) {
  std::optional<int64_t> bytes = elementBytes(type.getElementType());
  for (int64_t extent : type.getShape())
    if (!ShapedType::isDynamic(extent))
      bytes = bytes ? llvm::checkedMul(*bytes, extent) : std::nullopt;
  return bytes ? roundUp(*bytes, 64) : std::nullopt;
}

/// The call that writes its result over the value; null where there is none.
func::CallOp overwriter(Value value) {
  for (Operation *user : value.getUsers())
    if (auto call = dyn_cast<func::CallOp>(user); call && overwrittenBy(call) == value)
      return call;
  return {};
}

/// Which operand of the return a value is, or what it becomes in place; -1 for none.
int64_t outputIndex(Value value) {
  for (func::CallOp call = overwriter(value); call; call = overwriter(value))
    value = call.getResult(0);
  for (OpOperand &use : value.getUses())
    if (isa<func::ReturnOp>(use.getOwner()))
      return use.getOperandNumber();
  return -1;
}

/// Whether the call may write over its cache: it is a state of the model, and nobody else reads it from here on.
LogicalResult checkOverwritten(func::CallOp call, Value cache) {
  auto kernel = SymbolTable::lookupNearestSymbolFrom<func::FuncOp>(call, call.getCalleeAttr());
  auto append = *kernel.getOps<AppendOp>().begin();
  if (llvm::count(call.getOperands(), cache) != 1 || !append.getCache().hasOneUse())
    return call.emitError("attn.append appends what it reads of its own cache");
  for (Operation *user : cache.getUsers())
    if (call->isBeforeInBlock(user))
      return call.emitError("attn.append writes over a cache that is read later: give its result to those readers");
  Value first = cache;
  while (auto earlier = first.getDefiningOp<func::CallOp>()) {
    first = overwrittenBy(earlier);
    if (!first)
      break;
  }
  auto argument = dyn_cast_if_present<BlockArgument>(first);
  auto model = call->getParentOfType<func::FuncOp>();
  auto state = argument ? model.getArgAttrOfType<IntegerAttr>(argument.getArgNumber(), kState) : IntegerAttr();
  if (!state || state.getInt() != outputIndex(call.getResult(0)))
    return call.emitError("attn.append needs a cache that is an argument of the model with ")
           << kState << ", the number of the result that is the cache after the last attn.append";
  return success();
}

/// The tensors of one kind (fixed, or per batch) and their arena.
struct Space {
  SmallVector<OpResult> results;
  std::vector<Lifetime> lifetimes;
  ArenaPlan plan;

  LogicalResult place() {
    std::optional<ArenaPlan> placed = planArena(lifetimes);
    if (placed)
      plan = *placed;
    return success(placed.has_value());
  }
};

class Planner {
public:
  explicit Planner(func::FuncOp model) : model(model) {
    int64_t step = 0;
    for (Operation &op : model.getBody().front())
      steps[&op] = step++;
  }

  LogicalResult run() {
    for (auto call : model.getOps<func::CallOp>()) {
      if (Value cache = overwrittenBy(call); cache && failed(checkOverwritten(call, cache)))
        return failure();
      for (OpResult result : call->getResults())
        if (outputIndex(result) < 0 && failed(addResult(call, result)))
          return failure();
    }
    if (failed(fixed.place()) || failed(perBatch.place()))
      return model.emitError("the intermediate tensors exceed 2^63 bytes");
    annotate();
    return success();
  }

  int64_t fixedBytes() const { return fixed.plan.bytes; }
  int64_t perBatchBytes() const { return perBatch.plan.bytes; }

private:
  LogicalResult addResult(func::CallOp call, OpResult result) {
    RankedTensorType type = tensorType(result);
    std::optional<int64_t> bytes = bytesOf(type);
    if (!bytes)
      return call.emitError("an intermediate tensor exceeds 2^63 bytes: ") << type;
    Lifetime lifetime{*bytes, steps[call], steps[call]};
    for (Operation *user : result.getUsers())
      lifetime.last = std::max(lifetime.last, steps[user]);
    if (Attribute packing = countedBy(result))
      lifetime.last = std::max(lifetime.last, lastReader(packing));
    Space &space = type.hasStaticShape() ? fixed : perBatch;
    space.results.push_back(result);
    space.lifetimes.push_back(lifetime);
    return success();
  }

  /// Of a result that is the number of packed rows, their encoding; else null. Kernels of such rows take the number,
  /// though no operand says so.
  static Attribute countedBy(OpResult result) {
    auto first = tensorType(result.getOwner()->getResult(0));
    return tensorType(result).getRank() == 0 ? packingOf(first) : Attribute();
  }

  /// The last step that has to do with rows of this encoding.
  int64_t lastReader(Attribute packing) {
    int64_t last = 0;
    for (auto call : model.getOps<func::CallOp>())
      for (Type type : llvm::concat<const Type>(call.getOperandTypes(), call.getResultTypes()))
        if (packingOf(cast<RankedTensorType>(type)) == packing)
          last = std::max(last, steps[call]);
    return last;
  }

  void annotate() {
    DenseMap<Value, int64_t> offsets;
    for (const Space *space : {&fixed, &perBatch})
      for (auto [result, offset] : llvm::zip_equal(space->results, space->plan.offsets))
        offsets[result] = offset;
    Builder builder(model.getContext());
    for (auto call : model.getOps<func::CallOp>()) {
      SmallVector<int64_t> places, outputs;
      SmallVector<bool> depends;
      for (OpResult result : call->getResults()) {
        outputs.push_back(outputIndex(result));
        places.push_back(outputs.back() >= 0 ? -1 : offsets[result]);
        depends.push_back(!tensorType(result).hasStaticShape());
      }
      if (llvm::any_of(outputs, [](int64_t output) { return output >= 0; }))
        call->setAttr("attn.outputs", builder.getDenseI64ArrayAttr(outputs));
      call->setAttr("attn.offsets", builder.getDenseI64ArrayAttr(places));
      call->setAttr("attn.per_batch", builder.getDenseBoolArrayAttr(depends));
    }
  }

  func::FuncOp model;
  DenseMap<Operation *, int64_t> steps;
  Space fixed, perBatch;
};

struct PlanMemoryPass : impl::PlanMemoryPassBase<PlanMemoryPass> {
  void runOnOperation() override {
    Builder builder(&getContext());
    for (func::FuncOp model : modelFunctions(getOperation())) {
      Planner planner(model);
      if (failed(planner.run()))
        return signalPassFailure();
      model->setAttr("attn.arena_fixed", builder.getI64IntegerAttr(planner.fixedBytes()));
      model->setAttr("attn.arena_per_batch", builder.getI64IntegerAttr(planner.perBatchBytes()));
    }
  }
};

} // namespace
} // namespace attnc
