// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// config.json of the supported encoders. Members that do not change what inference computes (dropout, initialisation,
// caching ...) are not looked at, as transformers writes dozens of them.
#include "frontend/HuggingFaceConfig.h"

#include "frontend/ConfigReader.h"
#include "frontend/Dims.h"

namespace attnc {
namespace {

struct FamilyRow {
  const char *modelType;
  EncoderFamily family;
};

constexpr FamilyRow families[] = {
    {"bert", EncoderFamily::Bert},         {"distilbert", EncoderFamily::DistilBert},
    {"roberta", EncoderFamily::Roberta},   {"xlm-roberta", EncoderFamily::Roberta},
    {"camembert", EncoderFamily::Roberta},
};

struct ActivationRow {
  const char *name;
  ActivationKind kind;
};

/// Names of transformers.activations.ACT2FN.
constexpr ActivationRow activations[] = {
    {"gelu", ActivationKind::Gelu},
    {"gelu_python", ActivationKind::Gelu},
    {"gelu_new", ActivationKind::GeluTanh},
    {"gelu_fast", ActivationKind::GeluTanh},
    {"gelu_accurate", ActivationKind::GeluTanh},
    {"gelu_python_tanh", ActivationKind::GeluTanh},
    {"gelu_pytorch_tanh", ActivationKind::GeluTanh},
    {"relu", ActivationKind::Relu},
    {"silu", ActivationKind::Silu},
    {"swish", ActivationKind::Silu},
};

template <typename Row, size_t N> std::string listOf(const Row (&rows)[N], const char *Row::*name) {
  std::string text = "supported: ";
  for (size_t i = 0; i < N; ++i)
    text += std::string(i ? ", " : "") + rows[i].*name;
  return text;
}

void readFamily(ConfigReader &reader, EncoderConfig &config) {
  Located<std::string> type = reader.string("model_type", "");
  for (const FamilyRow &row : families)
    if (*type == row.modelType) {
      config.family = row.family;
      return;
    }
  std::string message = type.given ? "model_type " + inQuotes(*type) + " is not supported" : "model_type is missing";
  reader.diagnostics.error(type.loc, message, listOf(families, &FamilyRow::modelType));
}

void readActivation(ConfigReader &reader, const char *key, EncoderConfig &config) {
  Located<std::string> name = reader.string(key, "gelu");
  for (const ActivationRow &row : activations)
    if (*name == row.name) {
      config.activation = {row.kind, name.loc, name.given};
      return;
    }
  reader.diagnostics.error(name.loc, std::string(key) + " " + inQuotes(*name) + " is not supported",
                           listOf(activations, &ActivationRow::name));
}

void readHead(ConfigReader &reader, EncoderConfig &config) {
  const JsonValue *architectures = reader.find("architectures");
  if (!architectures || architectures->items.empty())
    return;
  const std::string &name = architectures->items.front()->text;
  auto ends = [&](std::string_view end) {
    return name.size() >= end.size() && std::string_view(name).substr(name.size() - end.size()) == end;
  };
  if (ends("ForSequenceClassification"))
    config.head = EncoderHead::SequenceClassification;
  else if (ends("ForTokenClassification"))
    config.head = EncoderHead::TokenClassification;
}

/// The sizes, by the names that the family gives them.
void readSizes(ConfigReader &reader, EncoderConfig &config) {
  bool distil = config.family == EncoderFamily::DistilBert, roberta = config.family == EncoderFamily::Roberta;
  auto size = [&](const char *key, int64_t fallback) { return reader.integer(key, fallback, 1, maxElements); };
  config.vocabSize = size("vocab_size", roberta ? 50265 : 30522);
  config.hiddenSize = size(distil ? "dim" : "hidden_size", 768);
  config.numLayers = reader.integer(distil ? "n_layers" : "num_hidden_layers", distil ? 6 : 12, 1, maxLayers);
  config.numHeads = size(distil ? "n_heads" : "num_attention_heads", 12);
  config.intermediateSize = size(distil ? "hidden_dim" : "intermediate_size", 3072);
  config.maxPositions = size("max_position_embeddings", 512);
  config.padTokenId = *reader.integer("pad_token_id", roberta ? 1 : 0, 0, maxElements - 1);
  config.layerNormEps = 1e-12;
  config.typeVocabSize = 0;
  if (distil)
    return; // Its LayerNorms have a fixed eps, and it has no token types.
  config.typeVocabSize = size("type_vocab_size", 2);
  config.layerNormEps = reader.nonNegative("layer_norm_eps", 1e-12);
}

void checkSizes(const EncoderConfig &config, Diagnostics &diagnostics) {
  int64_t hidden = *config.hiddenSize;
  if (hidden % *config.numHeads != 0)
    diagnostics.error(config.numHeads.loc,
                      "hidden size " + std::to_string(hidden) + " is not divisible by the number of heads, " +
                          std::to_string(*config.numHeads),
                      "every head gets hidden size / heads features");
  if (config.firstPosition() >= *config.maxPositions)
    diagnostics.error(config.maxPositions.loc,
                      "max_position_embeddings " + std::to_string(*config.maxPositions) +
                          " leaves no position: the first token has position " + std::to_string(config.firstPosition()),
                      "positions begin at pad_token_id + 1");
  checkElementCount({*config.vocabSize, hidden}, "the word embedding", config.vocabSize.loc, diagnostics);
  checkElementCount({*config.maxPositions, hidden}, "the position embedding", config.maxPositions.loc, diagnostics);
  checkElementCount({*config.typeVocabSize, hidden}, "the token type embedding", config.typeVocabSize.loc, diagnostics);
  checkElementCount({hidden, hidden}, "an attention projection", config.hiddenSize.loc, diagnostics);
  checkElementCount({*config.intermediateSize, hidden}, "the feed-forward layer", config.intermediateSize.loc,
                    diagnostics);
}

/// Members that change what the model computes in ways that are not supported.
void refuseUnsupported(ConfigReader &reader) {
  Located<std::string> positions = reader.string("position_embedding_type", "absolute");
  if (*positions != "absolute")
    reader.diagnostics.error(positions.loc, "position_embedding_type " + inQuotes(*positions) + " is not supported",
                             "supported: absolute");
  reader.refuse("is_decoder", "supported are encoders: is_decoder false");
  reader.refuse("add_cross_attention", "supported are encoders: add_cross_attention false");
  reader.refuse("quantization_config", "supported are F32, F16, BF16 and F64 weights");
  reader.refuse("pruned_heads", "supported are models with all of their heads");
}

} // namespace

std::optional<EncoderConfig> readEncoderConfig(const std::string &directory, Diagnostics &diagnostics) {
  size_t errorsBefore = diagnostics.errorCount();
  std::unique_ptr<JsonDocument> document = parseObjectFile(joinPath(directory, "config.json"), diagnostics);
  if (!document)
    return std::nullopt;
  ConfigReader reader(document->root(), diagnostics);
  EncoderConfig config;
  config.loc = document->root().loc();
  readFamily(reader, config);
  // Of an unknown model the other members may mean anything.
  if (diagnostics.errorCount() != errorsBefore)
    return std::nullopt;
  readHead(reader, config);
  readSizes(reader, config);
  readActivation(reader, config.family == EncoderFamily::DistilBert ? "activation" : "hidden_act", config);
  refuseUnsupported(reader);
  if (diagnostics.errorCount() == errorsBefore)
    checkSizes(config, diagnostics);
  if (diagnostics.errorCount() != errorsBefore)
    return std::nullopt;
  return config;
}

} // namespace attnc
