// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "frontend/ModuleTypes.h"

#include "frontend/GraphOps.h"
#include "frontend/ParseScore.h"

#include <cmath>

namespace attnc {

namespace {

// -- Tables: the own keys of each module
// -----------------------------------------------------------------------------------

template <typename T> const std::vector<Key<T>> &keysOf();

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

KeySpec scoreKey() { return special("score", KeyType::ObjectList, KeyRole::Optional, "[]"); }

/// The keys of AttentionWeightsDesc, for a module that has them.
template <typename T> std::vector<Key<T>> weightsKeys() {
  return {{scoreKey(), {}},
          optional<T, FullyMaskedRows>("fully_masked", &T::fullyMasked),
          optional<T, Normalizer>("normalizer", &T::normalizer),
          {special("normalizer_scale", KeyType::Number, KeyRole::Optional, "1"), {}},
          optional<T, bool>("need_weights", &T::needWeights),
          optional<T, bool>("need_lse", &T::needLse)};
}

template <typename T> std::vector<Key<T>> joinKeys(std::vector<Key<T>> keys, const std::vector<Key<T>> &more) {
  keys.insert(keys.end(), more.begin(), more.end());
  return keys;
}

template <> const std::vector<Key<MultiheadAttentionDesc>> &keysOf() {
  using Attention = MultiheadAttentionDesc;
  static const std::vector<Key<Attention>> own = {required("embed_dim", &MultiheadAttentionDesc::embedDim),
                                                  required("num_heads", &MultiheadAttentionDesc::numHeads),
                                                  {ignored("dropout", KeyType::Number, "0"), {}},
                                                  optional("bias", &MultiheadAttentionDesc::bias),
                                                  optional("add_bias_kv", &MultiheadAttentionDesc::addBiasKv),
                                                  optional("add_zero_attn", &MultiheadAttentionDesc::addZeroAttn),
                                                  optional("kdim", &MultiheadAttentionDesc::kdim).orNull(),
                                                  optional("vdim", &MultiheadAttentionDesc::vdim).orNull(),
                                                  optional("batch_first", &MultiheadAttentionDesc::batchFirst)};
  static const std::vector<Key<Attention>> table =
      joinKeys(joinKeys(own, weightsKeys<Attention>()),
               {optional("average_attn_weights", &MultiheadAttentionDesc::averageAttnWeights),
                {ignored("is_causal", KeyType::Boolean, "false"), {}}});
  return table;
}

template <> const std::vector<Key<AdditiveAttentionDesc>> &keysOf() {
  using Attention = AdditiveAttentionDesc;
  static const std::vector<Key<Attention>> own = {required("query_dim", &Attention::queryDim),
                                                  required("key_dim", &Attention::keyDim),
                                                  optional("value_dim", &Attention::valueDim).orNull(),
                                                  required("attention_dim", &Attention::attentionDim),
                                                  optional("bias", &Attention::bias),
                                                  optional("batch_first", &Attention::batchFirst)};
  static const std::vector<Key<Attention>> table = joinKeys(own, weightsKeys<Attention>());
  return table;
}

template <> const std::vector<Key<TransformerEncoderLayerDesc>> &keysOf() {
  using Layer = TransformerEncoderLayerDesc;
  static const std::vector<Key<Layer>> table = {required("d_model", &Layer::dModel),
                                                required("nhead", &Layer::nhead),
                                                optional("dim_feedforward", &Layer::dimFeedforward),
                                                {ignored("dropout", KeyType::Number, "0.1"), {}},
                                                optional("activation", &Layer::activation),
                                                optional("layer_norm_eps", &Layer::layerNormEps),
                                                optional("batch_first", &Layer::batchFirst),
                                                optional("norm_first", &Layer::normFirst),
                                                optional("bias", &Layer::bias),
                                                {scoreKey(), {}},
                                                optional("fully_masked", &Layer::fullyMasked)};
  return table;
}

template <> const std::vector<Key<TransformerEncoderDesc>> &keysOf() {
  static const std::vector<Key<TransformerEncoderDesc>> table = {
      {special("layer", KeyType::Object, KeyRole::Required), {}},
      required("num_layers", &TransformerEncoderDesc::numLayers),
      {special("norm", KeyType::Object, KeyRole::Optional, "null"), {}},
      optional("share_weights", &TransformerEncoderDesc::shareWeights),
      {ignored("enable_nested_tensor", KeyType::Boolean, "true"), {}},
      {ignored("mask_check", KeyType::Boolean, "true"), {}},
      {ignored("is_causal", KeyType::Boolean, "null"), {}}};
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

// -- Reading
// -----------------------------------------------------------------------------------------------------------------

template <typename T> T readTable(const JsonValue &object, Diagnostics &diagnostics) {
  T result;
  KeyReader(diagnostics).read(object, keysOf<T>(), result);
  return result;
}

void checkEps(const Located<double> &eps, const char *name, Diagnostics &diagnostics) {
  if (!(*eps >= 0) || !std::isfinite((float)*eps))
    diagnostics.error(eps.loc, std::string(name) + " must be a finite number that is not negative");
}

void checkHeads(const Located<int64_t> &width, const char *widthName, const Located<int64_t> &heads,
                const char *headsName, Diagnostics &diagnostics) {
  if (*width < 1 || *heads < 1 || *width % *heads == 0)
    return;
  int64_t below = *width / *heads * *heads;
  std::string divisible = (below ? std::to_string(below) + " or " : "") + std::to_string(below + *heads);
  diagnostics.error(width.loc,
                    std::string(widthName) + " " + std::to_string(*width) + " is not divisible by " + headsName + " " +
                        std::to_string(*heads),
                    std::string("every head gets ") + widthName + " / " + headsName + " features; " + divisible +
                        " would do");
}

ModuleKind parseLinear(const JsonValue &object, const ParseContext &context) {
  return readTable<LinearDesc>(object, context.diagnostics);
}

LayerNormDesc readLayerNorm(const JsonValue &object, Diagnostics &diagnostics) {
  LayerNormDesc norm = readTable<LayerNormDesc>(object, diagnostics);
  checkEps(norm.eps, "eps", diagnostics);
  return norm;
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

/// "normalizer_scale": a number, or "1/keys".
void readNormalizerScale(const JsonValue &value, AttentionWeightsDesc &weights, Diagnostics &diagnostics) {
  if (*weights.normalizer == Normalizer::Softmax)
    return diagnostics.error(value.loc(), "normalizer_scale belongs to relu, sigmoid and identity",
                             "softmax divides by the sum of the weights, which takes out any factor");
  weights.scaledByKeys = value.kind == JsonKind::String && value.text == "1/keys";
  if (weights.scaledByKeys)
    return;
  if (value.kind != JsonKind::Number)
    return KeyReader(diagnostics).wrongType(value, "normalizer_scale", "a number or \"1/keys\"");
  weights.normalizerScale = value.number;
  const float rounded = (float)value.number;
  if (!(rounded > 0) || !std::isfinite(rounded))
    diagnostics.error(value.loc(), "normalizer_scale must be a positive number of f32, but is " + value.describe());
}

/// Reads those keys of AttentionWeightsDesc that have no member, and checks what they say together.
void readWeights(const JsonValue &object, AttentionWeightsDesc &weights, Diagnostics &diagnostics) {
  weights.score = readScore(object, diagnostics);
  if (const JsonValue *scale = object.find("normalizer_scale"))
    readNormalizerScale(*scale, weights, diagnostics);
  if (*weights.normalizer == Normalizer::Softmax)
    return;
  const std::string normalizer = inQuotes(spelling(*weights.normalizer));
  if (*weights.fullyMasked == FullyMaskedRows::Nan)
    diagnostics.error(weights.fullyMasked.loc, "fully_masked \"nan\" does not go with the normalizer " + normalizer,
                      "it is about softmax, which divides by 0 there; with " + normalizer +
                          " blocked keys weigh 0, and a query that has no others gives 0");
  if (*weights.needLse)
    diagnostics.error(weights.needLse.loc, "need_lse does not go with the normalizer " + normalizer,
                      "the log-sum-exp is what softmax divides by");
}

ModuleKind parseAttention(const JsonValue &object, const ParseContext &context) {
  MultiheadAttentionDesc attention = readTable<MultiheadAttentionDesc>(object, context.diagnostics);
  checkHeads(attention.embedDim, "embed_dim", attention.numHeads, "num_heads", context.diagnostics);
  readWeights(object, attention, context.diagnostics);
  return attention;
}

ModuleKind parseAdditiveAttention(const JsonValue &object, const ParseContext &context) {
  AdditiveAttentionDesc attention = readTable<AdditiveAttentionDesc>(object, context.diagnostics);
  readWeights(object, attention, context.diagnostics);
  return attention;
}

TransformerEncoderLayerDesc readEncoderLayer(const JsonValue &object, Diagnostics &diagnostics) {
  auto layer = readTable<TransformerEncoderLayerDesc>(object, diagnostics);
  layer.loc = object.loc();
  layer.score = readScore(object, diagnostics);
  checkHeads(layer.dModel, "d_model", layer.nhead, "nhead", diagnostics);
  checkEps(layer.layerNormEps, "layer_norm_eps", diagnostics);
  return layer;
}
ModuleKind parseEncoderLayer(const JsonValue &object, const ParseContext &context) {
  return readEncoderLayer(object, context.diagnostics);
}

/// Checks the keys of a module within a module, where "type" may be left out but not be another one.
bool checkNested(const JsonValue &object, const ObjectSpec &spec, const char *type, Diagnostics &diagnostics) {
  if (!KeyReader(diagnostics).checkKeys(object, spec))
    return false;
  const JsonValue *stated = object.find("type");
  if (stated && (stated->kind != JsonKind::String || stated->text != type))
    diagnostics.error(stated->loc(),
                      spec.name + " must be of type " + inQuotes(type) + ", but is " + stated->describe());
  return true;
}

ModuleKind parseEncoder(const JsonValue &object, const ParseContext &context) {
  auto encoder = readTable<TransformerEncoderDesc>(object, context.diagnostics);
  const JsonValue *layer = object.find("layer"), *norm = object.find("norm");
  if (layer && checkNested(*layer, layerSpec(), "TransformerEncoderLayer", context.diagnostics))
    encoder.layer = readEncoderLayer(*layer, context.diagnostics);
  if (norm && norm->kind != JsonKind::Null && checkNested(*norm, normSpec(), "LayerNorm", context.diagnostics)) {
    encoder.norm = readLayerNorm(*norm, context.diagnostics);
    encoder.normLoc = norm->loc();
  }
  return encoder;
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

template <typename T> std::vector<KeySpec> specsOf() {
  std::vector<KeySpec> specs;
  for (const Key<T> &key : keysOf<T>())
    specs.push_back(key.spec);
  return specs;
}

ModuleType makeType(const char *name, std::vector<KeySpec> own,
                    ModuleKind (*parse)(const JsonValue &, const ParseContext &), InputForm inputs, bool hasParameters,
                    std::vector<ArgumentSpec> arguments = {}) {
  std::vector<KeySpec> keys = {special("type", KeyType::String, KeyRole::Required),
                               special("name", KeyType::String, KeyRole::Optional)};
  auto add = [&](const char *key, KeyType type, KeyRole role = KeyRole::Optional) {
    keys.push_back(special(key, type, role));
  };
  if (inputs == InputForm::One || inputs == InputForm::Row)
    add("input", KeyType::Reference);
  if (inputs == InputForm::Many)
    add("inputs", KeyType::ReferenceList, KeyRole::Required);
  if (inputs == InputForm::Attention)
    for (const char *key : {"query", "key", "value"})
      add(key, KeyType::Reference);
  keys.insert(keys.end(), own.begin(), own.end());
  for (const ArgumentSpec &argument : arguments)
    keys.push_back(special(argument.key, KeyType::Reference, KeyRole::Optional, "null"));
  if (hasParameters) {
    add("prefix", KeyType::String);
    keys.push_back(special("parameters", KeyType::Map, KeyRole::Optional, "{}"));
  }
  return {inputs, std::move(arguments), hasParameters, {name, std::move(keys)}, parse};
}

std::vector<KeySpec> encoderLayerKeys() {
  std::vector<KeySpec> keys = specsOf<TransformerEncoderLayerDesc>();
  keys.push_back(ignored("is_causal", KeyType::Boolean, "false"));
  return keys;
}

std::vector<ArgumentSpec> selfAttentionArguments(const char *mask) {
  return {{mask, ArgumentKind::AttentionMask, "is_causal"},
          {"src_key_padding_mask", ArgumentKind::PaddingMask},
          {"lengths", ArgumentKind::Lengths}};
}

std::vector<ModuleType> makeTypes() {
  const KeySpec inplace = ignored("inplace", KeyType::Boolean, "false");
  const InputForm one = InputForm::One;
  return {
      makeType("TransformerEncoder", specsOf<TransformerEncoderDesc>(), parseEncoder, one, true,
               selfAttentionArguments("mask")),
      makeType("TransformerEncoderLayer", encoderLayerKeys(), parseEncoderLayer, one, true,
               selfAttentionArguments("src_mask")),
      makeType("MultiheadAttention", specsOf<MultiheadAttentionDesc>(), parseAttention, InputForm::Attention, true,
               {{"attn_mask", ArgumentKind::AttentionMask, "is_causal"},
                {"key_padding_mask", ArgumentKind::PaddingMask},
                {"lengths", ArgumentKind::Lengths}}),
      makeType("AdditiveAttention", specsOf<AdditiveAttentionDesc>(), parseAdditiveAttention, InputForm::Attention,
               true,
               {{"attn_mask", ArgumentKind::AttentionMask},
                {"key_padding_mask", ArgumentKind::PaddingMask},
                {"lengths", ArgumentKind::Lengths}}),
      makeType("Linear", specsOf<LinearDesc>(), parseLinear, one, true),
      makeType("LayerNorm", specsOf<LayerNormDesc>(), parseLayerNorm, one, true),
      makeType("Embedding", specsOf<EmbeddingDesc>(), parseEmbedding, InputForm::Row, true),
      makeType("PositionalEncoding", specsOf<PositionalEncodingDesc>(), parsePositionalEncoding, one, true),
      makeType("ReLU", {inplace}, parseActivation<ActivationKind::Relu>, one, false),
      makeType("GELU", {approximateKey()}, parseGelu, one, false),
      makeType("SiLU", {inplace}, parseActivation<ActivationKind::Silu>, one, false),
      makeType("Tanh", {}, parseActivation<ActivationKind::Tanh>, one, false),
      makeType("Sigmoid", {}, parseActivation<ActivationKind::Sigmoid>, one, false),
      makeType("Pooling", specsOf<PoolingDesc>(), parsePooling, one, false,
               {{"padding_mask", ArgumentKind::TokenMask}}),
      makeType("Normalize", specsOf<NormalizeDesc>(), parseNormalize, one, false),
      makeType("Add", {}, parseAdd, InputForm::Many, false),
      makeType("Dropout", {ignored("p", KeyType::Number, "0.5"), inplace}, parseIdentity, one, false),
      makeType("Identity", {}, parseIdentity, one, false),
      makeType("Graph",
               {special("nodes", KeyType::ObjectList, KeyRole::Required),
                special("output", KeyType::String, KeyRole::Optional)},
               parseGraph, InputForm::None, false),
  };
}

ObjectSpec nested(const char *name, std::vector<KeySpec> keys) {
  keys.insert(keys.begin(), special("type", KeyType::String, KeyRole::Optional));
  return {name, std::move(keys)};
}

} // namespace

const std::vector<ModuleType> &moduleTypes() {
  static const std::vector<ModuleType> types = makeTypes();
  return types;
}

const ObjectSpec &layerSpec() {
  static const ObjectSpec spec = nested("layer", specsOf<TransformerEncoderLayerDesc>());
  return spec;
}

const ObjectSpec &normSpec() {
  static const ObjectSpec spec = nested("norm", specsOf<LayerNormDesc>());
  return spec;
}

const ObjectSpec &modelSpec() {
  static const ObjectSpec spec = {
      "the description",
      {special("$schema", KeyType::String, KeyRole::Optional), special("name", KeyType::String, KeyRole::Optional),
       special("dims", KeyType::Map, KeyRole::Optional, "{}"), special("inputs", KeyType::Map, KeyRole::Required),
       special("weights", KeyType::Object, KeyRole::Optional, "null"),
       special("model", KeyType::ObjectList, KeyRole::Required), special("outputs", KeyType::Map, KeyRole::Optional)}};
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
  std::vector<ObjectSpec> all = {modelSpec(), dimSpec(),  inputSpec(), weightsSpec(),
                                 layerSpec(), normSpec(), scoreSpec()};
  for (const ModuleType &type : moduleTypes())
    all.push_back(type.spec);
  for (const GraphOp &op : graphOps())
    all.push_back(op.spec);
  return all;
}

} // namespace attnc
