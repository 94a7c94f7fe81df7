// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "frontend/ModuleTypes.h"

#include "frontend/GraphOps.h"
#include "frontend/ModuleTable.h"
#include "frontend/ParseMask.h"
#include "frontend/ParseScore.h"

#include <cmath>

namespace attnc {

// -- Tables: the own keys of each module
// -----------------------------------------------------------------------------------

template <> const std::vector<Key<LinearDesc>> &keysOf() {
  static const std::vector<Key<LinearDesc>> table = {
      required("in_features", &LinearDesc::inFeatures), required("out_features", &LinearDesc::outFeatures),
      optional("bias", &LinearDesc::bias), optional("activation", &LinearDesc::activation).orNull()};
  return table;
}

template <> const std::vector<Key<LayerNormDesc>> &keysOf() {
  static const std::vector<Key<LayerNormDesc>> table = {
      required("normalized_shape", &LayerNormDesc::normalizedShape).orList(), optional("eps", &LayerNormDesc::eps),
      optional("elementwise_affine", &LayerNormDesc::elementwiseAffine), optional("bias", &LayerNormDesc::bias)};
  return table;
}

template <> const std::vector<Key<EmbeddingDesc>> &keysOf() {
  static const std::vector<Key<EmbeddingDesc>> table = {required("num_embeddings", &EmbeddingDesc::numEmbeddings),
                                                        required("embedding_dim", &EmbeddingDesc::embeddingDim),
                                                        optional("row", &EmbeddingDesc::row).atLeast(0).orNull(),
                                                        {ignored("padding_idx", KeyType::Integer, "null"), {}},
                                                        {unsupported("max_norm", KeyType::Number, "null"), {}},
                                                        {ignored("norm_type", KeyType::Number, "2"), {}},
                                                        {ignored("scale_grad_by_freq", KeyType::Boolean, "false"), {}},
                                                        {ignored("sparse", KeyType::Boolean, "false"), {}}};
  return table;
}

template <> const std::vector<Key<PositionalEncodingDesc>> &keysOf() {
  static const std::vector<Key<PositionalEncodingDesc>> table = {
      optional("kind", &PositionalEncodingDesc::kind),
      required("d_model", &PositionalEncodingDesc::dModel),
      optional("max_len", &PositionalEncodingDesc::maxLen),
      optional("offset", &PositionalEncodingDesc::offset).atLeast(0),
      required("batch_first", &PositionalEncodingDesc::batchFirst),
      {ignored("dropout", KeyType::Number, "0.1"), {}}};
  return table;
}

template <> const std::vector<Key<PoolingDesc>> &keysOf() {
  static const std::vector<Key<PoolingDesc>> table = {optional("mode", &PoolingDesc::mode),
                                                      required("batch_first", &PoolingDesc::batchFirst)};
  return table;
}

template <> const std::vector<Key<NormalizeDesc>> &keysOf() {
  static const std::vector<Key<NormalizeDesc>> table = {optional("eps", &NormalizeDesc::eps)};
  return table;
}

namespace {

// -- Reading
// -----------------------------------------------------------------------------------------------------------------

ModuleKind parseLinear(const JsonValue &object, const ParseContext &context) {
  return readTable<LinearDesc>(object, context.diagnostics);
}

ModuleKind parseLayerNorm(const JsonValue &object, const ParseContext &context) {
  return readLayerNorm(object, context.diagnostics);
}

ModuleKind parseEmbedding(const JsonValue &object, const ParseContext &context) {
  EmbeddingDesc embedding = readTable<EmbeddingDesc>(object, context.diagnostics);
  if (*embedding.numEmbeddings > 0 && *embedding.row >= *embedding.numEmbeddings)
    context.diagnostics.error(embedding.row.loc, "row " + std::to_string(*embedding.row) +
                                                     " is outside the table of num_embeddings " +
                                                     std::to_string(*embedding.numEmbeddings) + " rows");
  return embedding;
}

ModuleKind parsePositionalEncoding(const JsonValue &object, const ParseContext &context) {
  PositionalEncodingDesc encoding = readTable<PositionalEncodingDesc>(object, context.diagnostics);
  if (*encoding.kind == PositionKind::Sinusoidal && *encoding.dModel % 2 != 0)
    context.diagnostics.error(encoding.dModel.loc, "a sinusoidal encoding needs an even d_model, but it is " +
                                                       std::to_string(*encoding.dModel));
  return encoding;
}

ModuleKind parsePooling(const JsonValue &object, const ParseContext &context) {
  return readTable<PoolingDesc>(object, context.diagnostics);
}

ModuleKind parseNormalize(const JsonValue &object, const ParseContext &context) {
  NormalizeDesc normalize = readTable<NormalizeDesc>(object, context.diagnostics);
  checkEps(normalize.eps, "eps", context.diagnostics);
  return normalize;
}

ModuleKind parseAdd(const JsonValue &, const ParseContext &) { return AddDesc{}; }
ModuleKind parseIdentity(const JsonValue &, const ParseContext &) { return IdentityDesc{}; }

template <ActivationKind kind> ModuleKind parseActivation(const JsonValue &object, const ParseContext &) {
  return ActivationDesc{Located<ActivationKind>(kind, object.loc())};
}
KeySpec approximateKey() { return {"approximate", KeyType::Choice, KeyRole::Optional, "\"none\"", {"none", "tanh"}}; }
ModuleKind parseGelu(const JsonValue &object, const ParseContext &context) {
  const JsonValue *approximate = object.find("approximate");
  bool tanh = approximate && KeyReader(context.diagnostics).choice(*approximate, approximateKey()) ==
                                 std::optional<std::string>("tanh");
  return ActivationDesc{Located<ActivationKind>(tanh ? ActivationKind::GeluTanh : ActivationKind::Gelu, object.loc())};
}

// -- The list
// ----------------------------------------------------------------------------------------------------------------

std::vector<ModuleType> makeTypes() {
  const KeySpec inplace = ignored("inplace", KeyType::Boolean, "false");
  const std::vector<InputSpec> input = {{"input", InputDefault::Previous}};
  const Reads one = {InputForm::Named, input, {}};
  std::vector<ModuleType> types = {
      makeType("Linear", specsOf<LinearDesc>(), parseLinear, one, true),
      makeType("LayerNorm", specsOf<LayerNormDesc>(), parseLayerNorm, one, true),
      makeType("Embedding", specsOf<EmbeddingDesc>(), parseEmbedding, {InputForm::Row, input, {}}, true),
      makeType("PositionalEncoding", specsOf<PositionalEncodingDesc>(), parsePositionalEncoding, one, true),
      makeType("ReLU", {inplace}, parseActivation<ActivationKind::Relu>, one, false),
      makeType("GELU", {approximateKey()}, parseGelu, one, false),
      makeType("SiLU", {inplace}, parseActivation<ActivationKind::Silu>, one, false),
      makeType("Tanh", {}, parseActivation<ActivationKind::Tanh>, one, false),
      makeType("Sigmoid", {}, parseActivation<ActivationKind::Sigmoid>, one, false),
      makeType("Pooling", specsOf<PoolingDesc>(), parsePooling,
               {InputForm::Named, input, {{"padding_mask", ArgumentKind::TokenMask}}}, false),
      makeType("Normalize", specsOf<NormalizeDesc>(), parseNormalize, one, false),
      makeType("Add", {}, parseAdd, {InputForm::Many, {}, {}}, false),
      makeType("Dropout", {ignored("p", KeyType::Number, "0.5"), inplace}, parseIdentity, one, false),
      makeType("Identity", {}, parseIdentity, one, false),
      makeType("Graph",
               {special("nodes", KeyType::ObjectList, KeyRole::Required),
                special("output", KeyType::String, KeyRole::Optional)},
               parseGraph, {}, false),
  };
  std::vector<ModuleType> all = attentionTypes();
  all.insert(all.end(), types.begin(), types.end());
  return all;
}

} // namespace

void checkEps(const Located<double> &eps, const char *name, Diagnostics &diagnostics) {
  if (!(*eps >= 0) || !std::isfinite((float)*eps))
    diagnostics.error(eps.loc, std::string(name) + " must be a finite number that is not negative");
}

LayerNormDesc readLayerNorm(const JsonValue &object, Diagnostics &diagnostics) {
  LayerNormDesc norm = readTable<LayerNormDesc>(object, diagnostics);
  checkEps(norm.eps, "eps", diagnostics);
  return norm;
}

bool checkNested(const JsonValue &object, const ObjectSpec &spec, const char *type, Diagnostics &diagnostics) {
  if (!KeyReader(diagnostics).checkKeys(object, spec))
    return false;
  const JsonValue *stated = object.find("type");
  if (stated && (stated->kind != JsonKind::String || stated->text != type))
    diagnostics.error(stated->loc(),
                      spec.name + " must be of type " + inQuotes(type) + ", but is " + stated->describe());
  return true;
}

ModuleType makeType(const char *name, const std::vector<KeySpec> &own, ParseFunction parse, Reads reads,
                    bool hasParameters) {
  std::vector<KeySpec> keys = {special("type", KeyType::String, KeyRole::Required),
                               special("name", KeyType::String, KeyRole::Optional)};
  for (const InputSpec &input : reads.inputs)
    keys.push_back(special(input.key, KeyType::Reference,
                           input.fallback == InputDefault::None ? KeyRole::Required : KeyRole::Optional));
  if (reads.form == InputForm::Many)
    keys.push_back(special("inputs", KeyType::ReferenceList, KeyRole::Required));
  keys.insert(keys.end(), own.begin(), own.end());
  for (const ArgumentSpec &argument : reads.arguments) {
    if (argument.hint)
      keys.push_back(ignored(argument.hint, KeyType::Boolean, argument.hintDefault));
    bool mask = argument.kind == ArgumentKind::AttentionMask || argument.kind == ArgumentKind::AllowedMask;
    keys.push_back(special(argument.key, mask ? KeyType::Mask : KeyType::Reference, KeyRole::Optional, "null"));
  }
  if (hasParameters) {
    keys.push_back(special("prefix", KeyType::String, KeyRole::Optional));
    keys.push_back(special("parameters", KeyType::Map, KeyRole::Optional, "{}"));
  }
  return {reads.form,    std::move(reads.inputs), std::move(reads.arguments),
          hasParameters, {name, std::move(keys)}, parse};
}

ObjectSpec nestedSpec(const char *name, std::vector<KeySpec> keys) {
  keys.insert(keys.begin(), special("type", KeyType::String, KeyRole::Optional));
  return {name, std::move(keys)};
}

const std::vector<ModuleType> &moduleTypes() {
  static const std::vector<ModuleType> types = makeTypes();
  return types;
}

const ObjectSpec &normSpec() {
  static const ObjectSpec spec = nestedSpec("norm", specsOf<LayerNormDesc>());
  return spec;
}

const ObjectSpec &modelSpec() {
  static const ObjectSpec spec = {
      "the description",
      {special("$schema", KeyType::String, KeyRole::Optional), special("name", KeyType::String, KeyRole::Optional),
       special("dims", KeyType::Map, KeyRole::Optional, "{}"), special("inputs", KeyType::Map, KeyRole::Required),
       special("weights", KeyType::Object, KeyRole::Optional, "null"),
       optional("precision", &ModelDesc::precision).spec, special("model", KeyType::ObjectList, KeyRole::Required),
       special("outputs", KeyType::Map, KeyRole::Optional)}};
  return spec;
}

const ObjectSpec &dimSpec() {
  static const ObjectSpec spec = {"dimension", {special("max", KeyType::Integer, KeyRole::Required)}};
  return spec;
}

const ObjectSpec &inputSpec() {
  static const ObjectSpec spec = {
      "input", {special("shape", KeyType::ShapeList, KeyRole::Required), optional("dtype", &InputDesc::dtype).spec, [] {
                  KeySpec mask = optional("mask", &InputDesc::mask).spec;
                  mask.fallback.clear();
                  return mask;
                }()}};
  return spec;
}

const ObjectSpec &weightsSpec() {
  static const ObjectSpec spec = {
      "weights",
      {special("file", KeyType::String, KeyRole::Required), special("prefix", KeyType::Map, KeyRole::Optional, "{}")}};
  return spec;
}

std::vector<ObjectSpec> describeFormat() {
  std::vector<ObjectSpec> all = {modelSpec(),        dimSpec(),          inputSpec(),        weightsSpec(),
                                 encoderLayerSpec(), decoderLayerSpec(), normSpec(),         ropeSpec(),
                                 sinkSpec(),         scoreSpec(),        relativeBiasSpec(), maskSpec()};
  for (const ModuleType &type : moduleTypes())
    all.push_back(type.spec);
  for (const GraphOp &op : graphOps())
    all.push_back(op.spec);
  return all;
}

} // namespace attnc
