// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "frontend/HuggingFaceModel.h"

namespace attnc {
namespace {

/// Who calls which parameter what: PyTorch's nn.TransformerEncoder and a family's checkpoint, layer index as `*`.
struct EncoderNames {
  const char *encoder, *query, *key, *value, *attentionOutput, *attentionNorm, *feedForward1, *feedForward2,
      *outputNorm;
};

constexpr EncoderNames bertNames = {"encoder.",
                                    "layer.*.attention.self.query",
                                    "layer.*.attention.self.key",
                                    "layer.*.attention.self.value",
                                    "layer.*.attention.output.dense",
                                    "layer.*.attention.output.LayerNorm",
                                    "layer.*.intermediate.dense",
                                    "layer.*.output.dense",
                                    "layer.*.output.LayerNorm"};
constexpr EncoderNames distilBertNames = {"transformer.",
                                          "layer.*.attention.q_lin",
                                          "layer.*.attention.k_lin",
                                          "layer.*.attention.v_lin",
                                          "layer.*.attention.out_lin",
                                          "layer.*.sa_layer_norm",
                                          "layer.*.ffn.lin1",
                                          "layer.*.ffn.lin2",
                                          "layer.*.output_layer_norm"};

/// Builds the ModelDesc step by step, in the order of the data flow.
class ModelBuilder {
public:
  ModelBuilder(const EncoderConfig &config, const SentenceConfig &sentence, const CheckpointNames &names)
      : config(config), sentence(sentence), names(names) {}

  void addInputs(const std::vector<DimDesc> &dims, bool tokenTypeIds);
  void addEmbeddings(bool tokenTypeIds);
  void addEncoder();
  void addOutputs();
  ModelDesc take() { return std::move(model); }

private:
  ModuleDesc &add(const std::string &name, std::vector<std::string> inputs, const std::string &prefix, ModuleKind kind);
  void addNorm(const std::string &name, const std::string &input, const std::string &prefix);
  void addLinear(const std::string &name, const std::string &input, int64_t out, ActivationKind activation,
                 const std::string &prefix);
  void addHead();
  void addPooler();
  void output(const std::string &name, const std::string &value) { model.outputs.push_back({name, value}); }

  const EncoderConfig &config;
  const SentenceConfig &sentence;
  const CheckpointNames &names;
  ModelDesc model;
};

ModuleDesc &ModelBuilder::add(const std::string &name, std::vector<std::string> inputs, const std::string &prefix,
                              ModuleKind kind) {
  ModuleDesc module;
  module.loc = config.loc;
  module.name = {name, config.loc, false};
  for (std::string &input : inputs)
    module.inputs.emplace_back(std::move(input), config.loc, false);
  module.prefix = {prefix, config.loc, false};
  module.kind = std::move(kind);
  model.modules.push_back(std::move(module));
  return model.modules.back();
}

void ModelBuilder::addNorm(const std::string &name, const std::string &input, const std::string &prefix) {
  LayerNormDesc norm;
  norm.normalizedShape = config.hiddenSize;
  norm.eps = config.layerNormEps;
  ModuleDesc &module = add(name, {input}, prefix, norm);
  if (names.normWeight != "weight")
    module.parameters = {{{"weight"}, {names.normWeight}}, {{"bias"}, {names.normBias}}};
}

void ModelBuilder::addLinear(const std::string &name, const std::string &input, int64_t out, ActivationKind activation,
                             const std::string &prefix) {
  LinearDesc linear;
  linear.inFeatures = config.hiddenSize;
  linear.outFeatures = {out, config.loc, false};
  linear.activation = activation;
  add(name, {input}, prefix, linear);
}

void ModelBuilder::addInputs(const std::vector<DimDesc> &dims, bool tokenTypeIds) {
  model.dims = dims;
  Shape shape;
  for (const DimDesc &dim : dims)
    shape.push_back({*dim.extent, dim.runtime, *dim.name});
  auto input = [&](const char *name, MaskConvention mask) {
    model.inputs.push_back({{name}, shape, DType::I32, mask});
  };
  input("input_ids", MaskConvention::None);
  input("attention_mask", MaskConvention::Valid);
  if (tokenTypeIds)
    input("token_type_ids", MaskConvention::None);
}

void ModelBuilder::addEmbeddings(bool tokenTypeIds) {
  std::string prefix = names.prefix + "embeddings.";
  EmbeddingDesc words;
  words.numEmbeddings = config.vocabSize;
  words.embeddingDim = config.hiddenSize;
  add("word_embeddings", {"input_ids"}, prefix + "word_embeddings.", words);
  std::string sum = "word_embeddings";
  if (*config.typeVocabSize > 0) {
    EmbeddingDesc types;
    types.numEmbeddings = config.typeVocabSize;
    types.embeddingDim = config.hiddenSize;
    if (!tokenTypeIds)
      types.row = 0;
    std::vector<std::string> inputs;
    if (tokenTypeIds)
      inputs.push_back("token_type_ids");
    add("token_type_embeddings", inputs, prefix + "token_type_embeddings.", types);
    add("embeddings_sum", {sum, "token_type_embeddings"}, "", AddDesc{});
    sum = "embeddings_sum";
  }
  PositionalEncodingDesc positions;
  positions.kind = PositionKind::Learned;
  positions.dModel = config.hiddenSize;
  positions.maxLen = config.maxPositions;
  positions.offset = config.firstPosition();
  positions.batchFirst = true;
  add("position_embeddings", {sum}, prefix + "position_embeddings.", positions);
  addNorm("embeddings", "position_embeddings", prefix + "LayerNorm.");
}

void ModelBuilder::addEncoder() {
  TransformerEncoderDesc encoder;
  encoder.numLayers = config.numLayers;
  encoder.layer.loc = config.loc;
  encoder.layer.dModel = config.hiddenSize;
  encoder.layer.nhead = config.numHeads;
  encoder.layer.dimFeedforward = config.intermediateSize;
  encoder.layer.activation = config.activation;
  encoder.layer.layerNormEps = config.layerNormEps;
  encoder.layer.batchFirst = true;
  encoder.paddedRows = PaddedRows::Keep; // As the library that the model comes from.
  const EncoderNames &family = config.family == EncoderFamily::DistilBert ? distilBertNames : bertNames;
  ModuleDesc &module = add("last_hidden_state", {"embeddings"}, names.prefix + family.encoder, encoder);
  module.arguments["src_key_padding_mask"] = {"attention_mask", config.loc, false};
  auto rename = [&](const std::string &local, const std::string &name) {
    module.parameters.push_back({{"layers.*." + local}, {name}});
  };
  auto renameBoth = [&](const std::string &local, const std::string &name) {
    rename(local + "weight", name + ".weight");
    rename(local + "bias", name + ".bias");
  };
  auto renameNorm = [&](const std::string &local, const std::string &name) {
    rename(local + ".weight", name + "." + names.normWeight);
    rename(local + ".bias", name + "." + names.normBias);
  };
  renameBoth("self_attn.q_proj_", family.query);
  renameBoth("self_attn.k_proj_", family.key);
  renameBoth("self_attn.v_proj_", family.value);
  renameBoth("self_attn.out_proj.", family.attentionOutput);
  renameNorm("norm1", family.attentionNorm);
  renameBoth("linear1.", family.feedForward1);
  renameBoth("linear2.", family.feedForward2);
  renameNorm("norm2", family.outputNorm);
}

void ModelBuilder::addPooler() {
  addLinear("pooler_output", "first_token", *config.hiddenSize, ActivationKind::Tanh, names.prefix + "pooler.dense.");
}

/// The classification head, as the family has it; its input is the first token or, for token classification, all.
void ModelBuilder::addHead() {
  std::string input = "last_hidden_state";
  if (config.head == EncoderHead::SequenceClassification) {
    input = "head";
    if (config.family == EncoderFamily::Bert) {
      addPooler();
      input = "pooler_output";
    } else if (config.family == EncoderFamily::Roberta) {
      addLinear("head", "first_token", *config.hiddenSize, ActivationKind::Tanh, "classifier.dense.");
    } else {
      addLinear("head", "first_token", *config.hiddenSize, ActivationKind::Relu, "pre_classifier.");
    }
  }
  addLinear("logits", input, names.labels, ActivationKind::None, names.classifier + ".");
  output("logits", "logits");
}

void ModelBuilder::addOutputs() {
  PoolingDesc pooling;
  pooling.batchFirst = true;
  if (sentence.pooling) {
    pooling.mode = *sentence.pooling;
    add("pooled", {"last_hidden_state"}, "", pooling).arguments["padding_mask"] = {"attention_mask", config.loc, false};
    if (sentence.normalize)
      add("sentence_embedding", {"pooled"}, "", NormalizeDesc{});
    output("sentence_embedding", sentence.normalize ? "sentence_embedding" : "pooled");
    return;
  }
  bool head = config.head != EncoderHead::None;
  if (config.head == EncoderHead::SequenceClassification || (!head && names.pooler)) {
    pooling.mode = PoolingMode::Cls;
    add("first_token", {"last_hidden_state"}, "", pooling);
  }
  if (head) {
    addHead();
    return;
  }
  output("last_hidden_state", "last_hidden_state");
  if (names.pooler) {
    addPooler();
    output("pooler_output", "pooler_output");
  }
}

} // namespace

ModelDesc buildModel(const EncoderConfig &config, const SentenceConfig &sentence, const CheckpointNames &names,
                     const std::vector<DimDesc> &dims, bool tokenTypeIds) {
  ModelBuilder builder(config, sentence, names);
  builder.addInputs(dims, tokenTypeIds);
  builder.addEmbeddings(tokenTypeIds);
  builder.addEncoder();
  builder.addOutputs();
  return builder.take();
}

} // namespace attnc
