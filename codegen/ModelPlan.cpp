// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "codegen/ModelPlan.h"

#include "codegen/Header.h"

#include "ir/AttnDialect.h"
#include "passes/Costs.h"
#include "passes/Explain.h"
#include "passes/Graph.h"

#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/StringMap.h"

namespace attnc {

namespace {

attnc_dtype dtypeOf(mlir::Type element) {
  if (element.isInteger(1))
    return ATTNC_BOOL;
  if (element.isInteger(32))
    return ATTNC_I32;
  if (element.isInteger(64))
    return ATTNC_I64;
  return ATTNC_F32;
}

class Planner {
public:
  Planner(mlir::ModuleOp module, std::string &error) : module(module), error(error) {}

  std::optional<ModelPlan> run() {
    plan.minBatch = integer(module, "attn.min_batch", 1);
    plan.maxBatch = integer(module, "attn.max_batch", 1);
    plan.imageSize = integer(module, "attn.image_size", 0);
    const auto functions = modelFunctions(module);
    if (functions.empty())
      return fail("the module has no function but kernels");
    plan.name = identifier(modelName(functions.front()).str());
    describeInterfaces(functions);
    for (auto parameter : module.getOps<attn::ParameterOp>()) {
      weightIndex[parameter.getSymName()] = static_cast<int32_t>(plan.weights.size());
      plan.weights.push_back(describe(parameter.getType(), parameter.getSymName(), {}));
    }
    for (mlir::func::FuncOp function : functions)
      if (!planVariant(function))
        return std::nullopt;
    if (!plan.hasBatch)
      plan.minBatch = plan.maxBatch = 1;
    return std::move(plan);
  }

private:
  std::nullopt_t fail(const std::string &reason) {
    error = "internal: " + reason;
    return std::nullopt;
  }

  static bool isResult(mlir::func::FuncOp function, mlir::IntegerAttr number) {
    return number.getInt() >= 0 && number.getInt() < function.getNumResults();
  }

  static int64_t integer(mlir::Operation *op, llvm::StringRef name, int64_t otherwise) {
    auto attribute = op->getAttrOfType<mlir::IntegerAttr>(name);
    return attribute ? attribute.getInt() : otherwise;
  }

  static std::string text(mlir::DictionaryAttr attributes, llvm::StringRef name, const std::string &otherwise) {
    auto attribute = attributes ? attributes.getAs<mlir::StringAttr>(name) : mlir::StringAttr();
    return attribute ? attribute.getValue().str() : otherwise;
  }

  TensorDesc describe(mlir::Type type, llvm::StringRef name, const std::string &doc) {
    auto tensor = mlir::cast<mlir::RankedTensorType>(type);
    TensorDesc desc{name.str(), dtypeOf(tensor.getElementType()), {}, 0, doc};
    for (int64_t extent : tensor.getShape()) {
      plan.hasBatch |= mlir::ShapedType::isDynamic(extent);
      desc.shape.push_back(mlir::ShapedType::isDynamic(extent) ? -1 : extent);
    }
    return desc;
  }

  /// Of each bucket those of the first function for it; the other CPUs' functions have the same.
  void describeInterfaces(llvm::ArrayRef<mlir::func::FuncOp> functions) {
    if (auto dim = functions.front()->getAttrOfType<mlir::StringAttr>(kBucketDim))
      plan.bucketDim = dim.getValue().str();
    for (mlir::func::FuncOp function : functions)
      if (plan.interfaces.empty() || integer(function, kBucket, 0) > plan.interfaces.back().extent)
        describeInterface(function);
      else
        break;
  }

  void describeInterface(mlir::func::FuncOp main) {
    InterfacePlan interface;
    interface.extent = integer(main, kBucket, 0);
    for (unsigned i = 0; i < main.getNumArguments(); ++i) {
      if (main.getArgAttr(i, kState)) // Listed among the outputs.
        continue;
      mlir::DictionaryAttr attributes = main.getArgAttrDict(i);
      interface.inputs.push_back(describe(main.getArgument(i).getType(),
                                          text(attributes, "attn.name", "input" + std::to_string(i)),
                                          text(attributes, "attn.doc", "")));
    }
    for (unsigned i = 0; i < main.getNumResults(); ++i) {
      mlir::DictionaryAttr attributes = main.getResultAttrDict(i);
      interface.outputs.push_back(describe(main.getFunctionType().getResult(i),
                                           text(attributes, "attn.name", "output" + std::to_string(i)),
                                           text(attributes, "attn.doc", "")));
    }
    for (unsigned i = 0; i < main.getNumArguments(); ++i)
      if (auto state = main.getArgAttrOfType<mlir::IntegerAttr>(i, kState); state && isResult(main, state))
        interface.outputs[static_cast<size_t>(state.getInt())].isState = true;
    plan.interfaces.push_back(std::move(interface));
  }

  bool planVariant(mlir::func::FuncOp function) {
    VariantPlan variant;
    variant.function = identifier(function.getSymName().str());
    if (auto cpu = function->getAttrOfType<mlir::StringAttr>("attn.cpu"))
      variant.cpu = cpu.getValue().str();
    variant.arenaFixed = integer(function, "attn.arena_fixed", 0);
    variant.arenaPerBatch = integer(function, "attn.arena_per_batch", 0);
    variant.microbatch = integer(function, kMicrobatch, 0);
    plan.variants.push_back(std::move(variant));
    readOffsets.clear();
    int64_t inputs = 0;
    for (mlir::BlockArgument argument : function.getArguments()) {
      auto state = function.getArgAttrOfType<mlir::IntegerAttr>(argument.getArgNumber(), kState);
      if (state && !isResult(function, state))
        return fail("a state is no result"), false;
      places[argument] = state ? Place{Place::Kind::Output, state.getInt()} : Place{Place::Kind::Input, inputs++};
    }
    for (mlir::Operation &op : function.front().without_terminator())
      if (!visit(op))
        return false;
    return true;
  }

  bool visit(mlir::Operation &op) {
    if (auto packed = mlir::dyn_cast<attn::PackedOp>(op))
      return visitPacked(packed);
    if (auto call = mlir::dyn_cast<mlir::func::CallOp>(op))
      return visitCall(call);
    fail("the model holds '" + op.getName().getStringRef().str() + "' after the pipeline");
    return false;
  }

  bool visitPacked(attn::PackedOp packed) {
    const int64_t offset = packed.getOffset();
    places[packed.getResult()] = {Place::Kind::Weight, offset};
    if (!packedOffsets.insert(offset).second)
      return true; // An equal entry that shares its place.
    auto panels =
        mlir::dyn_cast_if_present<attn::PanelsAttr>(mlir::cast<mlir::RankedTensorType>(packed.getType()).getEncoding());
    std::optional<int64_t> balance;
    if (packed.getBalance())
      balance = addConstant(mlir::cast<mlir::DenseElementsAttr>(*packed.getBalance()));
    for (auto piece : packed.getPieces().getAsRange<attn::PieceAttr>()) {
      attnc_pack_step step = {};
      step.weight = -1;
      if (!piece.getParameter().empty()) {
        auto found = weightIndex.find(piece.getParameter());
        if (found == weightIndex.end())
          return fail("a packed weight names no parameter: " + piece.getParameter().str()), false;
        step.weight = found->second;
      }
      step.src_offset = piece.getOffset();
      if (step.weight < 0)
        step.src_offset += addConstant(piece.getConstant());
      step.rows = piece.getRows();
      step.cols = piece.getCols();
      step.stride_row = piece.getStrideRow();
      step.stride_col = piece.getStrideCol();
      step.dst = static_cast<uint64_t>(offset);
      step.first = piece.getFirst();
      step.kind = panels ? panelKind(panels) : ATTNC_PACK_COPY;
      step.panel = panels ? panels.getWidth() : 0;
      if (balance) {
        step.kind = ATTNC_PACK_PANEL_I8_BALANCED;
        step.balance = *balance;
      }
      if (!panels)
        placeDense(step, mlir::cast<mlir::RankedTensorType>(packed.getType()).getRank());
      plan.packSteps.push_back(step);
    }
    return true;
  }

  /// Where the values begin among the plan's constants.
  int64_t addConstant(mlir::DenseElementsAttr values) {
    const auto first = static_cast<int64_t>(plan.constants.size());
    llvm::append_range(plan.constants, values.getValues<float>());
    return first;
  }

  static attnc_pack_kind panelKind(attn::PanelsAttr panels) {
    switch (panels.getPrecision()) {
    case attn::Precision::f32:
      return ATTNC_PACK_PANEL;
    case attn::Precision::bf16:
      return ATTNC_PACK_PANEL_BF16;
    case attn::Precision::int8:
      return ATTNC_PACK_PANEL_I8;
    }
    llvm_unreachable("every precision has its panels");
  }

  /// A dense piece is a contiguous copy; a strided one is the panel layout of width 1, whose order is row-major.
  /// `first` counts rows of a matrix and elements of anything else.
  static void placeDense(attnc_pack_step &step, int64_t rank) {
    step.dst += static_cast<uint64_t>(step.first * (rank == 2 ? step.cols : 1)) * sizeof(float);
    step.first = 0;
    if (step.stride_col == 1 && (step.rows == 1 || step.stride_row == step.cols)) {
      step.stride_row = step.cols;
      return;
    }
    step.kind = ATTNC_PACK_PANEL;
    step.panel = 1;
  }

  bool visitCall(mlir::func::CallOp call) {
    KernelCall planned;
    planned.kernel = call.getCallee().str();
    auto label = call->getAttrOfType<mlir::StringAttr>("attn.label");
    planned.label = label ? label.getValue().str() : planned.kernel;
    for (auto [operand, slot] : llvm::zip_equal(call.getOperands(), firstSlotsOf(call))) {
      auto place = places.find(operand);
      if (place == places.end())
        return fail("a call of " + planned.kernel + " reads a value without a place"), false;
      planned.operands.push_back(place->second);
      if (slot == 0)
        continue;
      // Of a cache, [batch, slots, capacity, width].
      auto type = mlir::cast<mlir::RankedTensorType>(operand.getType());
      const bool isInterface = place->second.kind == Place::Kind::Input || place->second.kind == Place::Kind::Output;
      if (!isInterface || type.getRank() != 4)
        return fail("a call of " + planned.kernel + " has slots of what is no cache"), false;
      planned.operands.back().offset = slot * type.getDimSize(2) * type.getDimSize(3) * 4;
    }
    for (mlir::Value operand : call.getOperands())
      placeColumns(operand, planned);
    auto outputs = call->getAttrOfType<mlir::DenseI64ArrayAttr>("attn.outputs");
    auto offsets = call->getAttrOfType<mlir::DenseI64ArrayAttr>("attn.offsets");
    auto perBatch = call->getAttrOfType<mlir::DenseBoolArrayAttr>("attn.per_batch");
    if (!offsets || !perBatch)
      return fail("the results of " + planned.kernel + " have no place"), false;
    const int64_t cache = overwrittenIndex(call);
    for (unsigned i = 0; i < call.getNumResults(); ++i) {
      if (outputs && outputs[i] >= 0)
        planned.results.push_back({Place::Kind::Output, outputs[i]});
      else
        planned.results.push_back({perBatch[i] ? Place::Kind::ArenaPerBatch : Place::Kind::ArenaFixed, offsets[i]});
      places[call.getResult(i)] = planned.results.back();
    }
    if (cache >= 0)
      planned.results.front().offset = planned.operands[static_cast<size_t>(cache)].offset;
    countTokens(call, planned);
    limitIndices(call, planned);
    measureWork(call, planned);
    plan.variants.back().calls.push_back(std::move(planned));
    return true;
  }

  /// The number of the operand that the call's result takes the place of, -1 for none.
  static int64_t overwrittenIndex(mlir::func::CallOp call) {
    const mlir::Value cache = overwrittenBy(call);
    return cache ? std::distance(call.operand_begin(), llvm::find(call.getOperands(), cache)) : -1;
  }

  /// A kernel of token_rows returns their number; packed rows of other kernels are as many as those that they read.
  void countTokens(mlir::func::CallOp call, KernelCall &planned) {
    auto kernel = module.lookupSymbol<mlir::func::FuncOp>(call.getCallee());
    for (mlir::Value operand : call.getOperands())
      if (auto found = tokenCounts.find(operand); found != tokenCounts.end())
        planned.tokens = found->second;
    std::optional<Place> count = planned.tokens;
    if (!kernel.getOps<attn::TokenRowsOp>().empty())
      count = planned.results.back();
    for (mlir::Value result : call.getResults())
      if (count && !attn::hasAllRows(mlir::cast<mlir::RankedTensorType>(result.getType())))
        tokenCounts[result] = *count;
  }

  /// A kernel has int8 panels as two buffers: the second one, behind all its arguments, is their scales and offsets.
  void placeColumns(mlir::Value operand, KernelCall &planned) {
    auto type = mlir::cast<mlir::RankedTensorType>(operand.getType());
    auto panels = mlir::dyn_cast_if_present<attn::PanelsAttr>(type.getEncoding());
    if (panels && panels.getPrecision() == attn::Precision::int8)
      planned.operands.push_back(
          {Place::Kind::Weight, places[operand].value + panels.stepsOf(type.getDimSize(1)) * panels.getWidth() * 4});
  }

  void measureWork(mlir::func::CallOp call, KernelCall &planned) {
    auto kernel = module.lookupSymbol<mlir::func::FuncOp>(call.getCallee());
    planned.ops = opsOf(kernel);
    planned.work = workOf(kernel, plan.minBatch);
    planned.tokenBytes = planned.work.bytes;
    for (mlir::BlockArgument argument : kernel.getArguments()) {
      const Place &place = planned.operands[argument.getArgNumber()];
      if (place.kind != Place::Kind::Weight)
        continue;
      const double bytes = bytesRead(argument, plan.minBatch);
      planned.tokenBytes -= bytes;
      if (readOffsets.insert(place.value).second)
        planned.weightBytes += bytes;
    }
  }

  /// Inputs of the model that a kernel uses as indices, of a table or of a cache, are checked by attnc_run().
  void limitIndices(mlir::func::CallOp call, const KernelCall &planned) {
    auto kernel = module.lookupSymbol<mlir::func::FuncOp>(call.getCallee());
    for (auto embedding : kernel.getOps<attn::EmbeddingOp>())
      limitIndices(embedding.getIndices(),
                   mlir::cast<mlir::RankedTensorType>(embedding.getTable().getType()).getDimSize(0), planned);
    for (auto append : kernel.getOps<attn::AppendOp>())
      limitIndices(append.getPosition(), append.getCapacity() - append.getSize() + 1, planned);
  }

  void limitIndices(mlir::Value indices, int64_t rows, const KernelCall &planned) {
    while (mlir::Operation *shape = indices.getDefiningOp())
      indices = shape->getOperand(0);
    const Place &place = planned.operands[mlir::cast<mlir::BlockArgument>(indices).getArgNumber()];
    if (place.kind != Place::Kind::Input)
      return;
    const size_t bucket = (plan.variants.size() - 1) % plan.interfaces.size();
    int64_t &limit = plan.interfaces[bucket].inputs[place.value].indexLimit;
    limit = limit ? std::min(limit, rows) : rows;
  }

  mlir::ModuleOp module;
  std::string &error;
  ModelPlan plan;
  llvm::DenseMap<mlir::Value, Place> places;
  llvm::DenseMap<mlir::Value, Place> tokenCounts; ///< Of values with packed rows.
  llvm::StringMap<int32_t> weightIndex;
  llvm::DenseSet<int64_t> packedOffsets, readOffsets;
};

} // namespace

std::optional<ModelPlan> planModel(mlir::ModuleOp module, std::string &error) { return Planner(module, error).run(); }

} // namespace attnc
