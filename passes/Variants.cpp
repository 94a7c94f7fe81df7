// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/Variants.h"

#include "passes/Graph.h"

#include "mlir/Pass/PassManager.h"
#include "llvm/ADT/StringExtras.h"

using namespace mlir;

namespace attnc {
namespace {

/// "_x86_64_v4_seq32": the end of a symbol.
std::string suffixOf(StringRef cpu, StringRef dim, int64_t extent) {
  std::string suffix;
  if (!cpu.empty())
    suffix += "_" + cpu.str();
  if (!dim.empty())
    suffix += "_" + dim.str() + std::to_string(extent);
  for (char &c : suffix)
    c = llvm::isAlnum(c) ? c : '_';
  return suffix;
}

/// Names a module's functions after what they are for; `cpu` and `dim` are empty where there are no several.
void nameAfter(ModuleOp module, StringRef cpu, StringRef dim, int64_t extent) {
  Builder builder(module.getContext());
  for (func::FuncOp model : modelFunctions(module)) {
    model->setAttr("attn.model", builder.getStringAttr(modelName(model)));
    if (!dim.empty()) {
      model->setAttr(kBucketDim, builder.getStringAttr(dim));
      model->setAttr(kBucket, builder.getI64IntegerAttr(extent));
    }
  }
  SymbolTable symbols(module);
  for (auto function : module.getOps<func::FuncOp>()) {
    if (!cpu.empty())
      function->setAttr("attn.cpu", builder.getStringAttr(cpu));
    LogicalResult renamed = symbols.rename(function, function.getSymName().str() + suffixOf(cpu, dim, extent));
    (void)renamed;
    assert(succeeded(renamed) && "no other symbol of the module has this end");
  }
}

/// All buckets read the same weights.
LogicalResult checkParameters(const ModelBuckets &model) {
  SymbolTable first(*model.modules.front());
  for (size_t i = 1; i < model.modules.size(); ++i) {
    for (auto parameter : model.modules[i].get().getOps<attn::ParameterOp>()) {
      auto other = first.lookup<attn::ParameterOp>(parameter.getSymName());
      if (other && other.getType() == parameter.getType())
        continue;
      auto shape = [](attn::ParameterOp op) {
        return "[" +
               llvm::join(llvm::map_range(cast<RankedTensorType>(op.getType()).getShape(),
                                          [](int64_t extent) { return std::to_string(extent); }),
                          ", ") +
               "]";
      };
      auto diagnostic = parameter.emitError() << "weight '" << parameter.getSymName() << "' is " << shape(parameter)
                                              << " where " << model.dim << " is " << model.extents[i];
      if (other)
        diagnostic << " and " << shape(other) << " where it is " << model.extents.front();
      else
        diagnostic << " and there is none where it is " << model.extents.front();
      return diagnostic << "; one weights image serves all extents, so no weight may depend on the dimension";
    }
  }
  return success();
}

/// Moves the functions of all modules into the first. Their parameters are the same.
OwningOpRef<ModuleOp> join(std::vector<OwningOpRef<ModuleOp>> modules) {
  OwningOpRef<ModuleOp> joined = std::move(modules.front());
  for (OwningOpRef<ModuleOp> &module : llvm::drop_begin(modules))
    for (auto function : llvm::make_early_inc_range(module->getOps<func::FuncOp>()))
      function->moveBefore(joined->getBody(), joined->getBody()->end());
  return joined;
}

void append(ExplainLog &log, const ExplainLog &other) {
  for (const ExplainLog::Refusal &refusal : other.refusals) {
    auto same = [&](const ExplainLog::Refusal &known) {
      return known.pass == refusal.pass && known.where == refusal.where && known.reason == refusal.reason;
    };
    if (llvm::none_of(log.refusals, same))
      log.refusals.push_back(refusal);
  }
}

} // namespace

OwningOpRef<ModuleOp> lowerVariants(ModelBuckets model, const std::vector<TargetInfo> &targets,
                                    const PipelineOptions &options,
                                    const std::function<void(PassManager &)> &configure) {
  auto run = [&](ModuleOp lowered, auto build) {
    PassManager manager(lowered->getContext());
    build(manager);
    if (configure)
      configure(manager);
    return manager.run(lowered);
  };
  const bool hasBuckets = model.modules.size() > 1;
  PipelineOptions own = options;
  if (targets.size() == 1 && !hasBuckets) {
    own.target = targets.front();
    OwningOpRef<ModuleOp> only = std::move(model.modules.front());
    return succeeded(run(*only, [&](PassManager &manager) { buildPipeline(manager, own); })) ? std::move(only)
                                                                                             : nullptr;
  }
  if (failed(checkParameters(model)))
    return nullptr;
  std::vector<OwningOpRef<ModuleOp>> variants;
  for (const TargetInfo &target : targets)
    for (size_t i = 0; i < model.modules.size(); ++i) {
      variants.push_back(model.modules[i]->clone());
      ExplainLog log;
      own.target = target;
      own.log = options.log ? &log : nullptr;
      if (failed(run(*variants.back(), [&](PassManager &manager) { buildTargetPipeline(manager, own); })))
        return nullptr;
      if (options.log)
        append(*options.log, log);
      nameAfter(*variants.back(), targets.size() > 1 ? StringRef(target.name) : "",
                hasBuckets ? StringRef(model.dim) : "", hasBuckets ? model.extents[i] : 0);
    }
  OwningOpRef<ModuleOp> module = join(std::move(variants));
  if (failed(run(*module, [&](PassManager &manager) { buildImagePipeline(manager, options); })))
    return nullptr;
  return module;
}

} // namespace attnc
