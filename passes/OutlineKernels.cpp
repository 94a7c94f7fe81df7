// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Turns each attn.group into a call of a private function.
//
// Needs: FuseEpilogue's form.
// Ensures: a model's function holds weight expressions, constants, calls and its return. Groups that are equal but for
// locations share one function, so equal layers are compiled once. A function is named after its kind and its place
// among those of the kind, and carries attn.kind; a call carries attn.label, what the user knows that piece of the
// model by, and where a kernel has slots of a cache attn.first_slots (Graph.h), so that layers with slots of their own
// share a function. Why here: from here on a kernel is the unit: it gets one schedule, and its weights one layout.
// Leaves alone: functions that nobody calls (there are none) and everything inside a group.

#include "passes/Graph.h"
#include "passes/Passes.h"

#include "mlir/IR/IRMapping.h"
#include "mlir/IR/PatternMatch.h"

#include <map>

using namespace mlir;
using namespace attnc::attn;

namespace attnc {
#define GEN_PASS_DEF_OUTLINEKERNELSPASS
#include "passes/Passes.h.inc"

namespace {

/// A kernel and the first group that asked for it.
struct Kernel {
  GroupOp group;
  func::FuncOp function;
};

bool areEqual(GroupOp lhs, GroupOp rhs) {
  return lhs.getKind() == rhs.getKind() && llvm::equal(lhs.getResultTypes(), rhs.getResultTypes()) &&
         OperationEquivalence::isRegionEquivalentTo(&lhs.getBody(), &rhs.getBody(),
                                                    OperationEquivalence::IgnoreLocations);
}

/// The first slot that the group has of an input of which it has slots of a cache; else 0.
int64_t firstSlotOf(BlockArgument argument) {
  int64_t first = INT64_MAX;
  for (Operation *user : argument.getUsers()) {
    auto slice = dyn_cast<SliceOp>(user);
    auto append = dyn_cast<AppendOp>(user);
    if (append && append.getCache() == argument)
      first = std::min(first, int64_t(append.getStart()));
    else if (slice && slice.getAxis() == 1 && tensorType(argument).getRank() == 4)
      first = std::min(first, int64_t(slice.getStart()));
    else
      return 0;
  }
  return first == INT64_MAX ? 0 : first;
}

/// A state of the model, or what became of it; groups before it are calls by now.
bool isState(Value value) {
  if (auto call = value.getDefiningOp<func::CallOp>())
    return bool(overwrittenBy(call));
  auto argument = dyn_cast<BlockArgument>(value);
  auto model = argument ? dyn_cast<func::FuncOp>(argument.getOwner()->getParentOp()) : func::FuncOp();
  return model && model.getArgAttr(argument.getArgNumber(), kState);
}

/// Makes the slots that a group has of states begin at 0; returns where each input began.
SmallVector<int64_t> rebaseSlots(GroupOp group) {
  SmallVector<int64_t> all;
  for (auto [input, argument] : llvm::zip_equal(group.getInputs(), group.getBody().getArguments())) {
    const int64_t first = isState(input) ? firstSlotOf(argument) : 0;
    for (Operation *user : argument.getUsers()) {
      if (first == 0)
        break;
      if (auto slice = dyn_cast<SliceOp>(user))
        slice.setStart(slice.getStart() - first);
      else
        cast<AppendOp>(user).setStart(cast<AppendOp>(user).getStart() - first);
    }
    all.push_back(first);
  }
  return all;
}

func::FuncOp createFunction(GroupOp group, StringRef name, OpBuilder &builder) {
  auto type = builder.getFunctionType(group.getInputs().getTypes(), group.getResultTypes());
  auto function = func::FuncOp::create(group.getLoc(), name, type);
  function.setPrivate();
  function->setAttr("attn.kind", group.getKindAttr());
  IRMapping mapping;
  group.getBody().cloneInto(&function.getBody(), mapping);
  Block &body = function.getBody().front();
  auto yield = cast<YieldOp>(body.back());
  builder.setInsertionPoint(yield);
  func::ReturnOp::create(builder, yield.getLoc(), yield.getValues());
  yield.erase();
  return function;
}

/// The group's label. An attention reads no weight: it is named after the module that it belongs to,
/// "encoder.self_attn.attention", or else after what feeds it. A group that nothing names is called by its kind.
std::string labelOfCall(GroupOp group) {
  std::string label = labelOf(group), kind = stringifyKernelKind(group.getKind()).str();
  bool isNamed = label != "group", isAttention = group.getKind() == KernelKind::attention;
  if (isNamed)
    return isAttention ? label + "." + kind : label;
  for (Value input : group.getInputs())
    if (auto call = input.getDefiningOp<func::CallOp>(); call && isAttention)
      return (call->getAttrOfType<StringAttr>("attn.label").getValue() + "." + kind).str();
  return kind;
}

class Outliner {
public:
  explicit Outliner(ModuleOp module) : symbols(module), builder(module.getContext()) {}

  void outline(func::FuncOp model) {
    place = model;
    SmallVector<GroupOp> groups(model.getOps<GroupOp>());
    for (GroupOp group : groups) {
      const SmallVector<int64_t> firstSlots = rebaseSlots(group);
      func::FuncOp kernel = kernelFor(group);
      builder.setInsertionPoint(group);
      auto call = func::CallOp::create(builder, group.getLoc(), kernel, group.getInputs());
      call->setAttr("attn.label", builder.getStringAttr(labelOfCall(group)));
      if (llvm::any_of(firstSlots, [](int64_t first) { return first != 0; }))
        call->setAttr(kFirstSlots, builder.getDenseI64ArrayAttr(firstSlots));
      group->replaceAllUsesWith(call.getResults());
    }
    done.append(groups);
  }

  /// The groups stay until all are outlined: they are what later ones are compared with.
  void eraseGroups() {
    for (GroupOp group : done)
      group.erase();
  }

private:
  func::FuncOp kernelFor(GroupOp group) {
    for (Kernel &kernel : kernels)
      if (areEqual(kernel.group, group))
        return kernel.function;
    std::string kind = stringifyKernelKind(group.getKind()).str();
    func::FuncOp function = createFunction(group, kind + "_" + std::to_string(counts[kind]++), builder);
    symbols.insert(function, std::next(place->getIterator()));
    place = function;
    kernels.push_back({group, function});
    return function;
  }

  SymbolTable symbols;
  OpBuilder builder;
  Operation *place = nullptr; ///< Functions are inserted after it, in the order of their first call.
  SmallVector<Kernel> kernels;
  SmallVector<GroupOp> done;
  std::map<std::string, int> counts;
};

struct OutlineKernelsPass : impl::OutlineKernelsPassBase<OutlineKernelsPass> {
  void runOnOperation() override {
    Outliner outliner(getOperation());
    for (func::FuncOp model : modelFunctions(getOperation()))
      outliner.outline(model);
    outliner.eraseGroups();
  }
};

} // namespace
} // namespace attnc
