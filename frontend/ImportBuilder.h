// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the parts of the import share: the module being built, the values by name, and ops that fail as a diagnostic.
// A failed step yields a null Value, and every step that is given one yields null without a further message.
#pragma once

#include "frontend/Dims.h"
#include "frontend/ModelDesc.h"
#include "ir/AttnDialect.h"

#include "mlir/IR/Builders.h"

#include <unordered_map>

namespace attnc {

class ImportBuilder {
public:
  ImportBuilder(const ModelDesc &model, mlir::MLIRContext &context, Diagnostics &diagnostics);

  const ModelDesc &model;
  Diagnostics &diagnostics;
  mlir::OpBuilder builder;
  mlir::OwningOpRef<mlir::ModuleOp> module;
  mlir::func::FuncOp function;

  /// Values of inputs, modules and graph nodes; null for one whose import failed.
  std::unordered_map<std::string, mlir::Value> values;

  /// Sets where the ops that follow come from, until the next call.
  void setPlace(const std::string &name, const SourceLoc &loc);
  mlir::Location place() const { return currentPlace; }
  const SourceLoc &sourceLoc() const { return currentSource; }

  /// Reports at the current place.
  mlir::Value fail(const std::string &message, const std::string &hint = "");
  mlir::Value failAt(const SourceLoc &loc, const std::string &message, const std::string &hint = "");

  /// Adds an op whose result type is inferred; a constraint of the op that does not hold is an error.
  template <typename Op> mlir::Value emit(mlir::ValueRange operands) {
    return emitWith<Op>(operands, [](auto &) {});
  }

  /// The same with `set` filling in the op's properties.
  template <typename Op, typename Set> mlir::Value emitWith(mlir::ValueRange operands, Set set) {
    if (!llvm::all_of(operands, [](mlir::Value operand) { return bool(operand); }))
      return {};
    mlir::OperationState state(place(), Op::getOperationName());
    state.addOperands(operands);
    auto &properties = state.getOrAddProperties<typename Op::Properties>();
    set(properties);
    typename Op::Adaptor adaptor(operands, mlir::DictionaryAttr(), properties, mlir::RegionRange());
    llvm::SmallVector<mlir::Type> types;
    if (failed(Op::inferReturnTypes(builder.getContext(), place(), adaptor, types)))
      return {};
    state.addTypes(types);
    return checkedResult(builder.create(state));
  }

  mlir::Value add(mlir::Value lhs, mlir::Value rhs) { return emit<attn::AddOp>({lhs, rhs}); }
  mlir::Value matmul(mlir::Value lhs, mlir::Value rhs, bool transposeRhs);
  mlir::Value transpose(mlir::Value input, llvm::ArrayRef<int64_t> permutation);
  mlir::Value slice(mlir::Value input, int64_t axis, int64_t start, int64_t size);
  mlir::Value reshape(mlir::Value input, llvm::ArrayRef<int64_t> shape);
  mlir::Value broadcast(mlir::Value input, llvm::ArrayRef<int64_t> shape);
  mlir::Value concat(llvm::ArrayRef<mlir::Value> inputs, int64_t axis);
  mlir::Value activation(mlir::Value input, ActivationKind kind);
  mlir::Value layerNorm(mlir::Value input, mlir::Value weight, mlir::Value bias, double eps);
  /// A constant made by the compiler.
  mlir::Value constant(llvm::ArrayRef<float> data, llvm::ArrayRef<int64_t> shape);

  /// The value of the parameter of that full name, which this declares at its first use. The same name with another
  /// shape is an error.
  mlir::Value parameter(const std::string &name, llvm::ArrayRef<int64_t> shape);

  /// A mask that is true where blocked, made of a bool or integer value. An input may state its convention; any other
  /// value has the one given here. With a shape the mask is reshaped to it.
  mlir::Value blockedMask(const Located<std::string> &name, MaskConvention convention = MaskConvention::Blocked,
                          llvm::ArrayRef<int64_t> shape = {});

  /// States that `indices` choose among `rows` rows, on the arguments that they come from. No op computes integers, so
  /// they are arguments whose elements some ops have moved.
  void limitIndices(mlir::Value indices, int64_t rows);

  /// Adds a state to the model: an argument of the function that it returns in the end, as its `value` is by then.
  /// False where an input, an output or another state has the name.
  bool addState(const std::string &name, mlir::RankedTensorType type);
  struct State {
    std::string name;
    unsigned argument; ///< Its number.
    mlir::Value value; ///< Null after an error.
  };
  std::vector<State> states;

  /// The extents of a value, mlir::ShapedType::kDynamic for the run-time batch.
  static llvm::ArrayRef<int64_t> shapeOf(mlir::Value value);
  /// `[batch, 20, 256]`.
  std::string describe(mlir::Value value) const { return describeShape(shapeOf(value)); }
  std::string describeShape(llvm::ArrayRef<int64_t> extents) const;
  /// The element type as descriptions spell it: `bool`.
  static std::string describeType(mlir::Type element);

  /// The largest batch, 1 where no batch is a run-time extent.
  int64_t batchBound() const { return maxBatch; }

  /// While it is set, results may be larger than a tensor in memory: scores never get there.
  bool virtualResults = false;

  /// What true was taken to mean in bool masks that do not say it.
  std::unordered_map<std::string, MaskConvention> assumedConventions;

  /// Elements of the tables that the import has written out.
  int64_t tableElements = 0;

private:
  mlir::Value checkedResult(mlir::Operation *op);

  mlir::Location currentPlace;
  SourceLoc currentSource;
  int64_t maxBatch = 1;
  std::string batchName = "batch";
  mlir::OpBuilder::InsertPoint parameterPoint;
  std::unordered_map<std::string, mlir::Value> parameters;

  friend class ModelImporter;
};

/// Emits one module of the description; null after an error. (ImportModules.cpp)
mlir::Value importModule(ImportBuilder &builder, const ModuleDesc &module);

/// Emits the nodes of a graph, whose values become `<graph>.<node>`; returns that of its output. (ImportGraph.cpp)
mlir::Value importGraph(ImportBuilder &builder, const ModuleDesc &module, const GraphDesc &graph);

/// nn.MultiheadAttention. (ImportAttention.cpp)
mlir::Value importMultihead(ImportBuilder &builder, const ModuleDesc &module, const MultiheadAttentionDesc &attention);

/// Additive attention. (ImportAdditiveAttention.cpp)
mlir::Value importAdditive(ImportBuilder &builder, const ModuleDesc &module, const AdditiveAttentionDesc &attention);

/// torch.nn.functional.scaled_dot_product_attention. (ImportScaledDotProduct.cpp)
mlir::Value importScaledDotProduct(ImportBuilder &builder, const ModuleDesc &module,
                                   const ScaledDotProductAttentionDesc &attention);

/// nn.TransformerEncoderLayer and so on. (ImportTransformer.cpp)
mlir::Value importEncoderLayer(ImportBuilder &builder, const ModuleDesc &module,
                               const TransformerEncoderLayerDesc &layer);
mlir::Value importEncoder(ImportBuilder &builder, const ModuleDesc &module, const TransformerEncoderDesc &encoder);
mlir::Value importDecoderLayer(ImportBuilder &builder, const ModuleDesc &module,
                               const TransformerDecoderLayerDesc &layer);
mlir::Value importDecoder(ImportBuilder &builder, const ModuleDesc &module, const TransformerDecoderDesc &decoder);
mlir::Value importTransformer(ImportBuilder &builder, const ModuleDesc &module, const TransformerDesc &transformer);

/// y = x W^T + b, with the module's parameters `<local>weight` (rows, columns of x) and `<local>bias`.
mlir::Value importLinear(ImportBuilder &builder, const ModuleDesc &module, const std::string &local, mlir::Value input,
                         int64_t rows, bool bias);

} // namespace attnc
