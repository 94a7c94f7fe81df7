// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/Variants.h"

#include "passes/Graph.h"

#include "mlir/Pass/PassManager.h"

using namespace mlir;

namespace attnc {
namespace {

/// "x86-64-v4" as the end of a symbol.
std::string suffixOf(StringRef cpu) {
  std::string suffix = "_";
  for (char c : cpu)
    suffix += llvm::isAlnum(c) ? c : '_';
  return suffix;
}

void nameAfter(ModuleOp module, StringRef cpu) {
  Builder builder(module.getContext());
  for (func::FuncOp model : modelFunctions(module))
    model->setAttr("attn.model", builder.getStringAttr(modelName(model)));
  SymbolTable symbols(module);
  for (auto function : module.getOps<func::FuncOp>()) {
    function->setAttr("attn.cpu", builder.getStringAttr(cpu));
    LogicalResult renamed = symbols.rename(function, function.getSymName().str() + suffixOf(cpu));
    (void)renamed;
    assert(succeeded(renamed) && "no other symbol of the module ends in the CPU's name");
  }
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

LogicalResult lowerForTargets(OwningOpRef<ModuleOp> &module, const std::vector<TargetInfo> &targets,
                              const PipelineOptions &options, const std::function<void(PassManager &)> &configure) {
  auto run = [&](ModuleOp lowered, auto build) {
    PassManager manager(lowered->getContext());
    build(manager);
    if (configure)
      configure(manager);
    return manager.run(lowered);
  };
  PipelineOptions own = options;
  if (targets.size() == 1) {
    own.target = targets.front();
    return run(*module, [&](PassManager &manager) { buildPipeline(manager, own); });
  }
  std::vector<OwningOpRef<ModuleOp>> variants;
  for (const TargetInfo &target : targets) {
    variants.push_back(module->clone());
    ExplainLog log;
    own.target = target;
    own.log = options.log ? &log : nullptr;
    if (failed(run(*variants.back(), [&](PassManager &manager) { buildTargetPipeline(manager, own); })))
      return failure();
    if (options.log)
      append(*options.log, log);
    nameAfter(*variants.back(), target.name);
  }
  module = join(std::move(variants));
  return run(*module, [](PassManager &manager) { buildImagePipeline(manager); });
}

} // namespace attnc
