// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "frontend/Import.h"

#include "frontend/ImportBuilder.h"
#include "frontend/MlirDiagnostics.h"

#include "mlir/IR/Verifier.h"

using namespace mlir;

namespace attnc {

/// One import, in the order of the module's text: parameters, signature, body, results.
class ModelImporter {
public:
  ModelImporter(const ModelDesc &model, MLIRContext &context, Diagnostics &diagnostics)
      : b(model, context, diagnostics) {}

  OwningOpRef<ModuleOp> import() {
    b.module = ModuleOp::create(b.place());
    createFunction();
    for (const ModuleDesc &module : b.model.modules)
      b.values[*module.name] = importModule(b, module);
    createReturn();
    return std::move(b.module);
  }

private:
  Type elementType(DType dtype) {
    switch (dtype) {
    case DType::F32:
      return b.builder.getF32Type();
    case DType::I32:
      return b.builder.getI32Type();
    case DType::I64:
      return b.builder.getI64Type();
    case DType::Bool:
      return b.builder.getI1Type();
    }
    return {};
  }

  RankedTensorType typeOf(const InputDesc &input) {
    SmallVector<int64_t> extents;
    for (const Extent &extent : *input.shape) {
      extents.push_back(extent.runtime ? ShapedType::kDynamic : extent.value);
      if (extent.runtime)
        setBatch(extent);
    }
    return RankedTensorType::get(extents, elementType(*input.dtype));
  }

  void setBatch(const Extent &extent) {
    b.maxBatch = extent.value;
    b.batchName = extent.dim;
    (*b.module)->setAttr("attn.min_batch", b.builder.getI64IntegerAttr(1));
    (*b.module)->setAttr("attn.max_batch", b.builder.getI64IntegerAttr(extent.value));
  }

  void createFunction() {
    SmallVector<Type> types;
    for (const InputDesc &input : b.model.inputs)
      types.push_back(typeOf(input));
    b.builder.setInsertionPointToEnd(b.module->getBody());
    b.function = func::FuncOp::create(b.builder, b.place(), *b.model.name, b.builder.getFunctionType(types, {}));
    Block *entry = b.function.addEntryBlock();
    b.builder.setInsertionPointToEnd(entry);
    for (size_t i = 0; i < b.model.inputs.size(); ++i) {
      b.function.setArgAttr(i, "attn.name", b.builder.getStringAttr(*b.model.inputs[i].name));
      b.values[*b.model.inputs[i].name] = entry->getArgument(i);
    }
  }

  void createReturn() {
    SmallVector<Value> results;
    SmallVector<Type> types;
    for (const OutputDesc &output : b.model.outputs)
      if (Value result = b.values.at(*output.value)) {
        checkOutput(output, result, results);
        results.push_back(result);
        types.push_back(result.getType());
      }
    for (const ImportBuilder::State &state : b.states)
      if (state.value) {
        b.function.setArgAttr(state.argument, "attn.state", b.builder.getI64IntegerAttr((int64_t)results.size()));
        results.push_back(state.value);
        types.push_back(state.value.getType());
      }
    b.setPlace(*b.model.name, b.model.name.loc);
    func::ReturnOp::create(b.builder, b.place(), results);
    b.function.setFunctionType(b.builder.getFunctionType(b.function.getArgumentTypes(), types));
    const size_t outputs = results.size() - b.states.size();
    for (size_t i = 0; i < outputs; ++i)
      b.function.setResultAttr(i, "attn.name", b.builder.getStringAttr(*b.model.outputs[i].name));
    for (size_t i = outputs; i < results.size(); ++i) {
      b.function.setResultAttr(i, "attn.name", b.builder.getStringAttr(b.states[i - outputs].name));
      b.function.setResultAttr(i, "attn.doc", b.builder.getStringAttr("keys and values of the tokens so far"));
    }
  }

  void checkOutput(const OutputDesc &output, Value result, ArrayRef<Value> earlier) {
    const SourceLoc &loc = output.value.loc;
    std::string name = "output " + inQuotes(*output.name);
    if (!cast<RankedTensorType>(result.getType()).getElementType().isF32())
      b.failAt(loc, name + " is not f32");
    else if (isa<BlockArgument>(result) || isa<attn::WeightOp, attn::ConstantOp>(result.getDefiningOp()))
      b.failAt(loc, name + " is an input, a weight or a constant as it stands; there is nothing to compile");
    else if (llvm::is_contained(earlier, result))
      b.failAt(loc, name + " is the same value as another output", "give one of them");
  }

  ImportBuilder b;
};

OwningOpRef<ModuleOp> importModel(const ModelDesc &model, MLIRContext &context, Diagnostics &diagnostics) {
  context.loadDialect<attn::AttnDialect, func::FuncDialect, arith::ArithDialect, math::MathDialect>();
  MlirDiagnostics handler(context, diagnostics);
  size_t errorsBefore = diagnostics.errorCount();
  OwningOpRef<ModuleOp> module = ModelImporter(model, context, diagnostics).import();
  if (diagnostics.errorCount() != errorsBefore)
    return nullptr;
  if (failed(verify(*module)))
    return nullptr;
  return module;
}

} // namespace attnc
