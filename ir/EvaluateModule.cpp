// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "ir/EvaluateModule.h"

#include "llvm/Support/Format.h"

#include <cmath>

using namespace mlir;
using namespace attnc::attn;

namespace attnc::reference {

Tensor fillTensor(ArrayRef<int64_t> shape, DType dtype, StringRef seed) {
  Tensor tensor(shape, dtype);
  uint64_t state = 0xcbf29ce484222325; // FNV-1a over the seed, then a linear congruential sequence.
  for (unsigned char byte : seed)
    state = (state ^ byte) * 0x100000001b3;
  for (double &value : tensor.values) {
    state = state * 6364136223846793005 + 1442695040888963407;
    uint32_t bits = state >> 40; // 24 bits: exact in f32.
    if (dtype == DType::f32)
      value = double(bits) / (1 << 23) - 1;
    else
      value = dtype == DType::i1 ? bits % 4 == 0 : bits % 4;
  }
  return tensor;
}

/// The values that an attribute gives, or nothing where there is none. Fails where it holds what no tensor of the
/// dialect does.
static FailureOr<std::optional<Tensor>> readValue(Operation *owner, Attribute attribute) {
  if (!attribute)
    return std::optional<Tensor>();
  auto elements = dyn_cast<DenseElementsAttr>(attribute);
  Type type = elements ? elements.getElementType() : Type();
  if (!type || !(type.isF32() || type.isF64() || type.isInteger(1) || type.isInteger(32) || type.isInteger(64)))
    return owner->emitError("values must be a dense tensor of f32, f64, i1, i32 or i64, but are ") << attribute;
  return std::optional<Tensor>(tensorFromElements(elements));
}

/// The values that an attribute gives for a tensor of this shape, else such as depend on `seed` alone.
static FailureOr<Tensor> readOrFill(Operation *owner, Attribute attribute, ArrayRef<int64_t> shape, DType dtype,
                                    StringRef seed) {
  auto value = readValue(owner, attribute);
  if (failed(value))
    return failure();
  if (*value)
    return std::move(**value);
  if (!isHoldable(shape)) {
    InFlightDiagnostic error = owner->emitError("a tensor of extents [");
    llvm::interleaveComma(shape, error);
    return error << "] is not one that the reference can hold";
  }
  return fillTensor(shape, dtype, seed);
}

static FailureOr<ParameterValues> collectParameters(ModuleOp module) {
  ParameterValues params;
  for (auto parameter : module.getOps<ParameterOp>()) {
    StringRef name = parameter.getSymName();
    auto value = readOrFill(parameter, parameter->getAttr("attn.value"),
                            cast<RankedTensorType>(parameter.getType()).getShape(), DType::f32, name);
    if (failed(value))
      return failure();
    params[name] = std::move(*value);
  }
  return params;
}

/// The batch that the values given for the arguments have, else what attn.batch says, else 2.
static int64_t batchOf(func::FuncOp function) {
  for (auto [number, type] : llvm::enumerate(function.getArgumentTypes())) {
    ArrayRef<int64_t> shape = cast<RankedTensorType>(type).getShape();
    auto dynamic = llvm::find(shape, ShapedType::kDynamic);
    auto value = function.getArgAttrOfType<DenseElementsAttr>(number, "attn.value");
    if (dynamic != shape.end() && value && value.getType().getRank() == int64_t(shape.size()))
      return value.getType().getShape()[dynamic - shape.begin()];
  }
  auto batch = function->getAttrOfType<IntegerAttr>("attn.batch");
  return batch ? batch.getInt() : 2;
}

static FailureOr<SmallVector<Tensor>> collectInputs(func::FuncOp function, int64_t batch) {
  SmallVector<Tensor> inputs;
  for (auto [number, argument] : llvm::enumerate(function.getArgumentTypes())) {
    auto type = cast<RankedTensorType>(argument);
    SmallVector<int64_t> shape(type.getShape());
    llvm::replace(shape, ShapedType::kDynamic, batch);
    auto value = readOrFill(function, function.getArgAttr(number, "attn.value"), shape, dtypeOf(type.getElementType()),
                            "input" + std::to_string(number));
    if (failed(value))
      return failure();
    inputs.push_back(std::move(*value));
  }
  return inputs;
}

static void printValue(raw_ostream &out, DType dtype, double value, unsigned digits) {
  if (dtype == DType::f32)
    out << llvm::format("%.*g", int(digits), value);
  else
    out << int64_t(value);
}

/// Nested lists, as dense<> writes them.
static void printTensor(raw_ostream &out, const Tensor &tensor, unsigned digits) {
  size_t next = 0;
  std::function<void(unsigned)> print = [&](unsigned dim) {
    if (dim == tensor.shape.size())
      return printValue(out, tensor.dtype, tensor.values[next++], digits);
    out << "[";
    for (int64_t i = 0; i < tensor.shape[dim]; ++i) {
      out << (i ? ", " : "");
      print(dim + 1);
    }
    out << "]";
  };
  print(0);
}

static bool matches(double value, double expected, double tolerance) {
  if (std::isnan(expected) || std::isinf(expected))
    return std::isnan(expected) ? std::isnan(value) : value == expected;
  if (value == 0 && expected == 0)
    return std::signbit(value) == std::signbit(expected);
  return std::fabs(value - expected) <= tolerance * std::max(1.0, std::fabs(expected));
}

static LogicalResult compareResult(func::FuncOp function, unsigned number, const Tensor &result, Attribute attribute,
                                   double tolerance) {
  auto value = readValue(function, attribute);
  if (failed(value))
    return failure();
  const Tensor &expected = **value;
  if (expected.shape != result.shape || expected.dtype != result.dtype)
    return function.emitError("result ") << number << " has not the type of its expected value " << attribute;
  LogicalResult status = success();
  forEachIndex(result.shape, [&](ArrayRef<int64_t> index) {
    double actual = result.at(index), wanted = expected.at(index);
    if (failed(status) || matches(actual, wanted, result.dtype == DType::f32 ? tolerance : 0))
      return;
    std::string text;
    llvm::raw_string_ostream stream(text);
    stream << "result " << number << "[";
    llvm::interleaveComma(index, stream);
    stream << "] is ";
    stream << llvm::format("%.9g, expected %.9g (tolerance %g)", actual, wanted, tolerance);
    status = function.emitError(text);
  });
  return status;
}

static LogicalResult evaluateFunction(func::FuncOp function, const ParameterValues &params, raw_ostream &out,
                                      Precision precision, unsigned digits) {
  if (!llvm::all_of(function.getArgumentTypes(), llvm::IsaPred<RankedTensorType>))
    return function.emitError("only takes tensors if the reference is to run it");
  int64_t batch = batchOf(function);
  auto inputs = collectInputs(function, batch);
  if (failed(inputs))
    return failure();
  auto results = runReference(function, *inputs, params, batch, precision);
  if (failed(results))
    return failure();
  auto expected = function->getAttrOfType<ArrayAttr>("attn.expected");
  if (!expected) {
    for (auto [number, result] : llvm::enumerate(*results)) {
      out << function.getName() << "[" << number << "]: ";
      printTensor(out, result, digits);
      out << "\n";
    }
    return success();
  }
  if (expected.size() != results->size())
    return function.emitError("has ") << results->size() << " results, but expects " << expected.size();
  auto tolerance = function->getAttrOfType<FloatAttr>("attn.tolerance");
  for (auto [number, result] : llvm::enumerate(*results))
    if (failed(
            compareResult(function, number, result, expected[number], tolerance ? tolerance.getValueAsDouble() : 1e-6)))
      return failure();
  out << function.getName() << ": as expected\n";
  return success();
}

LogicalResult evaluateModule(ModuleOp module, raw_ostream &out, Precision precision, unsigned digits) {
  FailureOr<ParameterValues> params = collectParameters(module);
  if (failed(params))
    return failure();
  LogicalResult status = success();
  for (auto function : module.getOps<func::FuncOp>())
    if (function.isPublic() && !function.isExternal() &&
        failed(evaluateFunction(function, *params, out, precision, digits)))
      status = failure();
  return status;
}

} // namespace attnc::reference
