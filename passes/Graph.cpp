// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/Graph.h"
#include "passes/WeightLayout.h"

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

SmallVector<func::FuncOp> kernelFunctions(ModuleOp module) {
  SmallVector<func::FuncOp> functions;
  for (auto function : module.getOps<func::FuncOp>())
    if (function->hasAttr("attn.kind"))
      functions.push_back(function);
  return functions;
}

KernelKind kernelKind(func::FuncOp kernel) { return kernel->getAttrOfType<KernelKindAttr>("attn.kind").getValue(); }

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

/// "encoder.linear1.weight" is of the module "encoder.linear1", "encoder.self_attn.in_proj_weight" of
/// "encoder.self_attn".
static std::string moduleOf(StringRef parameter) { return parameter.rsplit('.').first.str(); }

static std::string weightRead(Operation *op, int depth) {
  if (auto weight = dyn_cast<WeightOp>(op))
    return moduleOf(weight.getParameter());
  if (depth == 0)
    return "";
  for (Value operand : op->getOperands())
    if (Operation *producer = operand.getDefiningOp(); producer && isWeight(operand))
      if (std::string name = weightRead(producer, depth - 1); !name.empty())
        return name;
  return "";
}

std::string labelOf(Operation *op) {
  if (std::string name = weightRead(op, 4); !name.empty())
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
