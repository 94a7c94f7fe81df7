// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The module types that are, or contain, attention.
#include "frontend/ModuleTable.h"
#include "frontend/ParseScore.h"

#include <cmath>

namespace attnc {

// -- Tables: the own keys of each module

namespace {

/// The argument of a module with a cache.
constexpr const char *kPosition = "position";

KeySpec ropeKey() { return special("rope", KeyType::Object, KeyRole::Optional, "null"); }
KeySpec scoreKey(const char *name = "score") { return special(name, KeyType::ObjectList, KeyRole::Optional, "[]"); }

/// The keys of AttentionWeightsDesc, for a module that has them.
template <typename T> std::vector<Key<T>> weightsKeys() {
  return {{scoreKey(), {}},
          optional<T, FullyMaskedRows>("fully_masked", &T::fullyMasked),
          optional<T, Normalizer>("normalizer", &T::normalizer),
          {special("normalizer_scale", KeyType::Number, KeyRole::Optional, "1"), {}},
          {special("sink", KeyType::Number, KeyRole::Optional, "null"), {}},
          optional<T, bool>("need_weights", &T::needWeights),
          optional<T, bool>("need_lse", &T::needLse)};
}

template <typename T> std::vector<Key<T>> joinKeys(std::vector<Key<T>> keys, const std::vector<Key<T>> &more) {
  keys.insert(keys.end(), more.begin(), more.end());
  return keys;
}

} // namespace

template <> const std::vector<Key<MultiheadAttentionDesc>> &keysOf() {
  static const std::vector<Key<MultiheadAttentionDesc>> own = {
      required("embed_dim", &MultiheadAttentionDesc::embedDim),
      required("num_heads", &MultiheadAttentionDesc::numHeads),
      {ignored("dropout", KeyType::Number, "0"), {}},
      optional("bias", &MultiheadAttentionDesc::bias),
      optional("add_bias_kv", &MultiheadAttentionDesc::addBiasKv),
      optional("add_zero_attn", &MultiheadAttentionDesc::addZeroAttn),
      optional("kdim", &MultiheadAttentionDesc::kdim).orNull(),
      optional("vdim", &MultiheadAttentionDesc::vdim).orNull(),
      optional("batch_first", &MultiheadAttentionDesc::batchFirst),
      {ropeKey(), {}}};
  static const std::vector<Key<MultiheadAttentionDesc>> table =
      joinKeys(joinKeys(own, weightsKeys<MultiheadAttentionDesc>()),
               {optional("average_attn_weights", &MultiheadAttentionDesc::averageAttnWeights)});
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

template <> const std::vector<Key<RopeDesc>> &keysOf() {
  static const std::vector<Key<RopeDesc>> table = {optional("theta", &RopeDesc::theta),
                                                   optional("interleaved", &RopeDesc::interleaved),
                                                   optional("offset", &RopeDesc::offset).atLeast(0)};
  return table;
}

template <> const std::vector<Key<CacheDesc>> &keysOf() {
  static const std::vector<Key<CacheDesc>> table = {optional("cache", &CacheDesc::capacity).orNull()};
  return table;
}

template <> const std::vector<Key<ScaledDotProductAttentionDesc>> &keysOf() {
  using Attention = ScaledDotProductAttentionDesc;
  static const std::vector<Key<Attention>> own = {{special("dropout_p", KeyType::Number, KeyRole::Optional, "0"), {}},
                                                  optional("is_causal", &Attention::isCausal),
                                                  optional("scale", &Attention::scale).orNull(),
                                                  optional("enable_gqa", &Attention::enableGqa)};
  static const std::vector<Key<Attention>> table = joinKeys(own, weightsKeys<Attention>());
  return table;
}

template <> const std::vector<Key<TransformerLayerDesc>> &keysOf() {
  using Layer = TransformerLayerDesc;
  static const std::vector<Key<Layer>> table = {required("d_model", &Layer::dModel),
                                                required("nhead", &Layer::nhead),
                                                optional("dim_feedforward", &Layer::dimFeedforward),
                                                {ignored("dropout", KeyType::Number, "0.1"), {}},
                                                optional("activation", &Layer::activation),
                                                optional("layer_norm_eps", &Layer::layerNormEps),
                                                optional("batch_first", &Layer::batchFirst),
                                                optional("norm_first", &Layer::normFirst),
                                                optional("bias", &Layer::bias),
                                                optional("fully_masked", &Layer::fullyMasked),
                                                {ropeKey(), {}}};
  return table;
}

template <> const std::vector<Key<TransformerStackDesc>> &keysOf() {
  static const std::vector<Key<TransformerStackDesc>> table = {
      {special("layer", KeyType::Object, KeyRole::Required), {}},
      required("num_layers", &TransformerStackDesc::numLayers),
      {special("norm", KeyType::Object, KeyRole::Optional, "null"), {}},
      optional("share_weights", &TransformerStackDesc::shareWeights),
      optional("padded_rows", &TransformerStackDesc::paddedRows)};
  return table;
}

/// What Transformer has besides the keys of its layers.
struct TransformerKeys {
  Located<int64_t> numEncoderLayers = 6;
  Located<int64_t> numDecoderLayers = 6;
  Located<bool> shareWeights = false;
  Located<PaddedRows> paddedRows = PaddedRows::Zero;
};

template <> const std::vector<Key<TransformerKeys>> &keysOf() {
  static const std::vector<Key<TransformerKeys>> table = {
      optional("num_encoder_layers", &TransformerKeys::numEncoderLayers),
      optional("num_decoder_layers", &TransformerKeys::numDecoderLayers),
      optional("share_weights", &TransformerKeys::shareWeights),
      optional("padded_rows", &TransformerKeys::paddedRows),
      {unsupported("custom_encoder", KeyType::Object, "null"), {}},
      {unsupported("custom_decoder", KeyType::Object, "null"), {}},
      {scoreKey("src_score"), {}},
      {scoreKey("tgt_score"), {}},
      {scoreKey("memory_score"), {}}};
  return table;
}

namespace {

/// nn.Transformer's defaults of keys that its layers require.
constexpr int64_t transformerWidth = 512, transformerHeads = 8;

// -- Reading

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

/// Reads "rope" of an attention whose heads have `width` / `heads` features.
std::optional<RopeDesc> readRope(const JsonValue &object, const Located<int64_t> &width, const std::string &widthName,
                                 const Located<int64_t> &heads, const std::string &headsName,
                                 Diagnostics &diagnostics) {
  const JsonValue *value = object.find("rope");
  if (!value || value->kind == JsonKind::Null || !KeyReader(diagnostics).checkKeys(*value, ropeSpec()))
    return std::nullopt;
  auto rope = readTable<RopeDesc>(*value, diagnostics);
  rope.loc = value->loc();
  if (!(*rope.theta > 0) || !std::isfinite(*rope.theta))
    diagnostics.error(rope.theta.loc, "theta must be a positive number");
  if (*heads > 0 && *width % *heads == 0 && *width / *heads % 2 != 0)
    diagnostics.error(
        rope.loc, "rope turns pairs of features, but a head has " + std::to_string(*width / *heads) + ", which is odd",
        "every head gets " + widthName + " / " + headsName + " features; " + std::to_string(2 * *heads) +
            " must divide " + widthName);
  return rope;
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

/// "sink": a number, or {"parameter": name}.
std::optional<SinkDesc> readSink(const JsonValue &value, Diagnostics &diagnostics) {
  KeyReader reader(diagnostics);
  SinkDesc sink;
  sink.loc = value.loc();
  if (value.kind == JsonKind::Null)
    return std::nullopt;
  if (value.kind == JsonKind::Object) {
    const JsonValue *name = reader.checkKeys(value, sinkSpec()) ? value.find("parameter") : nullptr;
    std::optional<std::string> text = name ? reader.string(*name, "parameter") : std::nullopt;
    if (text)
      sink.parameter = Located<std::string>{*text, name->loc()};
    return sink;
  }
  if (value.kind != JsonKind::Number) {
    reader.wrongType(value, "sink", "a number or {\"parameter\": \"name\"}");
    return std::nullopt;
  }
  sink.logit = value.number;
  if (!std::isfinite((float)value.number))
    diagnostics.error(value.loc(), "sink must be a finite number of f32, but is " + value.describe());
  return sink;
}

/// Reads those keys of AttentionWeightsDesc that have no member, and checks what they say together.
void readWeights(const JsonValue &object, AttentionWeightsDesc &weights, Diagnostics &diagnostics) {
  weights.score = readScore(object, diagnostics);
  if (const JsonValue *scale = object.find("normalizer_scale"))
    readNormalizerScale(*scale, weights, diagnostics);
  if (const JsonValue *sink = object.find("sink"))
    weights.sink = readSink(*sink, diagnostics);
  if (*weights.normalizer == Normalizer::Softmax)
    return;
  const std::string normalizer = inQuotes(spelling(*weights.normalizer));
  if (weights.sink)
    diagnostics.error(weights.sink->loc, "sink does not go with the normalizer " + normalizer,
                      "a sink is one more term of the sum that softmax divides by");
  if (*weights.fullyMasked != FullyMaskedRows::Zero)
    diagnostics.error(weights.fullyMasked.loc,
                      "fully_masked " + inQuotes(spelling(*weights.fullyMasked)) + " does not go with the normalizer " +
                          normalizer,
                      "it is about softmax, which divides by 0 there; with " + normalizer +
                          " blocked keys weigh 0, and a query that has no others gives 0");
  if (*weights.needLse)
    diagnostics.error(weights.needLse.loc, "need_lse does not go with the normalizer " + normalizer,
                      "the log-sum-exp is what softmax divides by");
}

ModuleKind parseAttention(const JsonValue &object, const ParseContext &context) {
  MultiheadAttentionDesc attention = readTable<MultiheadAttentionDesc>(object, context.diagnostics);
  attention.cache = readTable<CacheDesc>(object, context.diagnostics);
  checkHeads(attention.embedDim, "embed_dim", attention.numHeads, "num_heads", context.diagnostics);
  attention.rope =
      readRope(object, attention.embedDim, "embed_dim", attention.numHeads, "num_heads", context.diagnostics);
  readWeights(object, attention, context.diagnostics);
  return attention;
}

ModuleKind parseAdditiveAttention(const JsonValue &object, const ParseContext &context) {
  AdditiveAttentionDesc attention = readTable<AdditiveAttentionDesc>(object, context.diagnostics);
  readWeights(object, attention, context.diagnostics);
  return attention;
}

ModuleKind parseScaledDotProduct(const JsonValue &object, const ParseContext &context) {
  auto attention = readTable<ScaledDotProductAttentionDesc>(object, context.diagnostics);
  readWeights(object, attention, context.diagnostics);
  if (!std::isfinite((float)*attention.scale))
    context.diagnostics.error(attention.scale.loc, "scale must be a finite number of f32");
  const JsonValue *dropout = object.find("dropout_p");
  if (dropout && KeyReader(context.diagnostics)
                         .number(*dropout, special("dropout_p", KeyType::Number, KeyRole::Optional))
                         .value_or(0) != 0)
    context.diagnostics.error(dropout->loc(), "dropout_p must be 0, but is " + dropout->describe(),
                              "PyTorch's function drops in inference too, whatever the mode of the module around it");
  const JsonValue *mask = object.find("attn_mask");
  if (*attention.isCausal && mask && mask->kind != JsonKind::Null)
    context.diagnostics.error(attention.isCausal.loc, "is_causal is true, but there is an attn_mask",
                              "here is_causal makes the mask, aligned top_left; leave out one of them, or add "
                              "{\"causal\": \"top_left\"} to \"score\"");
  return attention;
}

/// Reads what all layers have.
void readLayer(const JsonValue &object, TransformerLayerDesc &layer, Diagnostics &diagnostics) {
  KeyReader(diagnostics).read(object, keysOf<TransformerLayerDesc>(), layer);
  layer.loc = object.loc();
  checkHeads(layer.dModel, "d_model", layer.nhead, "nhead", diagnostics);
  checkEps(layer.layerNormEps, "layer_norm_eps", diagnostics);
  layer.rope = readRope(object, layer.dModel, "d_model", layer.nhead, "nhead", diagnostics);
}

TransformerEncoderLayerDesc readEncoderLayer(const JsonValue &object, Diagnostics &diagnostics) {
  TransformerEncoderLayerDesc layer;
  readLayer(object, layer, diagnostics);
  layer.score = readScore(object, diagnostics);
  return layer;
}
ModuleKind parseEncoderLayer(const JsonValue &object, const ParseContext &context) {
  TransformerEncoderLayerDesc layer = readEncoderLayer(object, context.diagnostics);
  layer.cache = readTable<CacheDesc>(object, context.diagnostics);
  return layer;
}

/// Reads what encoder and decoder have, but for the keys of their layer, which is the result; null where there is none.
const JsonValue *readStack(const JsonValue &object, const ObjectSpec &layerSpec, const char *layerType,
                           TransformerStackDesc &stack, Diagnostics &diagnostics) {
  KeyReader(diagnostics).read(object, keysOf<TransformerStackDesc>(), stack);
  const JsonValue *layer = object.find("layer"), *norm = object.find("norm");
  if (norm && norm->kind != JsonKind::Null && checkNested(*norm, normSpec(), "LayerNorm", diagnostics)) {
    stack.norm = readLayerNorm(*norm, diagnostics);
    stack.normLoc = norm->loc();
  }
  return layer && checkNested(*layer, layerSpec, layerType, diagnostics) ? layer : nullptr;
}

ModuleKind parseEncoder(const JsonValue &object, const ParseContext &context) {
  TransformerEncoderDesc encoder;
  if (const JsonValue *layer =
          readStack(object, encoderLayerSpec(), "TransformerEncoderLayer", encoder, context.diagnostics))
    encoder.layer = readEncoderLayer(*layer, context.diagnostics);
  encoder.cache = readTable<CacheDesc>(object, context.diagnostics);
  return encoder;
}

/// Reads the keys that a decoder's layer has beyond those of every layer.
void readDecoderScores(const JsonValue &object, TransformerDecoderLayerDesc &layer, Diagnostics &diagnostics) {
  layer.score = readScore(object, diagnostics, "tgt_score");
  layer.memoryScore = readScore(object, diagnostics, "memory_score");
}

TransformerDecoderLayerDesc readDecoderLayer(const JsonValue &object, Diagnostics &diagnostics) {
  TransformerDecoderLayerDesc layer;
  readLayer(object, layer, diagnostics);
  readDecoderScores(object, layer, diagnostics);
  return layer;
}
ModuleKind parseDecoderLayer(const JsonValue &object, const ParseContext &context) {
  return readDecoderLayer(object, context.diagnostics);
}

ModuleKind parseDecoder(const JsonValue &object, const ParseContext &context) {
  TransformerDecoderDesc decoder;
  if (const JsonValue *layer =
          readStack(object, decoderLayerSpec(), "TransformerDecoderLayer", decoder, context.diagnostics))
    decoder.layer = readDecoderLayer(*layer, context.diagnostics);
  return decoder;
}

/// The norm that nn.Transformer puts after each stack.
LayerNormDesc finalNorm(const TransformerLayerDesc &layer) {
  LayerNormDesc norm;
  norm.normalizedShape = layer.dModel;
  norm.eps = layer.layerNormEps;
  norm.bias = layer.bias;
  return norm;
}

ModuleKind parseTransformer(const JsonValue &object, const ParseContext &context) {
  auto keys = readTable<TransformerKeys>(object, context.diagnostics);
  TransformerDesc transformer;
  TransformerEncoderDesc &encoder = transformer.encoder;
  TransformerDecoderDesc &decoder = transformer.decoder;
  TransformerLayerDesc &common = encoder.layer;
  common.dModel = transformerWidth;
  common.nhead = transformerHeads;
  readLayer(object, common, context.diagnostics);
  static_cast<TransformerLayerDesc &>(decoder.layer) = common;
  encoder.layer.score = readScore(object, context.diagnostics, "src_score");
  readDecoderScores(object, decoder.layer, context.diagnostics);
  encoder.numLayers = keys.numEncoderLayers;
  decoder.numLayers = keys.numDecoderLayers;
  for (TransformerStackDesc *stack : {(TransformerStackDesc *)&encoder, (TransformerStackDesc *)&decoder}) {
    stack->shareWeights = keys.shareWeights;
    stack->paddedRows = keys.paddedRows;
    stack->norm = finalNorm(common);
    stack->normLoc = object.loc();
  }
  return transformer;
}

// -- The list

std::vector<KeySpec> encoderLayerKeys() { return specsOf<TransformerLayerDesc>({scoreKey()}); }
std::vector<KeySpec> decoderLayerKeys() {
  return specsOf<TransformerLayerDesc>({scoreKey("tgt_score"), scoreKey("memory_score")});
}

std::vector<KeySpec> transformerKeys() {
  std::vector<KeySpec> keys = specsOf<TransformerLayerDesc>(specsOf<TransformerKeys>());
  for (KeySpec &key : keys)
    if (key.role == KeyRole::Required) {
      key.role = KeyRole::Optional;
      key.fallback = jsonText(key.name == "nhead" ? transformerHeads : transformerWidth);
    }
  return keys;
}

std::vector<KeySpec> encoderKeys() {
  return specsOf<TransformerStackDesc>(specsOf<CacheDesc>(
      {ignored("enable_nested_tensor", KeyType::Boolean, "true"), ignored("mask_check", KeyType::Boolean, "true")}));
}

Reads named(std::vector<InputSpec> inputs, std::vector<ArgumentSpec> arguments) {
  return {InputForm::Named, std::move(inputs), std::move(arguments)};
}

Reads encoderReads(const char *mask, const char *hintDefault) {
  return named({{"input", InputDefault::Previous}}, {{mask, ArgumentKind::AttentionMask, "is_causal", hintDefault},
                                                     {"src_key_padding_mask", ArgumentKind::PaddingMask},
                                                     {"lengths", ArgumentKind::Lengths},
                                                     {kPosition, ArgumentKind::Position}});
}

/// What attends to tgt and to the memory; `tgtHint` is the default of tgt_is_causal.
std::vector<ArgumentSpec> decoderArguments(const char *tgtHint) {
  return {{"tgt_mask", ArgumentKind::AttentionMask, "tgt_is_causal", tgtHint},
          {"tgt_key_padding_mask", ArgumentKind::PaddingMask},
          {"tgt_lengths", ArgumentKind::Lengths},
          {"memory_mask", ArgumentKind::AttentionMask, "memory_is_causal"},
          {"memory_key_padding_mask", ArgumentKind::PaddingMask},
          {"memory_lengths", ArgumentKind::Lengths}};
}

Reads decoderReads(const char *tgtHint) {
  return named({{"tgt", InputDefault::Previous}, {"memory", InputDefault::None}}, decoderArguments(tgtHint));
}

Reads transformerReads() {
  std::vector<ArgumentSpec> arguments = {{"src_mask", ArgumentKind::AttentionMask, "src_is_causal", "null"},
                                         {"src_key_padding_mask", ArgumentKind::PaddingMask},
                                         {"src_lengths", ArgumentKind::Lengths}};
  for (const ArgumentSpec &argument : decoderArguments("null"))
    arguments.push_back(argument);
  return named({{"src", InputDefault::None}, {"tgt", InputDefault::None}}, std::move(arguments));
}

/// `hint`: of attn_mask, null for a module that PyTorch does not have.
Reads attentionReads(const char *hint, std::vector<ArgumentSpec> more = {}) {
  more.insert(more.begin(), {{"attn_mask", ArgumentKind::AttentionMask, hint},
                             {"key_padding_mask", ArgumentKind::PaddingMask},
                             {"lengths", ArgumentKind::Lengths}});
  return named(
      {{"query", InputDefault::Previous}, {"key", InputDefault::Preceding}, {"value", InputDefault::Preceding}},
      std::move(more));
}

Reads scaledDotProductReads() {
  return named({{"query", InputDefault::None}, {"key", InputDefault::None}, {"value", InputDefault::None}},
               {{"attn_mask", ArgumentKind::AllowedMask}, {"lengths", ArgumentKind::Lengths}});
}

} // namespace

std::vector<ModuleType> attentionTypes() {
  return {makeType("TransformerEncoder", encoderKeys(), parseEncoder, encoderReads("mask", "null"), true),
          makeType("TransformerEncoderLayer", specsOf<TransformerLayerDesc>(specsOf<CacheDesc>({scoreKey()})),
                   parseEncoderLayer, encoderReads("src_mask", "false"), true),
          makeType("TransformerDecoder", specsOf<TransformerStackDesc>(), parseDecoder, decoderReads("null"), true),
          makeType("TransformerDecoderLayer", decoderLayerKeys(), parseDecoderLayer, decoderReads("false"), true),
          makeType("Transformer", transformerKeys(), parseTransformer, transformerReads(), true),
          makeType("MultiheadAttention", specsOf<MultiheadAttentionDesc>(specsOf<CacheDesc>()), parseAttention,
                   attentionReads("is_causal", {{kPosition, ArgumentKind::Position}}), true),
          makeType("AdditiveAttention", specsOf<AdditiveAttentionDesc>(), parseAdditiveAttention,
                   attentionReads(nullptr), true),
          makeType("ScaledDotProductAttention", specsOf<ScaledDotProductAttentionDesc>(), parseScaledDotProduct,
                   scaledDotProductReads(), false)};
}

const ObjectSpec &encoderLayerSpec() {
  static const ObjectSpec spec = nestedSpec("layer", encoderLayerKeys());
  return spec;
}

const ObjectSpec &ropeSpec() {
  static const ObjectSpec spec = {"rope", specsOf<RopeDesc>()};
  return spec;
}

const ObjectSpec &sinkSpec() {
  static const ObjectSpec spec = {"sink", {special("parameter", KeyType::String, KeyRole::Required)}};
  return spec;
}

const ObjectSpec &decoderLayerSpec() {
  static const ObjectSpec spec = nestedSpec("decoder layer", decoderLayerKeys());
  return spec;
}

} // namespace attnc
