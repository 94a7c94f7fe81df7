// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The list of modules: their type, name, parameters, and which values they read. What is in a module of one type is
// read by that type's function in ModuleTypes.cpp.
#include "frontend/ParseModules.h"

#include "frontend/Dims.h"
#include "frontend/ParseMask.h"

#include <algorithm>
#include <unordered_map>

namespace attnc {

namespace {

template <typename... Cases> struct Overloaded : Cases... {
  using Cases::operator()...;
};
template <typename... Cases> Overloaded(Cases...) -> Overloaded<Cases...>;

/// The values that may be referred to at a place of the list, and those that exist only later.
class Scope {
public:
  explicit Scope(Diagnostics &diagnostics) : diagnostics(diagnostics) {}

  void announce(const std::string &name) { later.emplace(name, true); }

  /// False, with an error, where the name is taken.
  bool define(const Located<std::string> &name) {
    auto [earlier, fresh] = defined.try_emplace(*name, name.loc.line);
    if (!fresh)
      diagnostics.error(name.loc, "the name " + inQuotes(*name) + " is taken",
                        "it is defined on line " + std::to_string(earlier->second));
    if (fresh)
      names.push_back(*name);
    return fresh;
  }

  bool contains(const std::string &name) const { return defined.count(name) != 0; }

  bool resolve(const Located<std::string> &name) const {
    if (contains(*name))
      return true;
    if (later.count(*name))
      diagnostics.error(name.loc, inQuotes(*name) + " is not defined before it is used",
                        "modules and nodes run in the order of the list, so each reads only what is above it");
    else
      diagnostics.error(name.loc, "unknown value " + inQuotes(*name) + suggestion(*name),
                        "a value is an input, a module or <graph>.<node>");
    return false;
  }

private:
  /// Searching costs time, and nobody reads more messages than are printed.
  std::string suggestion(const std::string &name) const {
    return diagnostics.errorCount() < Diagnostics::maxPrinted ? didYouMean(name, names) : "";
  }

  Diagnostics &diagnostics;
  std::unordered_map<std::string, uint32_t> defined;
  std::unordered_map<std::string, bool> later;
  std::vector<std::string> names;
};

/// Names appear in messages, locations and parameter names; what cannot be printed has no business there.
bool isPrintableName(const std::string &name) {
  return !name.empty() && name.size() <= 200 &&
         std::none_of(name.begin(), name.end(), [](unsigned char c) { return c < 0x20 || c == 0x7F; });
}

const AttentionWeightsDesc *attentionWeightsOf(const ModuleKind &kind) {
  return std::visit(
      [](const auto &desc) -> const AttentionWeightsDesc * {
        if constexpr (std::is_base_of_v<AttentionWeightsDesc, std::decay_t<decltype(desc)>>)
          return &desc;
        return nullptr;
      },
      kind);
}

/// The values that a module gives besides its result; those of a Graph are its nodes.
std::vector<std::string> furtherValuesOf(const ModuleDesc &module) {
  std::vector<std::string> names;
  if (const AttentionWeightsDesc *weights = attentionWeightsOf(module.kind)) {
    if (*weights->needWeights)
      names.push_back(*module.name + ".attn_weights");
    if (*weights->needLse)
      names.push_back(*module.name + ".log_sum_exp");
  }
  return names;
}

class ModuleListParser {
public:
  ModuleListParser(ModelDesc &model, Diagnostics &diagnostics)
      : model(model), diagnostics(diagnostics), reader(diagnostics), scope(diagnostics) {}

  void parse(const JsonValue &list) {
    if (list.kind != JsonKind::Array)
      return reader.wrongType(list, "model", "a list of modules");
    if (list.items.empty())
      return diagnostics.error(list.loc(), "\"model\" is empty", "it needs at least one module");
    if (list.items.size() > maxModules)
      return diagnostics.error(list.loc(), "more than " + std::to_string(maxModules) + " modules");
    for (const InputDesc &input : model.inputs)
      scope.define(input.name);
    for (const JsonValue *item : list.items)
      scope.announce(*nameOf(*item));
    for (const JsonValue *item : list.items)
      parseModule(*item);
  }

private:
  static Located<std::string> nameOf(const JsonValue &object) {
    const JsonValue *name = object.find("name");
    if (name && name->kind == JsonKind::String)
      return Located<std::string>(name->text, name->loc());
    return Located<std::string>(std::to_string(object.position), object.loc(), false);
  }

  const ModuleType *typeOf(const JsonValue &object) {
    const JsonValue *type = object.find("type");
    if (!type) {
      diagnostics.error(object.loc(), "missing key \"type\"", "every module says which it is: \"type\": \"Linear\"");
      return nullptr;
    }
    std::optional<std::string> text = reader.string(*type, "type");
    std::vector<std::string> names;
    std::string all;
    for (const ModuleType &candidate : moduleTypes()) {
      if (text && candidate.spec.name == *text)
        return &candidate;
      names.push_back(candidate.spec.name);
      all += (all.empty() ? "" : ", ") + candidate.spec.name;
    }
    if (text)
      diagnostics.error(type->loc(), "unknown module type " + inQuotes(*text) + didYouMean(*text, names),
                        "types: " + all);
    return nullptr;
  }

  void parseModule(const JsonValue &object) {
    if (object.kind != JsonKind::Object)
      return reader.wrongType(object, "a module", "an object");
    ModuleDesc module;
    module.loc = object.loc();
    module.name = nameOf(object);
    const ModuleType *type = typeOf(object);
    if (type) {
      reader.checkKeys(object, type->spec);
      module.kind = type->parse(object, {diagnostics, model.dims});
      noteDropout(object);
      readName(object, module);
      readInputs(object, *type, module);
      readArguments(object, *type, module);
      readParameters(object, *type, module);
      checkParameterSizes(module);
      if (auto *graph = std::get_if<GraphDesc>(&module.kind))
        resolveGraph(*graph, module);
      for (const std::string &name : furtherValuesOf(module))
        scope.define(Located<std::string>(name, module.loc));
    }
    // A module of unknown type still gives its name, lest every reader of it be an error too.
    scope.define(module.name);
    model.modules.push_back(std::move(module));
  }

  void readName(const JsonValue &object, ModuleDesc &module) {
    if (const JsonValue *name = object.find("name"))
      reader.string(*name, "name");
    if (!isPrintableName(*module.name))
      diagnostics.error(module.name.loc, "the name " + inQuotes(*module.name) + " cannot be used",
                        "use 1 to 200 bytes without control characters");
  }

  /// The named value of a key, checked, or the fallback where the key is missing.
  std::optional<Located<std::string>> readReference(const JsonValue &object, const char *key,
                                                    std::optional<Located<std::string>> fallback) {
    const JsonValue *value = object.find(key);
    if (!value)
      return fallback;
    std::optional<std::string> text = reader.string(*value, key);
    if (!text)
      return std::nullopt;
    Located<std::string> name(*text, value->loc());
    scope.resolve(name);
    return name;
  }

  std::optional<Located<std::string>> previousValue(const JsonValue &object) {
    if (!model.modules.empty())
      return Located<std::string>(*model.modules.back().name, object.loc(), false);
    if (!model.inputs.empty())
      return Located<std::string>(*model.inputs.front().name, object.loc(), false);
    return std::nullopt;
  }

  void readInputs(const JsonValue &object, const ModuleType &type, ModuleDesc &module) {
    if (type.form == InputForm::Many)
      return readInputList(object, module);
    if (type.form == InputForm::Row && std::get<EmbeddingDesc>(module.kind).row.given) {
      if (const JsonValue *input = object.find("input"))
        diagnostics.error(input->loc(), "an Embedding with \"row\" reads no input", "leave out \"input\" or \"row\"");
      return;
    }
    std::optional<Located<std::string>> preceding;
    for (const InputSpec &spec : type.inputs) {
      std::optional<Located<std::string>> fallback;
      if (spec.fallback != InputDefault::None)
        fallback = spec.fallback == InputDefault::Previous ? previousValue(object) : preceding;
      preceding = readReference(object, spec.key, fallback);
      if (preceding)
        module.inputs.push_back(*preceding);
    }
  }

  void readInputList(const JsonValue &object, ModuleDesc &module) {
    const JsonValue *list = object.find("inputs");
    if (!list)
      return;
    if (list->kind != JsonKind::Array || list->items.size() < 2)
      return reader.wrongType(*list, "inputs", "a list of two or more names");
    for (const JsonValue *item : list->items)
      if (std::optional<std::string> text = reader.string(*item, "an input")) {
        module.inputs.emplace_back(*text, item->loc());
        scope.resolve(module.inputs.back());
      }
  }

  void readArguments(const JsonValue &object, const ModuleType &type, ModuleDesc &module) {
    for (const ArgumentSpec &spec : type.arguments) {
      readArgument(object, spec, module);
      if (const JsonValue *hint = spec.hint ? object.find(spec.hint) : nullptr)
        readHint(*hint, spec, module);
    }
  }

  void readHint(const JsonValue &hint, const ArgumentSpec &spec, ModuleDesc &module) {
    if (hint.kind != JsonKind::Boolean || !hint.boolean || module.argument(spec.key))
      return;
    if (auto constant = module.constantMasks.find(spec.key); constant != module.constantMasks.end())
      constant->second.hint = Located<std::string>(spec.hint, hint.loc());
    else
      diagnostics.error(hint.loc(), std::string(spec.hint) + " is true, but there is no " + spec.key,
                        "it is a hint that the given mask is causal and makes none; give " + inQuotes(spec.key) +
                            ": {\"causal\": \"top_left\"}");
  }

  static bool isMask(ArgumentKind kind) {
    return kind == ArgumentKind::AttentionMask || kind == ArgumentKind::AllowedMask;
  }

  void readConstantMask(const JsonValue &value, const ArgumentSpec &spec, ModuleDesc &module) {
    std::optional<MaskConstant> mask = readMask(value, spec.key, diagnostics);
    if (!mask)
      return;
    mask->trueBlocks = spec.kind == ArgumentKind::AttentionMask;
    module.constantMasks[spec.key] = std::move(*mask);
  }

  void readArgument(const JsonValue &object, const ArgumentSpec &spec, ModuleDesc &module) {
    const JsonValue *value = object.find(spec.key);
    if (!value || value->kind == JsonKind::Null)
      return;
    if (isMask(spec.kind) && (value->kind == JsonKind::Object || value->kind == JsonKind::Array))
      return readConstantMask(*value, spec, module);
    if (isMask(spec.kind) && value->kind != JsonKind::String)
      return reader.wrongType(*value, spec.key, maskForms);
    std::optional<std::string> text = reader.string(*value, spec.key);
    if (!text)
      return;
    Located<std::string> &name = module.arguments[spec.key] = Located<std::string>(*text, value->loc());
    if (!scope.resolve(name) || isMask(spec.kind))
      return;
    auto input = std::find_if(model.inputs.begin(), model.inputs.end(),
                              [&](const InputDesc &input) { return *input.name == *text; });
    if (input == model.inputs.end())
      return diagnostics.error(value->loc(),
                               std::string(spec.key) + " names " + inQuotes(*text) + ", which is not an input",
                               "supported are padding masks, lengths and positions that are inputs of the model");
    checkArgumentType(spec, *input, name);
  }

  void checkArgumentType(const ArgumentSpec &spec, const InputDesc &input, const Located<std::string> &name) {
    std::string what = std::string(spec.key) + " " + inQuotes(*name);
    const bool isPosition = spec.kind == ArgumentKind::Position;
    if (isPosition || spec.kind == ArgumentKind::Lengths) {
      if (*input.dtype != DType::I32)
        diagnostics.error(name.loc, what + " has dtype " + spelling(*input.dtype),
                          std::string(isPosition ? "positions" : "lengths") + " have dtype i32");
    } else if (*input.dtype == DType::F32) {
      if (spec.kind == ArgumentKind::TokenMask)
        diagnostics.error(name.loc, what + " has dtype f32", "supported is bool, i32 or i64");
    } else if (*input.dtype != DType::Bool && *input.mask == MaskConvention::None)
      diagnostics.error(input.name.loc, "the mask " + inQuotes(*name) + " does not say what its values mean",
                        "add \"mask\": \"valid\" (1 = the token takes part, as in Hugging Face's attention_mask) or "
                        "\"mask\": \"blocked\" (1 = left out, as "
                        "in PyTorch's key_padding_mask)");
  }

  void readParameters(const JsonValue &object, const ModuleType &type, ModuleDesc &module) {
    module.prefix = Located<std::string>(*module.name + ".", module.loc, false);
    if (!type.hasParameters)
      return;
    if (const JsonValue *prefix = object.find("prefix"))
      if (std::optional<std::string> text = reader.string(*prefix, "prefix"))
        module.prefix = Located<std::string>(*text, prefix->loc());
    const JsonValue *parameters = object.find("parameters");
    if (!parameters)
      return;
    if (parameters->kind != JsonKind::Object)
      return reader.wrongType(*parameters, "parameters", "an object");
    if (parameters->members.size() > maxRenamings)
      return diagnostics.error(parameters->loc(),
                               "more than " + std::to_string(maxRenamings) + " parameters are renamed");
    std::vector<std::string> known = parameterNamesOf(module.kind);
    for (const JsonMember &member : parameters->members)
      readRenaming(member, known, module);
  }

  /// The name with the `*` of parameterNamesOf() in place of a layer's index.
  static std::string layerPattern(std::string name) {
    for (const std::string stack : {"layers.", "encoder.layers.", "decoder.layers."}) {
      size_t end = name.find_first_not_of("0123456789", stack.size());
      if (name.compare(0, stack.size(), stack) == 0 && end != std::string::npos && end > stack.size())
        return name.replace(stack.size(), end - stack.size(), "*");
    }
    return name;
  }

  void readRenaming(const JsonMember &member, const std::vector<std::string> &known, ModuleDesc &module) {
    std::string pattern = layerPattern(member.key);
    if (std::find(known.begin(), known.end(), pattern) == known.end())
      return diagnostics.error(member.keyLoc(),
                               "unknown parameter " + inQuotes(member.key) + didYouMean(pattern, known));
    std::optional<std::string> to = reader.string(*member.value, "a parameter's name");
    if (!to)
      return;
    if (to->find('*') != std::string::npos && member.key.find('*') == std::string::npos)
      return diagnostics.error(member.value->loc(),
                               "\"*\" stands for the layer's index, which " + inQuotes(member.key) + " leaves out");
    module.parameters.emplace_back(Located<std::string>(member.key, member.keyLoc()),
                                   Located<std::string>(*to, member.value->loc()));
  }

  void checkParameterSize(const Located<int64_t> &rows, int64_t factor, int64_t columns, const char *what) {
    int64_t extent = 0;
    if (__builtin_mul_overflow(*rows, factor, &extent))
      extent = maxElements;
    checkElementCount({extent, columns}, what, rows.loc, diagnostics);
  }

  void checkLayer(const TransformerLayerDesc &layer, const TransformerStackDesc *stack) {
    checkParameterSize(layer.dModel, 3, *layer.dModel, "self_attn.in_proj_weight");
    checkParameterSize(layer.dimFeedforward, 1, *layer.dModel, "linear1.weight");
    if (stack)
      countLayers(stack->numLayers);
  }

  /// Modules may be copied into the thousands by a short text, but a parameter must fit a tensor.
  void checkParameterSizes(const ModuleDesc &module) {
    auto check = [&](const Located<int64_t> &rows, int64_t factor, int64_t columns, const char *what) {
      checkParameterSize(rows, factor, columns, what);
    };
    std::visit(
        Overloaded{[&](const LinearDesc &d) { check(d.outFeatures, 1, *d.inFeatures, "weight"); },
                   [&](const EmbeddingDesc &d) { check(d.numEmbeddings, 1, *d.embeddingDim, "weight"); },
                   [&](const PositionalEncodingDesc &d) { check(d.maxLen, 1, *d.dModel, "the table of positions"); },
                   [&](const MultiheadAttentionDesc &d) {
                     check(d.embedDim, 3, *d.embedDim, "in_proj_weight");
                     check(d.embedDim, 1, *d.kdim, "k_proj_weight");
                     check(d.embedDim, 1, *d.vdim, "v_proj_weight");
                   },
                   [&](const AdditiveAttentionDesc &d) {
                     check(d.attentionDim, 1, *d.queryDim, "query_proj.weight");
                     check(d.attentionDim, 1, *d.keyDim, "key_proj.weight");
                   },
                   [&](const TransformerEncoderLayerDesc &d) { checkLayer(d, nullptr); },
                   [&](const TransformerDecoderLayerDesc &d) { checkLayer(d, nullptr); },
                   [&](const TransformerEncoderDesc &d) { checkLayer(d.layer, &d); },
                   [&](const TransformerDecoderDesc &d) { checkLayer(d.layer, &d); },
                   [&](const TransformerDesc &d) {
                     checkLayer(d.encoder.layer, &d.encoder);
                     countLayers(d.decoder.numLayers);
                   },
                   [](const auto &) {}},
        module.kind);
  }

  void countLayers(const Located<int64_t> &layers) {
    totalLayers += *layers; // At most maxModules times maxElements.
    if (totalLayers > maxLayers)
      diagnostics.error(layers.loc, "the model has " + std::to_string(totalLayers) + " layers",
                        "supported are at most " + std::to_string(maxLayers));
  }

  void resolveGraph(const GraphDesc &graph, const ModuleDesc &module) {
    Scope nodes(diagnostics);
    for (const NodeDesc &node : graph.nodes)
      nodes.announce(*node.name);
    for (const NodeDesc &node : graph.nodes) {
      for (const Located<std::string> &input : node.inputs)
        if (nodes.contains(*input) || !scope.contains(*input))
          nodes.resolve(input);
      if (!isPrintableName(*node.name))
        diagnostics.error(node.name.loc, "the name " + inQuotes(*node.name) + " cannot be used",
                          "use 1 to 200 bytes without control characters");
      if (nodes.define(node.name))
        scope.define(Located<std::string>(*module.name + "." + *node.name, node.name.loc));
    }
    if (!graph.nodes.empty())
      nodes.resolve(graph.output);
  }

  void noteDropout(const JsonValue &object) {
    for (const JsonValue *holder : {&object, object.find("layer")})
      for (const char *key : {"dropout", "p"}) {
        const JsonValue *value = holder && !dropoutNoted ? holder->find(key) : nullptr;
        if (!value || value->kind != JsonKind::Number || value->number == 0)
          continue;
        diagnostics.note(value->loc(), "dropout acts only in training; the compiled model leaves it out");
        dropoutNoted = true;
      }
  }

  ModelDesc &model;
  Diagnostics &diagnostics;
  KeyReader reader;
  Scope scope;
  bool dropoutNoted = false;
  int64_t totalLayers = 0;
};

} // namespace

void parseModules(const JsonValue &list, ModelDesc &model, Diagnostics &diagnostics) {
  ModuleListParser(model, diagnostics).parse(list);
}

void resolveOutputs(const ModelDesc &model, Diagnostics &diagnostics) {
  Scope scope(diagnostics);
  for (const InputDesc &input : model.inputs)
    scope.define(input.name);
  for (const ModuleDesc &module : model.modules) {
    scope.define(module.name);
    if (const auto *graph = std::get_if<GraphDesc>(&module.kind))
      for (const NodeDesc &node : graph->nodes)
        scope.define(Located<std::string>(*module.name + "." + *node.name, node.name.loc));
    for (const std::string &name : furtherValuesOf(module))
      scope.define(Located<std::string>(name, module.loc));
  }
  for (const OutputDesc &output : model.outputs)
    scope.resolve(output.value);
}

} // namespace attnc
