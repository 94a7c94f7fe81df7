// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "frontend/ImportBuilder.h"

#include "mlir/IR/BuiltinAttributes.h"

using namespace mlir;

namespace attnc {

ImportBuilder::ImportBuilder(const ModelDesc &model, MLIRContext &context, Diagnostics &diagnostics)
    : model(model), diagnostics(diagnostics), builder(&context), currentPlace(UnknownLoc::get(&context)) {
  setPlace(*model.name, model.name.loc);
}

void ImportBuilder::setPlace(const std::string &name, const SourceLoc &loc) {
  currentSource = loc;
  Location file = UnknownLoc::get(builder.getContext());
  if (loc.file && loc.line)
    file = FileLineColLoc::get(builder.getStringAttr(loc.file->name), loc.line, loc.column);
  currentPlace = NameLoc::get(builder.getStringAttr(name), file);
}

Value ImportBuilder::failAt(const SourceLoc &loc, const std::string &message, const std::string &hint) {
  diagnostics.error(loc, message, hint);
  return {};
}

Value ImportBuilder::fail(const std::string &message, const std::string &hint) {
  return failAt(currentSource, message, hint);
}

ArrayRef<int64_t> ImportBuilder::shapeOf(Value value) { return cast<RankedTensorType>(value.getType()).getShape(); }

std::string ImportBuilder::describeShape(ArrayRef<int64_t> extents) const {
  Shape shape;
  for (int64_t extent : extents)
    shape.push_back({extent, ShapedType::isDynamic(extent), batchName});
  return toString(shape);
}

std::string ImportBuilder::describeType(Type element) {
  if (element.isF32())
    return spelling(DType::F32);
  if (element.isInteger(1))
    return spelling(DType::Bool);
  return spelling(element.isInteger(32) ? DType::I32 : DType::I64);
}

Value ImportBuilder::checkedResult(Operation *op) {
  Value result = op->getResult(0);
  std::vector<int64_t> extents;
  for (int64_t extent : shapeOf(result))
    extents.push_back(ShapedType::isDynamic(extent) ? maxBatch : extent);
  if (!virtualResults &&
      !checkElementCount(extents, "the result of " + op->getName().stripDialect().str(), currentSource, diagnostics))
    return {};
  return result;
}

Value ImportBuilder::matmul(Value lhs, Value rhs, bool transposeRhs) {
  return emitWith<attn::MatmulOp>({lhs, rhs}, [&](attn::MatmulOp::Properties &properties) {
    if (transposeRhs)
      properties.transpose_rhs = builder.getUnitAttr();
    properties.precision = attn::PrecisionAttr::get(builder.getContext(), attn::Precision::f32);
  });
}

Value ImportBuilder::transpose(Value input, ArrayRef<int64_t> permutation) {
  return emitWith<attn::TransposeOp>({input}, [&](attn::TransposeOp::Properties &properties) {
    properties.permutation = builder.getDenseI64ArrayAttr(permutation);
  });
}

Value ImportBuilder::slice(Value input, int64_t axis, int64_t start, int64_t size) {
  return emitWith<attn::SliceOp>({input}, [&](attn::SliceOp::Properties &properties) {
    properties.axis = builder.getI64IntegerAttr(axis);
    properties.start = builder.getI64IntegerAttr(start);
    properties.size = builder.getI64IntegerAttr(size);
  });
}

Value ImportBuilder::reshape(Value input, ArrayRef<int64_t> shape) {
  if (!input)
    return {};
  auto type = RankedTensorType::get(shape, cast<RankedTensorType>(input.getType()).getElementType());
  OperationState state(place(), attn::ReshapeOp::getOperationName());
  state.addOperands(input);
  state.addTypes(type);
  return checkedResult(builder.create(state));
}

Value ImportBuilder::broadcast(Value input, ArrayRef<int64_t> shape) {
  if (!input)
    return {};
  auto type = RankedTensorType::get(shape, cast<RankedTensorType>(input.getType()).getElementType());
  OperationState state(place(), attn::BroadcastOp::getOperationName());
  state.addOperands(input);
  state.addTypes(type);
  return checkedResult(builder.create(state));
}

Value ImportBuilder::concat(ArrayRef<Value> inputs, int64_t axis) {
  return emitWith<attn::ConcatOp>(
      inputs, [&](attn::ConcatOp::Properties &properties) { properties.axis = builder.getI64IntegerAttr(axis); });
}

Value ImportBuilder::activation(Value input, ActivationKind kind) {
  if (kind == ActivationKind::None)
    return input;
  // The enums agree by name.
  std::optional<attn::ActivationKind> symbol = attn::symbolizeActivationKind(spelling(kind));
  assert(symbol && "an activation without its counterpart in the dialect");
  return emitWith<attn::ActivationOp>({input}, [&](attn::ActivationOp::Properties &properties) {
    properties.kind = attn::ActivationKindAttr::get(builder.getContext(), *symbol);
  });
}

Value ImportBuilder::layerNorm(Value input, Value weight, Value bias, double eps) {
  SmallVector<Value> operands = {input};
  if (weight)
    operands.push_back(weight);
  if (bias)
    operands.push_back(bias);
  return emitWith<attn::LayerNormOp>(operands, [&](attn::LayerNormOp::Properties &properties) {
    properties.eps = builder.getF64FloatAttr(eps);
    properties.operandSegmentSizes = {1, weight ? 1 : 0, bias ? 1 : 0};
  });
}

Value ImportBuilder::constant(ArrayRef<float> data, ArrayRef<int64_t> shape) {
  auto type = RankedTensorType::get(shape, builder.getF32Type());
  return attn::ConstantOp::create(builder, place(), DenseElementsAttr::get(type, data)).getResult();
}

Value ImportBuilder::parameter(const std::string &name, ArrayRef<int64_t> shape) {
  auto type = RankedTensorType::get(shape, builder.getF32Type());
  auto [known, fresh] = parameters.try_emplace(name, Value());
  if (!fresh) {
    if (known->second && known->second.getType() != type)
      return fail("parameter " + inQuotes(name) + " is used with the shapes " + toString(std::vector<int64_t>(shape)) +
                  " and " + describe(known->second));
    return known->second;
  }
  if (name == *model.name || name.empty() || name.find('\0') != std::string::npos)
    return fail("a parameter cannot be named " + inQuotes(name),
                name == *model.name ? "it is the model's name; change one of them" : "");
  OpBuilder::InsertionGuard guard(builder);
  builder.setInsertionPoint(function);
  attn::ParameterOp::create(builder, place(), name, type);
  builder.setInsertionPointToEnd(&function.getBody().front());
  known->second = attn::WeightOp::create(builder, place(), type, name).getResult();
  return known->second;
}

Value ImportBuilder::blockedMask(const Located<std::string> &name, MaskConvention convention, ArrayRef<int64_t> shape) {
  Value mask = values.at(*name);
  bool stated = false;
  for (const InputDesc &input : model.inputs)
    if (*input.name == *name && *input.mask != MaskConvention::None) {
      convention = *input.mask;
      stated = true;
    }
  if (auto [known, fresh] = assumedConventions.try_emplace(*name, convention); !stated && known->second != convention)
    diagnostics.warning(name.loc,
                        "true in " + inQuotes(*name) +
                            " means two things: in ScaledDotProductAttention that the key "
                            "takes part, in the other modules that it is blocked",
                        "state the input's \"mask\": \"blocked\" or \"valid\", which holds everywhere");
  if (!shape.empty())
    mask = reshape(mask, shape);
  if (!mask)
    return {};
  bool isBool = cast<RankedTensorType>(mask.getType()).getElementType().isInteger(1);
  if (convention == MaskConvention::Valid)
    return emit<attn::IsZeroOp>({mask});
  return isBool ? mask : emit<attn::IsZeroOp>({emit<attn::IsZeroOp>({mask})});
}

bool ImportBuilder::addState(const std::string &name, RankedTensorType type) {
  auto isName = [&](const auto &named) { return *named.name == name; };
  if (llvm::any_of(model.inputs, isName) || llvm::any_of(model.outputs, isName) ||
      llvm::any_of(states, [&](const State &state) { return state.name == name; }))
    return false;
  const unsigned number = function.getNumArguments();
  (void)function.insertArgument(number, type, builder.getDictionaryAttr({}), place());
  function.setArgAttr(number, "attn.name", builder.getStringAttr(name));
  states.push_back({name, number, function.getArgument(number)});
  return true;
}

void ImportBuilder::limitIndices(Value indices, int64_t rows) {
  if (auto argument = dyn_cast<BlockArgument>(indices)) {
    unsigned number = argument.getArgNumber();
    auto limit = function.getArgAttrOfType<IntegerAttr>(number, "attn.index_limit");
    if (!limit || limit.getInt() > rows)
      function.setArgAttr(number, "attn.index_limit", builder.getI64IntegerAttr(rows));
    return;
  }
  Operation *op = indices.getDefiningOp();
  assert((isa<attn::TransposeOp, attn::ReshapeOp, attn::SliceOp, attn::ConcatOp>(op)) &&
         "an op that computes integers, which attnc_run() cannot check");
  for (Value operand : op->getOperands())
    limitIndices(operand, rows);
}

} // namespace attnc
