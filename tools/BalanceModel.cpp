// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "tools/BalanceModel.h"

#include "frontend/Import.h"
#include "passes/Balance.h"

#include "mlir/IR/Diagnostics.h"

#include <set>

namespace attnc {

namespace {

/// A sequence of the model that is run, and how many of them a batch of fixed extent has.
constexpr int64_t kTokens = 32, kSequences = 4;

/// The names and types of the parameters.
std::set<std::pair<std::string, const void *>> parametersOf(mlir::ModuleOp module) {
  std::set<std::pair<std::string, const void *>> result;
  for (auto parameter : module.getOps<attn::ParameterOp>())
    result.emplace(parameter.getSymName().str(), parameter.getType().getAsOpaquePointer());
  return result;
}

class ShortModel {
public:
  ShortModel(mlir::ModuleOp imported, const ModelDesc &model, const ModelReader &read)
      : context(*imported.getContext()), model(model), read(read), parameters(parametersOf(imported)) {}

  /// The model with other extents of its inputs' named dimensions; null where none can change.
  mlir::OwningOpRef<mlir::ModuleOp> import() const {
    std::set<std::string> named, free;
    for (const InputDesc &input : model.inputs)
      for (const Extent &extent : *input.shape)
        if (!extent.dim.empty() && !extent.runtime)
          named.insert(extent.dim);
    for (const std::string &dim : named)
      if (importWith({{dim, kTokens}}))
        free.insert(dim);
    DimOverrides dims;
    for (const InputDesc &input : model.inputs) {
      // The last dimension of an input that is free counts tokens, and one before it sequences.
      int64_t extent = kTokens;
      for (auto dim = input.shape->rbegin(); dim != input.shape->rend(); ++dim)
        if (free.count(dim->dim)) {
          int64_t &chosen = dims[dim->dim];
          chosen = std::max(chosen, extent);
          extent = kSequences;
        }
    }
    return dims.empty() ? nullptr : importWith(dims);
  }

private:
  /// Null where the model cannot have these extents, or would have other parameters.
  mlir::OwningOpRef<mlir::ModuleOp> importWith(const DimOverrides &dims) const {
    Diagnostics unread;
    const std::optional<ModelDesc> changed = read(dims, unread);
    if (!changed)
      return nullptr;
    mlir::OwningOpRef<mlir::ModuleOp> module = importModel(*changed, context, unread);
    return module && parametersOf(*module) == parameters ? std::move(module) : nullptr;
  }

  mlir::MLIRContext &context;
  const ModelDesc &model;
  const ModelReader &read;
  std::set<std::pair<std::string, const void *>> parameters;
};

bool areThere(mlir::ModuleOp module, const WeightSource &weights) {
  std::string unread;
  for (auto parameter : module.getOps<attn::ParameterOp>()) {
    const auto shape = mlir::cast<mlir::RankedTensorType>(parameter.getType()).getShape();
    if (!weights.check(parameter.getSymName().str(), {shape.begin(), shape.end()}, unread))
      return false;
  }
  return true;
}

} // namespace

mlir::DictionaryAttr balanceModel(mlir::ModuleOp imported, const ModelDesc &model, const ModelReader &read,
                                  const WeightSource &weights, std::string &reason) {
  if (!areThere(imported, weights))
    return {};
  mlir::ScopedDiagnosticHandler silent(imported.getContext(), [](mlir::Diagnostic &) { return mlir::success(); });
  const mlir::OwningOpRef<mlir::ModuleOp> shorter = ShortModel(imported, model, read).import();
  const ParameterReader reader = [&](llvm::StringRef name, uint64_t first, uint64_t count, float *to) {
    std::string unread;
    return weights.read(name.str(), first, count, to, unread);
  };
  const auto balances = findBalances(shorter ? *shorter : imported, reader, reason);
  return llvm::succeeded(balances) ? *balances : mlir::DictionaryAttr();
}

} // namespace attnc
