// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The nodes of a Graph: op, name, inputs, attributes. Names are resolved when all modules are read (ParseModel.cpp).
#include "frontend/Dims.h"
#include "frontend/GraphOps.h"
#include "frontend/ModuleTypes.h"

#include <cmath>

namespace attnc {

namespace {

class GraphReader {
public:
  explicit GraphReader(const ParseContext &context)
      : context(context), diagnostics(context.diagnostics), reader(diagnostics) {}

  GraphDesc read(const JsonValue &object) {
    GraphDesc graph;
    const JsonValue *nodes = object.find("nodes"), *output = object.find("output");
    if (nodes)
      readNodes(*nodes, graph);
    if (!graph.nodes.empty())
      graph.output = Located<std::string>(*graph.nodes.back().name, graph.nodes.back().loc, false);
    if (output)
      if (std::optional<std::string> name = reader.string(*output, "output"))
        graph.output = Located<std::string>(*name, output->loc());
    return graph;
  }

private:
  void readNodes(const JsonValue &nodes, GraphDesc &graph) {
    if (nodes.kind != JsonKind::Array)
      return reader.wrongType(nodes, "nodes", "a list of objects");
    if (nodes.items.empty())
      diagnostics.error(nodes.loc(), "a Graph needs at least one node");
    if (nodes.items.size() > maxNodes)
      return diagnostics.error(nodes.loc(), "more than " + std::to_string(maxNodes) + " nodes");
    for (const JsonValue *node : nodes.items)
      if (std::optional<NodeDesc> parsed = readNode(*node))
        graph.nodes.push_back(std::move(*parsed));
  }

  std::optional<NodeDesc> readNode(const JsonValue &object) {
    if (object.kind != JsonKind::Object) {
      reader.wrongType(object, "a node", "an object");
      return std::nullopt;
    }
    const JsonValue *opName = object.find("op");
    if (!opName) {
      diagnostics.error(object.loc(), "missing key \"op\"", "a node needs \"op\": the name of its operation");
      return std::nullopt;
    }
    std::optional<std::string> text = reader.string(*opName, "op");
    const GraphOp *op = text ? findGraphOp(*text) : nullptr;
    if (text && !op)
      unknownOp(*opName);
    if (!op)
      return std::nullopt;

    NodeDesc node;
    node.loc = object.loc();
    node.op = Located<std::string>(op->op, opName->loc());
    node.name = Located<std::string>(std::to_string(object.position), object.loc(), false);
    reader.checkKeys(object, op->spec);
    if (const JsonValue *name = object.find("name"))
      if (std::optional<std::string> given = reader.string(*name, "name"))
        node.name = Located<std::string>(*given, name->loc());
    readInputs(object, *op, node);
    for (const KeySpec &spec : op->spec.keys)
      if (spec.name != "op" && spec.name != "name" && spec.name != "inputs")
        readAttribute(object, spec, node);
    return node;
  }

  void unknownOp(const JsonValue &name) {
    std::vector<std::string> names;
    std::string all;
    for (const GraphOp &op : graphOps()) {
      names.push_back(op.op);
      all += (all.empty() ? "" : ", ") + op.op;
    }
    diagnostics.error(name.loc(), "unknown op " + inQuotes(name.text) + didYouMean(name.text, names), "ops: " + all);
  }

  void readInputs(const JsonValue &object, const GraphOp &op, NodeDesc &node) {
    const JsonValue *inputs = op.maxInputs ? object.find("inputs") : nullptr;
    if (!inputs)
      return;
    if (inputs->kind != JsonKind::Array)
      return reader.wrongType(*inputs, "inputs", "a list of names of values");
    for (const JsonValue *item : inputs->items)
      if (std::optional<std::string> name = reader.string(*item, "an input"))
        node.inputs.emplace_back(*name, item->loc());
    size_t count = inputs->items.size();
    if (count < op.minInputs || count > op.maxInputs) {
      std::string range =
          std::to_string(op.minInputs) + (op.minInputs == op.maxInputs ? "" : " to " + std::to_string(op.maxInputs));
      diagnostics.error(inputs->loc(), op.op + " takes " + range + (range == "1" ? " input" : " inputs") +
                                           ", but has " + std::to_string(count));
    }
  }

  void readAttribute(const JsonValue &object, const KeySpec &spec, NodeDesc &node) {
    const JsonValue *value = object.find(spec.name);
    if (!value || (spec.nullable && value->kind == JsonKind::Null))
      return;
    std::optional<AttributeValue> parsed = readValue(*value, spec);
    if (parsed)
      node.attributes[spec.name] = Located<AttributeValue>(std::move(*parsed), value->loc());
  }

  template <typename T> static std::optional<AttributeValue> wrap(std::optional<T> value) {
    return value ? std::optional<AttributeValue>(AttributeValue(std::move(*value))) : std::nullopt;
  }

  std::optional<AttributeValue> readValue(const JsonValue &value, const KeySpec &spec) {
    switch (spec.type) {
    case KeyType::Boolean:
      return wrap(reader.boolean(value, spec));
    case KeyType::Integer:
      return wrap(reader.integer(value, spec));
    case KeyType::Choice:
      return wrap(reader.choice(value, spec));
    case KeyType::ShapeList:
      return wrap(readShape(value, spec.name, context));
    case KeyType::Number: {
      std::optional<double> number = reader.number(value, spec);
      if (number && !std::isfinite((float)*number)) {
        diagnostics.error(value.loc(), spec.name + " is beyond the range of f32");
        return std::nullopt;
      }
      return wrap(number);
    }
    case KeyType::IntegerList:
      return wrap(readIntegers(value, spec));
    default:
      return wrap(reader.string(value, spec.name));
    }
  }

  std::optional<std::vector<int64_t>> readIntegers(const JsonValue &value, const KeySpec &spec) {
    if (value.kind != JsonKind::Array) {
      reader.wrongType(value, spec.name, "a list of integers");
      return std::nullopt;
    }
    std::vector<int64_t> integers;
    for (const JsonValue *item : value.items)
      if (std::optional<int64_t> integer = reader.integer(*item, spec))
        integers.push_back(*integer);
    return integers;
  }

  const ParseContext &context;
  Diagnostics &diagnostics;
  KeyReader reader;
};

} // namespace

ModuleKind parseGraph(const JsonValue &object, const ParseContext &context) {
  return GraphReader(context).read(object);
}

} // namespace attnc
