// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/Graph.h"
#include "passes/WeightLayout.h"

#include "llvm/ADT/StringExtras.h"

using namespace mlir;
using namespace attnc::attn;

namespace attnc {

SmallVector<func::FuncOp> modelFunctions(ModuleOp module) {
  SmallVector<func::FuncOp> functions;
  for (auto function : module.getOps<func::FuncOp>())
    if (!function.isExternal() && !function->hasAttr("attn.kind"))
      functions.push_back(function);
  return functions;
}

StringRef modelName(func::FuncOp model) {
  auto name = model->getAttrOfType<StringAttr>("attn.model");
  return name ? name.getValue() : model.getSymName();
}

SmallVector<func::FuncOp> kernelFunctions(ModuleOp module) {
  SmallVector<func::FuncOp> functions;
  for (auto function : module.getOps<func::FuncOp>())
    if (function->hasAttr("attn.kind"))
      functions.push_back(function);
  return functions;
}

KernelKind kernelKind(func::FuncOp kernel) { return kernel->getAttrOfType<KernelKindAttr>("attn.kind").getValue(); }

Value overwrittenBy(func::CallOp call) {
  auto kernel = SymbolTable::lookupNearestSymbolFrom<func::FuncOp>(call, call.getCalleeAttr());
  if (!kernel || kernelKind(kernel) != KernelKind::append)
    return {};
  auto append = *kernel.getOps<AppendOp>().begin();
  return call.getOperand(cast<BlockArgument>(append.getCache()).getArgNumber());
}

SmallVector<int64_t> firstSlotsOf(func::CallOp call) {
  auto slots = call->getAttrOfType<DenseI64ArrayAttr>(kFirstSlots);
  return slots ? SmallVector<int64_t>(slots.asArrayRef()) : SmallVector<int64_t>(call.getNumOperands(), 0);
}

int64_t minBatch(ModuleOp module) {
  auto batch = module->getAttrOfType<IntegerAttr>("attn.min_batch");
  return batch ? std::max<int64_t>(batch.getInt(), 1) : 1;
}

bool isWeight(Value value) { return layoutOf(value).has_value(); }

bool isVectorWeight(Value value, int64_t extent) {
  RankedTensorType type = tensorType(value);
  return type.getRank() == 1 && type.getDimSize(0) == extent && isWeight(value);
}

bool hasWeightRhs(MatmulOp matmul) {
  if (tensorType(matmul.getRhs()).getRank() != 2)
    return false;
  std::optional<WeightLayout> layout = layoutOf(matmul.getRhs());
  return layout && piecesOf(std::move(*layout), !matmul.getTransposeRhs(), matmul.getContext());
}

Operation *onlyUser(Value value) { return value.hasOneUse() ? *value.getUsers().begin() : nullptr; }

static std::string nameIn(Location location) {
  std::string name;
  location->walk([&](Location part) {
    auto named = dyn_cast<NameLoc>(part);
    if (!named)
      return WalkResult::advance();
    name = named.getName().str();
    return WalkResult::interrupt();
  });
  return name;
}

/// The parameters that a weight expression is made of.
static void collectParameters(Value value, SmallVectorImpl<StringRef> &names) {
  Operation *op = value.getDefiningOp();
  if (auto weight = dyn_cast<WeightOp>(op))
    return names.push_back(weight.getParameter());
  for (Value operand : op->getOperands())
    collectParameters(operand, names);
}

/// The module that the first weight operand belongs to: "encoder.linear1.weight" is of "encoder.linear1"; what is made
/// of "self.query.weight" and "self.key.weight" is of "self". Empty for parameters of no module.
static std::string moduleRead(Operation *op) {
  for (Value operand : op->getOperands()) {
    SmallVector<StringRef> names;
    if (isWeight(operand))
      collectParameters(operand, names);
    if (names.empty())
      continue;
    SmallVector<StringRef> common, parts;
    names.front().split(common, '.');
    common.pop_back();
    for (StringRef name : names) {
      parts.clear();
      name.split(parts, '.');
      size_t shared = 0;
      while (shared < common.size() && shared + 1 < parts.size() && common[shared] == parts[shared])
        ++shared;
      common.truncate(shared);
    }
    return llvm::join(common, ".");
  }
  return "";
}

std::string labelOf(Operation *op) {
  if (std::string name = moduleRead(op); !name.empty())
    return name;
  if (std::string name = nameIn(op->getLoc()); !name.empty())
    return name;
  return op->getName().stripDialect().str();
}

LogicalResult Refusals::operator()(Operation *op, const Twine &reason) const {
  if (log)
    log->refusals.push_back({pass, labelOf(op), reason.str()});
  if (remarks)
    op->emitRemark(reason);
  return failure();
}

} // namespace attnc
