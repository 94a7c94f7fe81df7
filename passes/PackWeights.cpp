// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Places every weight that a kernel reads in the weights image, in the layout that the kernel wants.
//
// Needs: OutlineKernels' form. Schedules are not read: panels are as wide for every CPU (Panels.h).
// Ensures: a model's function holds attn.packed, calls and its return. The weight of a matmul kernel is [n, k] with the
// encoding #attn.panels in the call, in the kernel's argument and in its matmul, which has transpose_rhs, and is
// divided by the matmul's balance, where there is one; all other weights are dense. Equal weights in equal layouts lie
// in the image once. An entry starts at a multiple of 64 bytes; the image goes on for at least up to the next multiple
// of 64 floats after a dense entry, in zeros, so that whole vectors may be read. The module's attn.image_size is the
// image's size in bytes. Why here: last before PlanMemory, so that no pass before has to know of layouts. Leaves alone:
// attn.parameter ops, read or not: they list what the caller must bring.

#include "passes/Arena.h"
#include "passes/Graph.h"
#include "passes/Panels.h"
#include "passes/Passes.h"
#include "passes/WeightLayout.h"

#include "llvm/ADT/MapVector.h"
#include "llvm/Support/CheckedArithmetic.h"

using namespace mlir;
using namespace attnc::attn;

namespace attnc {
#define GEN_PASS_DEF_PACKWEIGHTSPASS
#include "passes/Passes.h.inc"

namespace {

/// A kernel's argument that is read as panels.
struct PanelArgument {
  unsigned index;
  int64_t width;
  Precision precision;
  bool transposed;                 ///< The model has the weight as [k, n].
  std::optional<unsigned> balance; ///< The argument that is the matmul's balance.
};

/// The matmul weight of a matmul kernel; nothing for other kernels.
std::optional<PanelArgument> panelArgument(func::FuncOp kernel) {
  if (kernelKind(kernel) != KernelKind::matmul)
    return std::nullopt;
  auto matmul = *kernel.getOps<MatmulOp>().begin();
  auto argument = cast<BlockArgument>(matmul.getRhs());
  assert(argument.hasOneUse() && "FuseEpilogue lets nothing else read a matmul's weight");
  PanelArgument panel{argument.getArgNumber(), panelColumns, matmul.getPrecision(), !matmul.getTransposeRhs(), {}};
  if (auto balance = dyn_cast_if_present<BlockArgument>(matmul.getBalance()))
    panel.balance = balance.getArgNumber();
  return panel;
}

RankedTensorType panelType(RankedTensorType type, const PanelArgument &panel) {
  SmallVector<int64_t> shape(type.getShape());
  if (panel.transposed)
    std::swap(shape[0], shape[1]);
  return RankedTensorType::get(shape, type.getElementType(),
                               PanelsAttr::get(type.getContext(), panel.width, panel.precision));
}

/// The kernel's side of the layout.
void retype(func::FuncOp kernel, const PanelArgument &panel) {
  auto matmul = *kernel.getOps<MatmulOp>().begin();
  BlockArgument argument = kernel.getArgument(panel.index);
  argument.setType(panelType(cast<RankedTensorType>(argument.getType()), panel));
  matmul.setTransposeRhs(true);
  kernel.setFunctionType(
      FunctionType::get(kernel.getContext(), kernel.getBody().getArgumentTypes(), kernel.getResultTypes()));
}

/// Bytes of an entry in the image; nothing where they exceed 64 bits.
std::optional<int64_t> entryBytes(RankedTensorType type) {
  std::optional<int64_t> bytes;
  if (auto panels = dyn_cast_if_present<PanelsAttr>(type.getEncoding())) {
    int64_t width = panels.getWidth(), count = type.getDimSize(0) / width + (type.getDimSize(0) % width != 0);
    std::optional<int64_t> each = panels.panelBytes(type.getDimSize(1));
    bytes = each ? llvm::checkedMul(*each, count) : std::nullopt;
  } else {
    bytes = 4;
    for (int64_t extent : type.getShape())
      bytes = bytes ? llvm::checkedMul(*bytes, extent) : std::nullopt;
    bytes = bytes ? roundUp(*bytes, 256) : std::nullopt;
  }
  return bytes ? roundUp(*bytes, 64) : std::nullopt;
}

/// The image: entries by what they hold and how.
class Image {
public:
  explicit Image(MLIRContext *context) : context(context) {}

  /// The entry's offset; nothing where the image would exceed 64 bits.
  std::optional<int64_t> place(RankedTensorType type, ArrayAttr pieces, Attribute balance) {
    // A dense entry is its elements in order, whatever its shape; the pieces tell all of that but for a matrix's
    // columns.
    Attribute key = ArrayAttr::get(
        context, {pieces, type.getEncoding() ? Attribute(TypeAttr::get(type)) : UnitAttr::get(context),
                  BoolAttr::get(context, type.getRank() == 2), balance ? balance : UnitAttr::get(context)});
    auto [entry, isNew] = offsets.try_emplace(key, size);
    if (!isNew)
      return entry->second;
    std::optional<int64_t> bytes = entryBytes(type);
    std::optional<int64_t> end = bytes ? llvm::checkedAdd(size, *bytes) : std::nullopt;
    if (!end)
      return std::nullopt;
    size = *end;
    return entry->second;
  }

  int64_t bytes() const { return size; }

private:
  MLIRContext *context;
  DenseMap<Attribute, int64_t> offsets;
  int64_t size = 0;
};

class Packer {
public:
  explicit Packer(ModuleOp module) : module(module), image(module.getContext()), builder(module.getContext()) {}

  LogicalResult run() {
    for (func::FuncOp kernel : kernelFunctions(module))
      if (std::optional<PanelArgument> panel = panelArgument(kernel)) {
        panels[kernel] = *panel;
        retype(kernel, *panel);
      }
    for (func::FuncOp model : modelFunctions(module))
      if (failed(pack(model)))
        return failure();
    module->setAttr("attn.image_size", builder.getI64IntegerAttr(image.bytes()));
    return success();
  }

private:
  LogicalResult pack(func::FuncOp model) {
    Block &block = model.getBody().front();
    packed.clear();
    builder.setInsertionPointToStart(&block);
    for (auto call : block.getOps<func::CallOp>()) {
      auto kernel = SymbolTable::lookupNearestSymbolFrom<func::FuncOp>(call, call.getCalleeAttr());
      auto panel = panels.find(kernel);
      DenseElementsAttr balance;
      if (panel != panels.end() && panel->second.balance)
        if (failed(findBalance(call, call.getOperand(*panel->second.balance), balance)))
          return failure();
      for (OpOperand &operand : call->getOpOperands()) {
        if (!isWeight(operand.get()))
          continue;
        bool isPanel = panel != panels.end() && panel->second.index == operand.getOperandNumber();
        Value value = isPanel ? packOperand(call, operand.get(), &panel->second, balance)
                              : packOperand(call, operand.get(), nullptr, nullptr);
        if (!value)
          return failure();
        operand.set(value);
      }
    }
    for (Operation &op : llvm::make_early_inc_range(llvm::reverse(block)))
      if (op.use_empty() && op.getNumResults() == 1 && isWeight(op.getResult(0)))
        op.erase();
    return success();
  }

  /// The image holds quotients by a balance, so that its values have to be known.
  LogicalResult findBalance(func::CallOp call, Value value, DenseElementsAttr &balance) {
    auto constant = value.getDefiningOp<ConstantOp>();
    if (!constant)
      return call.emitError("a matmul's balance must be an attn.constant for its weight to be packed");
    balance = cast<DenseElementsAttr>(constant.getValue());
    return success();
  }

  Value packOperand(func::CallOp call, Value value, const PanelArgument *panel, DenseElementsAttr balance) {
    RankedTensorType type = tensorType(value);
    if (panel)
      type = panelType(type, *panel);
    Value &known = packed[{value, type, balance}];
    if (known)
      return known;
    auto pieces = piecesOf(*layoutOf(value), panel && panel->transposed, builder.getContext());
    assert(pieces && "FuseEpilogue takes only weights that pieces describe");
    ArrayAttr list = builder.getArrayAttr(SmallVector<Attribute>(pieces->begin(), pieces->end()));
    std::optional<int64_t> offset = image.place(type, list, balance);
    if (!offset) {
      call.emitError("the model's packed weights exceed 2^63 bytes");
      return nullptr;
    }
    known = PackedOp::create(builder, value.getLoc(), type, uint64_t(*offset), list, balance);
    return known;
  }

  ModuleOp module;
  Image image;
  OpBuilder builder;
  DenseMap<Operation *, PanelArgument> panels; ///< By kernel function.
  DenseMap<std::tuple<Value, Type, Attribute>, Value> packed;
};

struct PackWeightsPass : impl::PackWeightsPassBase<PackWeightsPass> {
  void runOnOperation() override {
    if (failed(Packer(getOperation()).run()))
      signalPassFailure();
  }
};

} // namespace
} // namespace attnc
