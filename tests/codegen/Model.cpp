// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "tests/codegen/Model.h"

#include "codegen/Compile.h"
#include "codegen/TargetMachines.h"
#include "ir/Reference.h"
#include "passes/Variants.h"

#include "mlir/Parser/Parser.h"

#include <sstream>
#include <stdexcept>

namespace attnc::test {

namespace {

std::string typeOf(const Shape &shape, DType dtype) {
  static const char *const names[] = {"f32", "i32", "i64", "i1"};
  std::string text = "tensor<";
  for (int64_t extent : shape)
    text += (extent == kBatch ? "?" : std::to_string(extent)) + "x";
  return text + names[static_cast<int>(dtype)] + ">";
}

/// One context for all tests: loading dialects costs more than a small kernel. Diagnostics gather in `messages`.
struct Session {
  Session() {
    context.disableMultithreading();
    context
        .loadDialect<attn::AttnDialect, mlir::arith::ArithDialect, mlir::func::FuncDialect, mlir::math::MathDialect>();
    context.getDiagEngine().registerHandler([this](mlir::Diagnostic &diagnostic) {
      messages += diagnostic.str() + "\n";
      return mlir::success();
    });
  }

  static Session &get() {
    static Session session;
    return session;
  }

  [[noreturn]] void fail(const std::string &what, const std::string &text) {
    std::string reason = what + ":\n" + messages + text;
    messages.clear();
    throw std::runtime_error(reason);
  }

  mlir::OwningOpRef<mlir::ModuleOp> parse(const std::string &text) {
    auto module = mlir::parseSourceString<mlir::ModuleOp>(text, &context);
    if (!module)
      fail("the model's text is rejected", text);
    return module;
  }

  std::string messages;
  mlir::MLIRContext context;
};

mlir::OwningOpRef<mlir::ModuleOp> lowered(const Model &model, const CompileOptions &options,
                                          std::vector<TargetInfo> &targets) {
  Session &session = Session::get();
  std::string error, cpu;
  std::istringstream cpus(options.cpu);
  while (std::getline(cpus, cpu, ',')) {
    auto found = findTarget("x86_64", cpu, error);
    if (!found)
      session.fail(error, "");
    targets.push_back(*found);
  }
  if (!orderTargets(targets, error))
    session.fail(error, "");
  auto module = session.parse(model.text);
  PipelineOptions pipeline;
  pipeline.mergeProjections = options.mergeProjections;
  pipeline.fuseAttention = options.fuseAttention;
  pipeline.packRows = options.packRows;
  pipeline.fuseEpilogue = options.fuseEpilogue;
  if (options.microbatch >= 0)
    pipeline.microbatch = options.microbatch;
  if (options.blockKeys >= 0)
    pipeline.blockKeys = options.blockKeys;
  ModelBuckets only;
  only.modules.push_back(std::move(module));
  module = lowerVariants(std::move(only), targets, pipeline);
  if (!module)
    session.fail("a pass failed", model.text);
  return module;
}

reference::Tensor toReference(const Array &array) {
  reference::Tensor tensor(array.shape, static_cast<reference::DType>(array.dtype));
  tensor.values = array.values;
  return tensor;
}

Array fromReference(const reference::Tensor &tensor) {
  return {static_cast<DType>(tensor.dtype), Shape(tensor.shape.begin(), tensor.shape.end()), tensor.values};
}

} // namespace

int64_t elementCount(const Shape &shape) {
  int64_t count = 1;
  for (int64_t extent : shape)
    count *= extent;
  return count;
}

Shape withBatch(Shape shape, int64_t batch) {
  for (int64_t &extent : shape)
    extent = extent == kBatch ? batch : extent;
  return shape;
}

Value ModelWriter::input(const std::string &name, const Shape &shape, DType dtype) {
  model.inputs.push_back({name, shape, dtype});
  return {"%" + name, shape, dtype};
}

Value ModelWriter::weight(const std::string &name, const Shape &shape) {
  model.weights.push_back({name, shape});
  const Value value{"%" + std::to_string(counter++), shape};
  body += "  " + value.name + " = attn.weight @\"" + name + "\" : " + typeOf(shape, DType::f32) + "\n";
  return value;
}

Value ModelWriter::constant(const std::vector<float> &values) {
  const Value value{"%" + std::to_string(counter++), {static_cast<int64_t>(values.size())}};
  std::string list;
  for (float element : values)
    list += (list.empty() ? "" : ", ") + std::to_string(element);
  body += "  " + value.name + " = attn.constant dense<[" + list + "]> : " + typeOf(value.shape, DType::f32) + "\n";
  return value;
}

Value ModelWriter::op(const std::string &text, const std::vector<Value> &operands, const Shape &shape, DType dtype) {
  const Value value{"%" + std::to_string(counter++), shape, dtype};
  std::string types;
  for (const Value &operand : operands)
    types += (types.empty() ? "" : ", ") + typeOf(operand.shape, operand.dtype);
  body += "  " + value.name + " = " + text + " : (" + types + ") -> " + typeOf(shape, dtype) + "\n";
  return value;
}

Value ModelWriter::linear(const Value &x, const Value &weight, const std::string &precision) {
  Shape shape = x.shape;
  shape.back() = weight.shape[0];
  return op("attn.matmul " + x.name + ", " + weight.name + " {precision = #attn<precision " + precision +
                ">, transpose_rhs}",
            {x, weight}, shape);
}

Value ModelWriter::add(const Value &x, const Value &y) {
  return op("attn.add " + x.name + ", " + y.name, {x, y}, x.shape);
}

Value ModelWriter::activation(const std::string &kind, const Value &x) {
  return op("attn.activation " + kind + " " + x.name, {x}, x.shape);
}

Value ModelWriter::layerNorm(const Value &x, const std::string &name, double eps) {
  const Value scale = weight(name + ".weight", {x.shape.back()}), shift = weight(name + ".bias", {x.shape.back()});
  return op("attn.layernorm " + x.name + " weight " + scale.name + " bias " + shift.name +
                " {eps = " + std::to_string(eps) + " : f64}",
            {x, scale, shift}, x.shape);
}

Value ModelWriter::rmsNorm(const Value &x, const std::string &name, double eps) {
  const Value scale = weight(name + ".weight", {x.shape.back()});
  return op("attn.rmsnorm " + x.name + " weight " + scale.name + " {eps = " + std::to_string(eps) + " : f64}",
            {x, scale}, x.shape);
}

Model ModelWriter::finish(const std::vector<Value> &results) {
  std::string arguments, types, names, values, parameters;
  for (const TensorSpec &input : model.inputs)
    arguments += (arguments.empty() ? "%" : ", %") + input.name + ": " + typeOf(input.shape, input.dtype) +
                 " {attn.name = \"" + input.name + "\"}";
  for (const TensorSpec &weight : model.weights)
    parameters += "attn.parameter @\"" + weight.name + "\" : " + typeOf(weight.shape, DType::f32) + "\n";
  for (size_t i = 0; i < results.size(); ++i) {
    const std::string type = typeOf(results[i].shape, results[i].dtype), separator = i ? ", " : "";
    types += separator + type + " {attn.name = \"result" + std::to_string(i) + "\"}";
    names += separator + results[i].name;
    values += separator + type;
  }
  model.text = "module @tested attributes {attn.min_batch = " + std::to_string(minBatch) +
               " : i64, attn.max_batch = " + std::to_string(maxBatch) + " : i64} {\n" + parameters +
               "func.func @tested(" + arguments + ") -> (" + types + ") {\n" + body + "  return " + names + " : " +
               values + "\n}\n}\n";
  return model;
}

std::string compileObject(const Model &model, const CompileOptions &options) {
  std::vector<TargetInfo> targets;
  auto module = lowered(model, options, targets);
  CodegenRequest request;
  request.object = true;
  Artefacts artefacts;
  std::vector<std::string> errors;
  if (!generateCode(*module, targets, nullptr, request, artefacts, errors))
    Session::get().fail(errors.empty() ? "codegen failed" : errors.front(), model.text);
  return std::move(artefacts.object);
}

std::string kernelCalls(const Model &model, const CompileOptions &options) {
  std::vector<TargetInfo> targets;
  auto module = lowered(model, options, targets);
  std::string names;
  module->walk([&](mlir::func::CallOp call) { names += (names.empty() ? "" : " ") + call.getCallee().str(); });
  return names;
}

Expected evaluate(const Model &model, const Data &data) {
  Session &session = Session::get();
  auto module = session.parse(model.text);
  auto function = *module->getOps<mlir::func::FuncOp>().begin();
  std::vector<reference::Tensor> inputs;
  for (const Array &input : data.inputs)
    inputs.push_back(toReference(input));
  reference::ParameterValues weights;
  for (const auto &[name, weight] : data.weights)
    weights[name] = toReference(weight);
  auto run = [&](reference::Precision precision) {
    auto results = reference::runReference(function, inputs, weights, data.batch, precision);
    if (mlir::failed(results))
      session.fail("the reference fails", model.text);
    std::vector<Array> arrays;
    for (const reference::Tensor &result : *results)
      arrays.push_back(fromReference(result));
    return arrays;
  };
  return {run(reference::Precision::f64), run(reference::Precision::f32)};
}

} // namespace attnc::test
