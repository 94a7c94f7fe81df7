// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The description's own keys: name, dims, inputs, weights, outputs. Its modules are read by ParseModules.cpp.
#include "frontend/ParseModel.h"

#include "frontend/Dims.h"
#include "frontend/Identifiers.h"
#include "frontend/ParseModules.h"

#include <algorithm>
#include <set>

namespace attnc {

namespace {

class ModelParser {
public:
  ModelParser(const JsonValue &root, const DimOverrides &overrides, Diagnostics &diagnostics)
      : root(root), overrides(overrides), diagnostics(diagnostics), reader(diagnostics) {}

  ModelDesc parse() {
    if (!reader.checkKeys(root, modelSpec()))
      return std::move(model);
    if (const JsonValue *schema = root.find("$schema"))
      reader.string(*schema, "$schema");
    readName();
    readDims();
    readInputs();
    readWeights();
    reader.read(root, {optional("precision", &ModelDesc::precision)}, model);
    if (const JsonValue *modules = root.find("model"))
      parseModules(*modules, model, diagnostics);
    readOutputs();
    return std::move(model);
  }

private:
  void readName() {
    model.name = Located<std::string>(modelNameFor(root.file->name), root.loc(), false);
    const JsonValue *name = root.find("name");
    if (!name)
      return;
    if (std::optional<std::string> text = reader.string(*name, "name")) {
      model.name = Located<std::string>(*text, name->loc());
      checkModelName(model.name, diagnostics);
    }
  }

  /// The members of an object-valued key, with their names checked as C identifiers.
  template <typename Read> void forEachMember(const char *key, size_t limit, Read read) {
    const JsonValue *map = root.find(key);
    if (!map)
      return;
    if (map->kind != JsonKind::Object)
      return reader.wrongType(*map, key, "an object");
    if (map->members.size() > limit)
      return diagnostics.error(map->loc(), std::string(key) + " has more than " + std::to_string(limit) + " members");
    for (const JsonMember &member : map->members) {
      Located<std::string> name(member.key, member.keyLoc());
      if (checkIdentifier(name, "the name", diagnostics))
        read(name, *member.value);
    }
  }

  void readDims() {
    forEachMember("dims", maxDims, [&](const Located<std::string> &name, const JsonValue &value) {
      DimDesc dim;
      dim.name = name;
      const JsonValue *extent = &value;
      if (value.kind == JsonKind::Object) {
        dim.runtime = true;
        reader.checkKeys(value, dimSpec());
        extent = value.find("max");
      }
      KeySpec spec = special(dim.runtime ? "max" : "a dimension", KeyType::Integer, KeyRole::Required);
      spec.minimum = 1;
      std::optional<int64_t> number = extent ? reader.integer(*extent, spec) : std::nullopt;
      dim.extent = Located<int64_t>(number.value_or(1), value.loc());
      model.dims.push_back(std::move(dim));
    });
    applyOverrides(model.dims, overrides, diagnostics);
    const DimDesc *first = nullptr;
    for (const DimDesc &dim : model.dims) {
      if (dim.runtime && first)
        diagnostics.error(dim.name.loc, "a second run-time dimension, " + inQuotes(*dim.name),
                          "supported is one; give this one a number, or set it with --dim " + *dim.name + "=N");
      if (dim.runtime && !first)
        first = &dim;
    }
  }

  void readInputs() {
    forEachMember("inputs", maxTensors, [&](const Located<std::string> &name, const JsonValue &value) {
      InputDesc input;
      input.name = name;
      if (reader.checkKeys(value, inputSpec())) {
        static const std::vector<Key<InputDesc>> table = {optional("dtype", &InputDesc::dtype),
                                                          optional("mask", &InputDesc::mask)};
        reader.read(value, table, input);
        readInputShape(value, input);
        if (*input.mask != MaskConvention::None && *input.dtype == DType::F32)
          diagnostics.error(input.mask.loc, "\"mask\" on an input of dtype f32",
                            "a padding mask has dtype bool, i32 or i64");
      }
      model.inputs.push_back(std::move(input));
    });
    const JsonValue *inputs = root.find("inputs");
    if (inputs && inputs->kind == JsonKind::Object && inputs->members.empty())
      diagnostics.error(inputs->loc(), "a model needs at least one input");
    checkTensorNames();
  }

  void readInputShape(const JsonValue &value, InputDesc &input) {
    const JsonValue *shape = value.find("shape");
    std::optional<Shape> extents = shape ? readShape(*shape, "shape", {diagnostics, model.dims}) : std::nullopt;
    if (!extents)
      return;
    input.shape = Located<Shape>(*extents, shape->loc());
    if (extents->empty())
      diagnostics.error(shape->loc(), "shape [] has no dimension", "a single value has the shape [1]");
  }

  /// The generated header makes macros of the names, so they may not differ in case alone.
  void checkTensorNames() {
    std::set<std::string> seen;
    for (const InputDesc &input : model.inputs)
      checkTensorName(input.name, seen, diagnostics);
    for (const OutputDesc &output : model.outputs)
      checkTensorName(output.name, seen, diagnostics);
  }

  void readWeights() {
    const JsonValue *value = root.find("weights");
    if (!value || value->kind == JsonKind::Null)
      return;
    const JsonValue *file = value;
    WeightsDesc weights;
    if (value->kind == JsonKind::Object) {
      reader.checkKeys(*value, weightsSpec());
      file = value->find("file");
      readPrefixMap(value->find("prefix"), weights);
    } else if (value->kind != JsonKind::String)
      return reader.wrongType(*value, "weights", "the name of a file, an object or null");
    std::optional<std::string> path = file ? reader.string(*file, "file") : std::nullopt;
    if (!path)
      return;
    weights.path = Located<std::string>(*path, file->loc());
    checkWeightsPath(weights.path);
    model.weights = std::move(weights);
  }

  void readPrefixMap(const JsonValue *map, WeightsDesc &weights) {
    if (!map)
      return;
    if (map->kind != JsonKind::Object)
      return reader.wrongType(*map, "prefix", "an object");
    for (const JsonMember &member : map->members)
      if (std::optional<std::string> to = reader.string(*member.value, "a prefix"))
        weights.prefixMap.emplace_back(Located<std::string>(member.key, member.keyLoc()),
                                       Located<std::string>(*to, member.value->loc()));
  }

  /// A description may come from anywhere; it must not pull other files of its reader's into an object.
  void checkWeightsPath(const Located<std::string> &path) {
    std::string padded = "/" + *path + "/";
    bool leaves = path->empty() || path->front() == '/' || padded.find("/../") != std::string::npos ||
                  path->find('\0') != std::string::npos;
    if (leaves)
      diagnostics.error(path.loc, "weights " + inQuotes(*path) + " are not at or below the description's directory",
                        "give a path relative to it, without \"..\"");
  }

  void readOutputs() {
    const JsonValue *outputs = root.find("outputs");
    forEachMember("outputs", maxTensors, [&](const Located<std::string> &name, const JsonValue &value) {
      if (std::optional<std::string> text = reader.string(value, "an output"))
        model.outputs.push_back({name, Located<std::string>(*text, value.loc())});
    });
    if (!outputs && !model.modules.empty())
      model.outputs.push_back({Located<std::string>("output", root.loc(), false),
                               Located<std::string>(*model.modules.back().name, root.loc(), false)});
    if (outputs && outputs->kind == JsonKind::Object && outputs->members.empty())
      diagnostics.error(outputs->loc(), "a model needs at least one output");
    // A missing name would be reported for every module that could not be read.
    if (!diagnostics.hasErrors()) {
      checkTensorNames();
      resolveOutputs(model, diagnostics);
    }
  }

  const JsonValue &root;
  const DimOverrides &overrides;
  Diagnostics &diagnostics;
  KeyReader reader;
  ModelDesc model;
};

std::optional<ModelDesc> parseDocument(const SourceFile &file, const DimOverrides &overrides,
                                       Diagnostics &diagnostics) {
  size_t errorsBefore = diagnostics.errorCount();
  std::unique_ptr<JsonDocument> document = parseJson(file, diagnostics);
  if (!document)
    return std::nullopt;
  ModelDesc model = ModelParser(document->root(), overrides, diagnostics).parse();
  if (diagnostics.errorCount() != errorsBefore)
    return std::nullopt;
  return model;
}

} // namespace

std::optional<Shape> readShape(const JsonValue &value, const std::string &name, const ParseContext &context) {
  KeyReader reader(context.diagnostics);
  if (value.kind != JsonKind::Array) {
    reader.wrongType(value, name, "a list of integers and names of dimensions");
    return std::nullopt;
  }
  size_t errorsBefore = context.diagnostics.errorCount();
  if (value.items.size() > maxRank)
    context.diagnostics.error(value.loc(), name + " has " + std::to_string(value.items.size()) + " dimensions",
                              "supported are at most " + std::to_string(maxRank));
  Shape shape;
  std::vector<std::string> names;
  for (const DimDesc &dim : context.dims)
    names.push_back(*dim.name);
  KeySpec spec = special("an extent", KeyType::Integer, KeyRole::Required);
  spec.minimum = 1;
  for (const JsonValue *item : value.items) {
    Extent extent;
    if (item->kind == JsonKind::String) {
      auto dim = std::find_if(context.dims.begin(), context.dims.end(),
                              [&](const DimDesc &dim) { return *dim.name == item->text; });
      if (dim == context.dims.end())
        context.diagnostics.error(item->loc(),
                                  "unknown dimension " + inQuotes(item->text) + didYouMean(item->text, names),
                                  "dimensions are declared in \"dims\"");
      else
        extent = {*dim->extent, dim->runtime, *dim->name};
      if (extent.runtime && item->position != 0)
        context.diagnostics.error(item->loc(),
                                  "the run-time dimension " + inQuotes(extent.dim) + " is not the first of the shape",
                                  "put it first, or fix it with --dim " + extent.dim + "=N");
    } else if (std::optional<int64_t> number = reader.integer(*item, spec))
      extent.value = *number;
    shape.push_back(std::move(extent));
  }
  if (context.diagnostics.errorCount() != errorsBefore)
    return std::nullopt;
  std::vector<int64_t> extents;
  for (const Extent &extent : shape)
    extents.push_back(extent.value);
  if (!checkElementCount(extents, name, value.loc(), context.diagnostics))
    return std::nullopt;
  return shape;
}

void applyOverrides(std::vector<DimDesc> &dims, const DimOverrides &overrides, Diagnostics &diagnostics) {
  std::vector<std::string> names;
  for (const DimDesc &dim : dims)
    names.push_back(*dim.name);
  for (const auto &[name, extent] : overrides) {
    std::string option = "--dim " + name + "=" + std::to_string(extent);
    auto dim =
        std::find_if(dims.begin(), dims.end(), [&, &wanted = name](const DimDesc &dim) { return *dim.name == wanted; });
    if (dim == dims.end()) {
      diagnostics.error({}, option + ": the model has no dimension " + inQuotes(name) + didYouMean(name, names),
                        names.empty() ? "it declares no \"dims\"" : "its dimensions are: " + joined(names));
      continue;
    }
    if (extent < 1 || extent > maxElements) {
      diagnostics.error({}, option + ": a dimension is from 1 to " + std::to_string(maxElements));
      continue;
    }
    dim->extent.value = extent;
    dim->runtime = false;
  }
}

std::optional<ModelDesc> parseModelFile(const std::string &path, const DimOverrides &overrides,
                                        Diagnostics &diagnostics) {
  std::optional<std::string> text = readTextFile(path, maxJsonBytes, diagnostics);
  if (!text)
    return std::nullopt;
  std::optional<ModelDesc> model = parseDocument(diagnostics.addSource(path, std::move(*text)), overrides, diagnostics);
  size_t slash = path.find_last_of('/');
  if (model && slash != std::string::npos)
    model->directory = slash == 0 ? "/" : path.substr(0, slash);
  return model;
}

std::optional<ModelDesc> parseModelText(std::string name, std::string text, const DimOverrides &overrides,
                                        Diagnostics &diagnostics) {
  return parseDocument(diagnostics.addSource(std::move(name), std::move(text)), overrides, diagnostics);
}

} // namespace attnc
