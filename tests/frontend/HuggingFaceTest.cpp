// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "frontend/HuggingFace.h"

#include "frontend/WeightStore.h"
#include "tests/errors/safetensors/HostileFiles.h"
#include "tests/frontend/TemporaryDirectory.h"

#include <gtest/gtest.h>
#include <map>
#include <sstream>

namespace attnc {
namespace {

using Tensors = std::map<std::string, std::vector<int64_t>>;

const char bertConfig[] = R"({
  "model_type": "bert", "architectures": ["BertModel"],
  "vocab_size": 11, "hidden_size": 8, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 12,
  "max_position_embeddings": 16, "type_vocab_size": 2, "layer_norm_eps": 1e-12, "hidden_act": "gelu",
  "pad_token_id": 0, "position_embedding_type": "absolute", "hidden_dropout_prob": 0.1
})";
const char distilBertConfig[] = R"({
  "model_type": "distilbert", "architectures": ["DistilBertModel"],
  "vocab_size": 11, "dim": 8, "n_layers": 2, "n_heads": 2, "hidden_dim": 12, "max_position_embeddings": 16,
  "activation": "gelu", "pad_token_id": 0
})";
const char robertaConfig[] = R"({
  "model_type": "roberta", "architectures": ["RobertaModel"],
  "vocab_size": 11, "hidden_size": 8, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 12,
  "max_position_embeddings": 18, "type_vocab_size": 1, "layer_norm_eps": 1e-5, "hidden_act": "gelu", "pad_token_id": 1
})";

void addLinear(Tensors &tensors, const std::string &name, int64_t in, int64_t out) {
  tensors[name + ".weight"] = {out, in};
  tensors[name + ".bias"] = {out};
}

/// The tensors of a two-layer BERT of the sizes above, as transformers names them.
Tensors bertTensors(const std::string &prefix = "", const std::string &normWeight = "weight",
                    const std::string &normBias = "bias", int64_t positions = 16, int64_t types = 2) {
  Tensors tensors;
  auto addNorm = [&](const std::string &name) {
    tensors[name + "." + normWeight] = tensors[name + "." + normBias] = {8};
  };
  std::string embeddings = prefix + "embeddings.";
  tensors[embeddings + "word_embeddings.weight"] = {11, 8};
  tensors[embeddings + "position_embeddings.weight"] = {positions, 8};
  tensors[embeddings + "token_type_embeddings.weight"] = {types, 8};
  addNorm(embeddings + "LayerNorm");
  for (const char *layer : {"0", "1"}) {
    std::string name = prefix + "encoder.layer." + layer + ".";
    for (const char *part : {"self.query", "self.key", "self.value", "output.dense"})
      addLinear(tensors, name + "attention." + part, 8, 8);
    addNorm(name + "attention.output.LayerNorm");
    addLinear(tensors, name + "intermediate.dense", 8, 12);
    addLinear(tensors, name + "output.dense", 12, 8);
    addNorm(name + "output.LayerNorm");
  }
  return tensors;
}

Tensors distilBertTensors(const std::string &prefix = "") {
  Tensors tensors;
  tensors[prefix + "embeddings.word_embeddings.weight"] = {11, 8};
  tensors[prefix + "embeddings.position_embeddings.weight"] = {16, 8};
  auto addNorm = [&](const std::string &name) { tensors[name + ".weight"] = tensors[name + ".bias"] = {8}; };
  addNorm(prefix + "embeddings.LayerNorm");
  for (const char *layer : {"0", "1"}) {
    std::string name = prefix + "transformer.layer." + layer + ".";
    for (const char *part : {"q_lin", "k_lin", "v_lin", "out_lin"})
      addLinear(tensors, name + "attention." + part, 8, 8);
    addNorm(name + "sa_layer_norm");
    addLinear(tensors, name + "ffn.lin1", 8, 12);
    addLinear(tensors, name + "ffn.lin2", 12, 8);
    addNorm(name + "output_layer_norm");
  }
  return tensors;
}

std::string fileOf(const Tensors &tensors) {
  std::string header = "{";
  uint64_t at = 0;
  for (const auto &[name, shape] : tensors) {
    uint64_t bytes = 4;
    std::string extents;
    for (int64_t extent : shape) {
      bytes *= static_cast<uint64_t>(extent);
      extents += (extents.empty() ? "" : ",") + std::to_string(extent);
    }
    header += (at ? ",\"" : "\"") + name + "\":{\"dtype\":\"F32\",\"shape\":[" + extents + "],\"data_offsets\":[" +
              std::to_string(at) + "," + std::to_string(at + bytes) + "]}";
    at += bytes;
  }
  return hostile::file(header + "}", at);
}

/// A model directory and what came of importing it.
struct Import {
  TemporaryDirectory directory;
  Diagnostics diagnostics;
  std::optional<ModelDesc> model;

  Import(const std::string &config, const Tensors &tensors) {
    directory.write("config.json", config);
    if (!tensors.empty())
      directory.write("model.safetensors", fileOf(tensors));
  }

  ModelDesc *run(const DimOverrides &dims = {}, const HuggingFaceOptions &options = {}) {
    model = importHuggingFace(directory.path(), dims, diagnostics, options);
    return model ? &*model : nullptr;
  }

  std::string text() const {
    std::ostringstream out;
    diagnostics.render(out);
    return out.str();
  }

  const ModuleDesc *module(const std::string &name) const {
    for (const ModuleDesc &module : model->modules)
      if (*module.name == name)
        return &module;
    return nullptr;
  }

  /// The outputs as text: "name=value name=value".
  std::string outputs() const {
    std::string text;
    for (const OutputDesc &output : model->outputs)
      text += (text.empty() ? "" : " ") + *output.name + "=" + *output.value;
    return text;
  }
};

/// The local parameters of a module and their shapes, as nn.Module has them.
Tensors parametersOf(const ModuleDesc &module) {
  Tensors tensors;
  if (auto *embedding = std::get_if<EmbeddingDesc>(&module.kind)) {
    tensors["weight"] = {*embedding->numEmbeddings, *embedding->embeddingDim};
  } else if (auto *positions = std::get_if<PositionalEncodingDesc>(&module.kind)) {
    tensors["weight"] = {*positions->maxLen, *positions->dModel};
  } else if (auto *norm = std::get_if<LayerNormDesc>(&module.kind)) {
    tensors["weight"] = tensors["bias"] = {*norm->normalizedShape};
  } else if (auto *linear = std::get_if<LinearDesc>(&module.kind)) {
    tensors["weight"] = {*linear->outFeatures, *linear->inFeatures};
    tensors["bias"] = {*linear->outFeatures};
  } else if (auto *encoder = std::get_if<TransformerEncoderDesc>(&module.kind)) {
    int64_t model = *encoder->layer.dModel, hidden = *encoder->layer.dimFeedforward;
    for (int64_t i = 0; i < *encoder->numLayers; ++i) {
      std::string layer = "layers." + std::to_string(i) + ".";
      for (const char *part : {"q_proj_", "k_proj_", "v_proj_", "out_proj."}) {
        tensors[layer + "self_attn." + part + "weight"] = {model, model};
        tensors[layer + "self_attn." + part + "bias"] = {model};
      }
      tensors[layer + "linear1.weight"] = {hidden, model};
      tensors[layer + "linear1.bias"] = {hidden};
      tensors[layer + "linear2.weight"] = {model, hidden};
      for (const char *part : {"linear2.bias", "norm1.weight", "norm1.bias", "norm2.weight", "norm2.bias"})
        tensors[layer + part] = {model};
    }
  }
  return tensors;
}

/// Checks that the model reads each of the tensors once and in its own shape, but for those in `unused`.
void expectReadsAll(Import &import, Tensors tensors, const std::vector<std::string> &unused = {}) {
  auto store = WeightStore::open(*import.model, import.diagnostics);
  ASSERT_TRUE(store) << import.text();
  for (const ModuleDesc &module : import.model->modules)
    for (const auto &[local, shape] : parametersOf(module)) {
      std::string name = module.parameterName(local), error;
      EXPECT_TRUE(store->find(name, shape, error)) << *module.name << ": " << error;
      EXPECT_EQ(tensors.erase(name), 1u) << name << " is read twice";
    }
  for (const std::string &name : unused)
    EXPECT_EQ(tensors.erase(name), 1u) << name;
  EXPECT_TRUE(tensors.empty()) << tensors.begin()->first << " is not read";
}

TEST(HuggingFace, ImportsBert) {
  Tensors tensors = bertTensors();
  Import import(bertConfig, tensors);
  ModelDesc *model = import.run();
  ASSERT_TRUE(model) << import.text();
  ASSERT_EQ(model->dims.size(), 2u);
  EXPECT_TRUE(model->dims[0].runtime);
  EXPECT_EQ(*model->dims[0].extent, 32);
  EXPECT_FALSE(model->dims[1].runtime);
  EXPECT_EQ(*model->dims[1].extent, 16);
  ASSERT_EQ(model->inputs.size(), 2u);
  EXPECT_EQ(*model->inputs[0].name, "input_ids");
  EXPECT_EQ(*model->inputs[0].dtype, DType::I32);
  EXPECT_EQ(*model->inputs[1].name, "attention_mask");
  EXPECT_EQ(*model->inputs[1].mask, MaskConvention::Valid);
  EXPECT_EQ(import.outputs(), "last_hidden_state=last_hidden_state");
  const auto &encoder = std::get<TransformerEncoderDesc>(import.module("last_hidden_state")->kind);
  EXPECT_EQ(*encoder.layer.layerNormEps, 1e-12);
  EXPECT_EQ(*encoder.layer.activation, ActivationKind::Gelu);
  EXPECT_TRUE(*encoder.layer.batchFirst);
  EXPECT_FALSE(*encoder.layer.normFirst);
  EXPECT_EQ(import.module("last_hidden_state")->argument("src_key_padding_mask")->value, "attention_mask");
  EXPECT_EQ(*std::get<EmbeddingDesc>(import.module("token_type_embeddings")->kind).row, 0);
  EXPECT_EQ(*std::get<PositionalEncodingDesc>(import.module("position_embeddings")->kind).offset, 0);
  expectReadsAll(import, tensors);
}

TEST(HuggingFace, ImportsAPrefixedCheckpointWithGammaAndBeta) {
  Tensors tensors = bertTensors("bert.", "gamma", "beta");
  addLinear(tensors, "bert.pooler.dense", 8, 8);
  Import import(bertConfig, tensors);
  ASSERT_TRUE(import.run()) << import.text();
  EXPECT_EQ(import.outputs(), "last_hidden_state=last_hidden_state pooler_output=pooler_output");
  EXPECT_EQ(*std::get<LinearDesc>(import.module("pooler_output")->kind).activation, ActivationKind::Tanh);
  expectReadsAll(import, tensors);
}

TEST(HuggingFace, ImportsDistilBert) {
  Tensors tensors = distilBertTensors();
  Import import(distilBertConfig, tensors);
  ASSERT_TRUE(import.run()) << import.text();
  EXPECT_EQ(import.module("token_type_embeddings"), nullptr);
  expectReadsAll(import, tensors);
}

TEST(HuggingFace, RobertasPositionsBeginAfterThePaddingIndex) {
  Tensors tensors = bertTensors("roberta.", "weight", "bias", 18, 1);
  Import import(robertaConfig, tensors);
  ASSERT_TRUE(import.run()) << import.text();
  EXPECT_EQ(*std::get<PositionalEncodingDesc>(import.module("position_embeddings")->kind).offset, 2);
  EXPECT_EQ(*import.model->dims[1].extent, 16);
  expectReadsAll(import, tensors);
}

TEST(HuggingFace, TokenTypesCanBeAnInput) {
  Tensors tensors = bertTensors();
  Import import(bertConfig, tensors);
  ModelDesc *model = import.run({}, {true});
  ASSERT_TRUE(model) << import.text();
  ASSERT_EQ(model->inputs.size(), 3u);
  EXPECT_EQ(*model->inputs[2].name, "token_type_ids");
  const ModuleDesc *types = import.module("token_type_embeddings");
  EXPECT_EQ(*std::get<EmbeddingDesc>(types->kind).row, -1);
  EXPECT_EQ(*types->inputs.at(0), "token_type_ids");
  expectReadsAll(import, tensors);
}

TEST(HuggingFace, DimensionsCanBeSet) {
  Import import(bertConfig, bertTensors());
  ModelDesc *model = import.run({{"seq", 5}, {"batch", 3}});
  ASSERT_TRUE(model) << import.text();
  EXPECT_EQ(toString(*model->inputs[0].shape), "[3, 5]");
  EXPECT_EQ(*model->dims[0].extent, 3);
}

TEST(HuggingFace, ImportsSequenceClassification) {
  std::string config = bertConfig;
  config.replace(config.find("BertModel"), 9, "BertForSequenceClassification");
  Tensors tensors = bertTensors("bert.");
  addLinear(tensors, "bert.pooler.dense", 8, 8);
  addLinear(tensors, "classifier", 8, 3);
  Import import(config, tensors);
  ASSERT_TRUE(import.run()) << import.text();
  EXPECT_EQ(import.outputs(), "logits=logits");
  EXPECT_EQ(*std::get<LinearDesc>(import.module("logits")->kind).outFeatures, 3);
  expectReadsAll(import, tensors);
}

TEST(HuggingFace, ImportsTheHeadsOfDistilBertAndRoberta) {
  std::string distil = distilBertConfig;
  distil.replace(distil.find("DistilBertModel"), 15, "DistilBertForSequenceClassification");
  Tensors tensors = distilBertTensors("distilbert.");
  addLinear(tensors, "pre_classifier", 8, 8);
  addLinear(tensors, "classifier", 8, 2);
  Import first(distil, tensors);
  ASSERT_TRUE(first.run()) << first.text();
  EXPECT_EQ(*std::get<LinearDesc>(first.module("head")->kind).activation, ActivationKind::Relu);
  expectReadsAll(first, tensors);

  std::string roberta = robertaConfig;
  roberta.replace(roberta.find("RobertaModel"), 12, "RobertaForSequenceClassification");
  tensors = bertTensors("roberta.", "weight", "bias", 18, 1);
  addLinear(tensors, "classifier.dense", 8, 8);
  addLinear(tensors, "classifier.out_proj", 8, 2);
  Import second(roberta, tensors);
  ASSERT_TRUE(second.run()) << second.text();
  EXPECT_EQ(*std::get<LinearDesc>(second.module("head")->kind).activation, ActivationKind::Tanh);
  expectReadsAll(second, tensors);
}

TEST(HuggingFace, TokenClassificationReadsEveryToken) {
  std::string config = bertConfig;
  config.replace(config.find("BertModel"), 9, "BertForTokenClassification");
  Tensors tensors = bertTensors("bert.");
  addLinear(tensors, "classifier", 8, 5);
  Import import(config, tensors);
  ASSERT_TRUE(import.run()) << import.text();
  EXPECT_EQ(*import.module("logits")->inputs.at(0), "last_hidden_state");
  expectReadsAll(import, tensors);
}

// -- sentence-transformers -----------------------------------------------------------------------------------------

std::string modules(const std::string &last = "", const std::string &encoderPath = "") {
  return R"([{"idx": 0, "path": ")" + encoderPath + R"(", "type": "sentence_transformers.models.Transformer"},
             {"idx": 1, "path": "1_Pooling", "type": "sentence_transformers.models.Pooling"})" +
         (last.empty() ? "" : R"(,{"idx": 2, "path": "2", "type": "sentence_transformers.models.)" + last + "\"}") +
         "]";
}

TEST(HuggingFace, ImportsASentenceTransformer) {
  Tensors tensors = bertTensors();
  addLinear(tensors, "pooler.dense", 8, 8);
  Import import(bertConfig, tensors);
  import.directory.write("modules.json", modules("Normalize"));
  import.directory.write("1_Pooling/config.json",
                         R"({"pooling_mode_cls_token": false, "pooling_mode_mean_tokens": true})");
  import.directory.write("sentence_bert_config.json", R"({"max_seq_length": 9, "do_lower_case": false})");
  ModelDesc *model = import.run();
  ASSERT_TRUE(model) << import.text();
  EXPECT_EQ(*model->dims[1].extent, 9);
  EXPECT_EQ(import.outputs(), "sentence_embedding=sentence_embedding");
  EXPECT_EQ(*std::get<PoolingDesc>(import.module("pooled")->kind).mode, PoolingMode::Mean);
  EXPECT_TRUE(*std::get<PoolingDesc>(import.module("pooled")->kind).batchFirst);
  EXPECT_EQ(import.module("pooled")->argument("padding_mask")->value, "attention_mask");
  EXPECT_TRUE(std::holds_alternative<NormalizeDesc>(import.module("sentence_embedding")->kind));
  expectReadsAll(import, tensors, {"pooler.dense.weight", "pooler.dense.bias"});
}

TEST(HuggingFace, ReadsThePoolingMode) {
  const std::pair<const char *, PoolingMode> cases[] = {
      {R"({"pooling_mode_cls_token": true})", PoolingMode::Cls},
      {R"({"pooling_mode_max_tokens": true, "pooling_mode_mean_tokens": false})", PoolingMode::Max},
      {R"({"pooling_mode": "cls", "include_prompt": true})", PoolingMode::Cls},
      {R"({"pooling_mode": ["max"]})", PoolingMode::Max},
      {R"({})", PoolingMode::Mean}};
  for (auto [config, mode] : cases) {
    Import import(bertConfig, bertTensors());
    import.directory.write("1_Pooling/config.json", config);
    ASSERT_TRUE(import.run()) << config << import.text();
    EXPECT_EQ(*std::get<PoolingDesc>(import.module("pooled")->kind).mode, mode) << config;
    EXPECT_EQ(import.outputs(), "sentence_embedding=pooled");
  }
}

TEST(HuggingFace, TheEncoderMayHaveItsOwnDirectory) {
  TemporaryDirectory directory;
  directory.write("modules.json", modules("", "0_Transformer"));
  directory.write("1_Pooling/config.json", R"({"pooling_mode_mean_tokens": true})");
  directory.write("0_Transformer/config.json", bertConfig);
  directory.write("0_Transformer/sentence_bert_config.json", R"({"max_seq_length": 4})");
  directory.write("0_Transformer/model.safetensors", fileOf(bertTensors()));
  EXPECT_TRUE(isHuggingFaceDirectory(directory.path()));
  EXPECT_FALSE(isHuggingFaceDirectory(directory.path("0_Transformer/config.json")));
  EXPECT_FALSE(isHuggingFaceDirectory(directory.path("1_Pooling/none")));
  Diagnostics diagnostics;
  auto model = importHuggingFace(directory.path(), {}, diagnostics);
  ASSERT_TRUE(model);
  EXPECT_EQ(*model->dims[1].extent, 4);
  EXPECT_TRUE(WeightStore::open(*model, diagnostics));
}

// -- What is refused -----------------------------------------------------------------------------------------------

/// `config` with the first `from` replaced.
std::string with(std::string config, const std::string &from, const std::string &to) {
  size_t at = config.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return config.replace(at, from.size(), to);
}

struct Rejected {
  std::string from, to, message;
};

TEST(HuggingFace, RefusesWithTheReason) {
  const Rejected cases[] = {
      {"\"bert\"", "\"gpt2\"", "config.json:2:17: error: model_type \"gpt2\" is not supported"},
      {"\"bert\"", "\"gpt2\"", "help: supported: bert, distilbert, roberta"},
      {"\"model_type\": \"bert\",", "", "model_type is missing"},
      {"\"bert\"", "7", "model_type must be a string, found the number 7"},
      {"\"gelu\"", "\"mish\"", "error: hidden_act \"mish\" is not supported"},
      {"\"gelu\"", "\"mish\"", "help: supported: gelu, gelu_python, gelu_new"},
      {"\"absolute\"", "\"relative_key\"", "position_embedding_type \"relative_key\" is not supported"},
      {"\"hidden_dropout_prob\": 0.1", "\"is_decoder\": true", "is_decoder is not supported"},
      {"\"hidden_dropout_prob\": 0.1", "\"add_cross_attention\": true", "add_cross_attention is not supported"},
      {"\"hidden_dropout_prob\": 0.1", "\"quantization_config\": {\"bits\": 4}",
       "quantization_config is not supported"},
      {"\"hidden_dropout_prob\": 0.1", "\"pruned_heads\": {\"1\": [0]}", "pruned_heads is not supported"},
      {"\"hidden_size\": 8", "\"hidden_size\": \"8\"",
       "hidden_size must be an integer from 1 to 2147483647, found the string \"8\""},
      {"\"hidden_size\": 8", "\"hidden_size\": 8.0", "hidden_size must be an integer from 1"},
      {"\"hidden_size\": 8", "\"hidden_size\": 0", "config.json:3:36: error: hidden_size must be an integer from 1"},
      {"\"num_hidden_layers\": 2", "\"num_hidden_layers\": 1000000",
       "num_hidden_layers must be an integer from 1 to 1024"},
      {"\"num_attention_heads\": 2", "\"num_attention_heads\": 3",
       "hidden size 8 is not divisible by the number of heads, 3"},
      {"\"layer_norm_eps\": 1e-12", "\"layer_norm_eps\": -1", "layer_norm_eps must be a number that is not negative"},
      {"\"vocab_size\": 11", "\"vocab_size\": 2000000000",
       "the word embedding [2000000000, 8] has 2^31 elements or more"},
      {"\"max_position_embeddings\": 16", "\"max_position_embeddings\": 2000000000",
       "the position embedding [2000000000, 8] has 2^31"},
      {"\"type_vocab_size\": 2", "\"type_vocab_size\": 2000000000",
       "the token type embedding [2000000000, 8] has 2^31"},
      {"\"intermediate_size\": 12", "\"intermediate_size\": 2000000000",
       "the feed-forward layer [2000000000, 8] has 2^31"},
      {"\"intermediate_size\": 12", "\"intermediate_size\": 200000000",
       "the feed-forward layer [32, 16, 200000000] has 2^31"},
      {"\"hidden_size\": 8", "\"hidden_size\": 65536", "an attention projection [65536, 65536] has 2^31"},
      {"{", "[{", "config.json"},
  };
  for (const Rejected &rejected : cases) {
    Import import(with(bertConfig, rejected.from, rejected.to), bertTensors());
    EXPECT_FALSE(import.run()) << rejected.to;
    EXPECT_NE(import.text().find(rejected.message), std::string::npos) << rejected.message << "\n" << import.text();
  }
}

TEST(HuggingFace, RefusesARobertaWithoutPositions) {
  Import import(with(robertaConfig, "\"max_position_embeddings\": 18", "\"max_position_embeddings\": 2"),
                bertTensors());
  EXPECT_FALSE(import.run());
  EXPECT_NE(import.text().find("max_position_embeddings 2 leaves no position"), std::string::npos) << import.text();
}

TEST(HuggingFace, RefusesDimensions) {
  const std::pair<DimOverrides, const char *> cases[] = {
      {{{"seq", 17}}, "seq is 17, but the model has only 16 positions"},
      {{{"seq", 0}}, "--dim seq=0: a dimension is from 1 to"},
      {{{"batch", int64_t(1) << 31}}, "--dim batch=2147483648: a dimension is from 1 to"},
      {{{"batch", 20000000}}, "the hidden state [20000000, 16, 8] has 2^31 elements or more"},
      {{{"batch", 4194304}}, "the scores of an attention [4194304, 2, 16, 16] has 2^31 elements or more"},
      {{{"length", 3}}, "the model has no dimension \"length\""}};
  for (auto [dims, message] : cases) {
    Import import(bertConfig, bertTensors());
    EXPECT_FALSE(import.run(dims));
    EXPECT_NE(import.text().find(message), std::string::npos) << import.text();
  }
}

TEST(HuggingFace, RefusesTokenTypesThatAModelDoesNotHave) {
  Import import(distilBertConfig, distilBertTensors());
  EXPECT_FALSE(import.run({}, {true}));
  EXPECT_NE(import.text().find("the model has no token types"), std::string::npos) << import.text();
}

TEST(HuggingFace, NeedsSafetensors) {
  Import none(bertConfig, {});
  EXPECT_FALSE(none.run());
  EXPECT_NE(none.text().find("config.json: error: there is no model.safetensors beside it"), std::string::npos)
      << none.text();
  Import pickle(bertConfig, {});
  pickle.directory.write("pytorch_model.bin", "");
  EXPECT_FALSE(pickle.run());
  EXPECT_NE(pickle.text().find("pytorch_model.bin is not read"), std::string::npos) << pickle.text();
  EXPECT_NE(pickle.text().find("save_pretrained"), std::string::npos) << pickle.text();
}

TEST(HuggingFace, NeedsTheHeadThatTheConfigNames) {
  Import import(with(bertConfig, "BertModel", "BertForSequenceClassification"), bertTensors("bert."));
  EXPECT_FALSE(import.run());
  EXPECT_NE(import.text().find("model.safetensors: the classification head needs a tensor \"classifier.weight\" of "
                               "shape [labels, 8]"),
            std::string::npos)
      << import.text();
}

TEST(HuggingFace, RefusesOtherSentenceTransformers) {
  struct Case {
    std::string modules, pooling, message;
  };
  const std::string mean = R"({"pooling_mode_mean_tokens": true})";
  const Case cases[] = {
      {modules("Dense"), mean, "module \"Dense\" is not supported here"},
      {"{}", mean, "expected an array of modules, found an object"},
      {"[]", mean, "expected an array of modules"},
      {"[1]", mean, "expected an object with type and path, found the number 1"},
      {R"([{"type": "a.b.Pooling", "path": ""}])", mean, "module \"Pooling\" is not supported here"},
      {R"([{"type": "Transformer", "path": "../.."}])", mean, "path \"../..\" leads out of the model's directory"},
      {R"([{"type": "Transformer", "path": "/etc"}])", mean, "path \"/etc\" leads out of the model's directory"},
      {modules(), R"({"pooling_mode_lasttoken": true})", "this pooling mode is not supported"},
      {modules(), R"({"pooling_mode": "weightedmean"})", "this pooling mode is not supported"},
      {modules(), R"({"pooling_mode": 3})", "this pooling mode is not supported"},
      {modules(), R"({"pooling_mode_cls_token": true, "pooling_mode_mean_tokens": true})",
       "several pooling modes at once are not supported"},
      {modules(), R"({"pooling_mode_cls_token": 1})",
       "pooling_mode_cls_token must be true or false, found the number 1"},
      {modules(), R"({"include_prompt": false})", "include_prompt false is not supported"},
      {modules(), "[]", "expected an object, found an array"},
  };
  for (const Case &rejected : cases) {
    Import import(bertConfig, bertTensors());
    import.directory.write("modules.json", rejected.modules);
    import.directory.write("1_Pooling/config.json", rejected.pooling);
    EXPECT_FALSE(import.run()) << rejected.message;
    EXPECT_NE(import.text().find(rejected.message), std::string::npos) << rejected.message << "\n" << import.text();
  }
}

TEST(HuggingFace, RefusesABadMaxSeqLength) {
  Import import(bertConfig, bertTensors());
  import.directory.write("sentence_bert_config.json", R"({"max_seq_length": -1})");
  EXPECT_FALSE(import.run());
  EXPECT_NE(import.text().find("max_seq_length must be an integer from 1"), std::string::npos) << import.text();
}

TEST(HuggingFace, TheNameIsACIdentifier) {
  TemporaryDirectory directory;
  directory.write("1all-MiniLM.v2/config.json", bertConfig);
  directory.write("1all-MiniLM.v2/model.safetensors", fileOf(bertTensors()));
  Diagnostics diagnostics;
  auto model = importHuggingFace(directory.path("1all-MiniLM.v2/"), {}, diagnostics);
  ASSERT_TRUE(model);
  EXPECT_EQ(*model->name, "model_1all_MiniLM");
}

} // namespace
} // namespace attnc
