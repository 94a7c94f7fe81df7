// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What accepted descriptions become; rejected ones are in tests/errors.
#include "frontend/ParseModel.h"
#include "frontend/Dims.h"
#include "frontend/Identifiers.h"

#include <gtest/gtest.h>
#include <sstream>

using namespace attnc;

namespace {

struct Parsed {
  Diagnostics diagnostics;
  std::optional<ModelDesc> model;
  Parsed(const std::string &text, const DimOverrides &overrides = {}) {
    model = parseModelText("dir/my-model.json", text, overrides, diagnostics);
  }
  std::string messages() const {
    std::ostringstream text;
    diagnostics.render(text);
    return text.str();
  }
};

std::string withModules(const std::string &modules, const std::string &rest = "") {
  return "{ \"dims\": { \"batch\": { \"max\": 8 }, \"seq\": 20 },\n"
         "  \"inputs\": { \"x\": { \"shape\": [\"batch\", \"seq\", 64] }, \"mask\": { \"shape\": [\"batch\", \"seq\"], "
         "\"dtype\": \"bool\" } },\n"
         "  \"model\": [ " +
         modules + " ]" + rest + " }";
}

template <typename T> const T &only(const Parsed &parsed) { return std::get<T>(parsed.model->modules.at(0).kind); }

TEST(ParseModel, DefaultsArePyTorchs) {
  Parsed parsed(withModules("{ \"type\": \"TransformerEncoderLayer\", \"d_model\": 64, \"nhead\": 4 }"));
  ASSERT_TRUE(parsed.model) << parsed.messages();
  const auto &layer = only<TransformerEncoderLayerDesc>(parsed);
  EXPECT_EQ(*layer.dimFeedforward, 2048);
  EXPECT_EQ(*layer.activation, ActivationKind::Relu);
  EXPECT_EQ(*layer.layerNormEps, 1e-5);
  EXPECT_FALSE(*layer.batchFirst);
  EXPECT_FALSE(*layer.normFirst);
  EXPECT_TRUE(*layer.bias);
  EXPECT_FALSE(layer.bias.given);
  EXPECT_TRUE(layer.nhead.given);
  EXPECT_EQ(layer.nhead.loc.path, "$.model[0].nhead");
  EXPECT_EQ(layer.nhead.loc.line, 3u);
}

TEST(ParseModel, FillsInNamesInputsAndOutputs) {
  Parsed parsed(withModules(
      "{ \"type\": \"Linear\", \"in_features\": 64, \"out_features\": 8 }, { \"type\": \"ReLU\", \"name\": \"act\" }, "
      "{ \"type\": \"MultiheadAttention\", \"embed_dim\": 8, \"num_heads\": 2, \"key\": \"x\", \"kdim\": 64, \"vdim\": "
      "64 }"));
  ASSERT_TRUE(parsed.model) << parsed.messages();
  const ModelDesc &model = *parsed.model;
  EXPECT_EQ(*model.name, "my_model");
  EXPECT_EQ(*model.modules[0].name, "0");
  EXPECT_EQ(*model.modules[0].inputs[0], "x");
  EXPECT_EQ(*model.modules[0].prefix, "0.");
  EXPECT_EQ(*model.modules[1].inputs[0], "0");
  EXPECT_EQ(*model.modules[2].inputs[0], "act");
  EXPECT_EQ(*model.modules[2].inputs[1], "x");
  EXPECT_EQ(*model.modules[2].inputs[2], "x");
  ASSERT_EQ(model.outputs.size(), 1u);
  EXPECT_EQ(*model.outputs[0].name, "output");
  EXPECT_EQ(*model.outputs[0].value, "2");
}

TEST(ParseModel, OverridesReplaceDimensions) {
  Parsed parsed(withModules("{ \"type\": \"Identity\" }"), {{"seq", 128}, {"batch", 4}});
  ASSERT_TRUE(parsed.model) << parsed.messages();
  EXPECT_EQ(toString(*parsed.model->inputs[0].shape), "[4, 128, 64]");
  Parsed plain(withModules("{ \"type\": \"Identity\" }"));
  EXPECT_EQ(toString(*plain.model->inputs[0].shape), "[batch, 20, 64]");
  EXPECT_EQ(plain.model->inputs[0].shape->at(0).value, 8);
}

TEST(ParseModel, RenamesParametersWithLayerIndices) {
  Parsed parsed(withModules("{ \"type\": \"TransformerEncoder\", \"name\": \"enc\", \"num_layers\": 12, \"layer\": { "
                            "\"d_model\": 64, \"nhead\": 4 }, "
                            "\"prefix\": \"bert.\", \"parameters\": { \"layers.3.norm1.weight\": \"third\", "
                            "\"layers.*.norm1.weight\": \"layer.*.ln.w\" } }"));
  ASSERT_TRUE(parsed.model) << parsed.messages();
  const ModuleDesc &module = parsed.model->modules[0];
  EXPECT_EQ(module.parameterName("layers.3.norm1.weight"), "bert.third");
  EXPECT_EQ(module.parameterName("layers.11.norm1.weight"), "bert.layer.11.ln.w");
  EXPECT_EQ(module.parameterName("layers.11.norm1.bias"), "bert.layers.11.norm1.bias");
  EXPECT_TRUE(module.renames("layers.0.norm1.weight"));
  EXPECT_FALSE(module.renames("layers.x.norm1.weight"));
}

TEST(ParseModel, ReadsWeightsAndTheirPrefixes) {
  Parsed plain(withModules("{ \"type\": \"Identity\" }", ", \"weights\": \"w.safetensors\""));
  ASSERT_TRUE(plain.model && plain.model->weights);
  EXPECT_EQ(*plain.model->weights->path, "w.safetensors");
  Parsed mapped(withModules("{ \"type\": \"Identity\" }",
                            ", \"weights\": { \"file\": \"a/w.safetensors\", \"prefix\": { \"enc.\": \"bert.\" } }"));
  ASSERT_TRUE(mapped.model && mapped.model->weights);
  EXPECT_EQ(*mapped.model->weights->prefixMap.at(0).second, "bert.");
  Parsed none(withModules("{ \"type\": \"Identity\" }", ", \"weights\": null"));
  ASSERT_TRUE(none.model);
  EXPECT_FALSE(none.model->weights);
}

TEST(ParseModel, SaysOnceThatDropoutIsIgnored) {
  Parsed parsed(withModules(
      "{ \"type\": \"Dropout\", \"p\": 0.1 }, { \"type\": \"Dropout\" }, { \"type\": \"Dropout\", \"p\": 0.3 }"));
  ASSERT_TRUE(parsed.model) << parsed.messages();
  ASSERT_EQ(parsed.diagnostics.all().size(), 1u);
  EXPECT_EQ(parsed.diagnostics.all()[0].severity, Severity::Note);
  EXPECT_EQ(parsed.diagnostics.all()[0].message, "dropout acts only in training; the compiled model leaves it out");
}

TEST(ParseModel, AcceptsOptionalKeysWithTheirDefault) {
  Parsed parsed(withModules("{ \"type\": \"MultiheadAttention\", \"embed_dim\": 64, \"num_heads\": 4, \"add_bias_kv\": "
                            "false, \"attn_mask\": null, "
                            "\"kdim\": null, \"need_weights\": false }"));
  EXPECT_TRUE(parsed.model) << parsed.messages();
}

TEST(ParseModel, ReportsAllErrorsAtOnce) {
  Parsed parsed(
      withModules("{ \"type\": \"Linear\", \"in_features\": \"a\", \"out_features\": 0 }, { \"type\": \"Nothing\" }"));
  EXPECT_FALSE(parsed.model);
  EXPECT_EQ(parsed.diagnostics.errorCount(), 3u) << parsed.messages();
}

std::string repeated(const std::string &text, size_t count) {
  std::string result;
  for (size_t i = 0; i < count; ++i)
    result += (i ? "," : "") + text;
  return result;
}

TEST(ParseModel, BoundsWhatAShortTextCanAskFor) {
  auto error = [](const std::string &text) { return Parsed(text).messages(); };
  EXPECT_NE(error(withModules(repeated("{}", maxModules + 1))).find("more than 4096 modules"), std::string::npos);
  EXPECT_NE(error(withModules("{ \"type\": \"Graph\", \"nodes\": [" + repeated("{}", maxNodes + 1) + "] }"))
                .find("more than 65536 nodes"),
            std::string::npos);
  std::string dims, renamings;
  for (size_t i = 0; i <= maxRenamings; ++i) {
    dims += (i ? ", \"d" : "\"d") + std::to_string(i) + "\": 1";
    renamings += (i ? ", \"" : "\"") + std::to_string(i) + "\": \"w\"";
  }
  EXPECT_NE(error("{ \"dims\": {" + dims + "}, \"inputs\": {}, \"model\": [] }").find("dims has more than 64 members"),
            std::string::npos);
  EXPECT_NE(
      error(withModules("{ \"type\": \"LayerNorm\", \"normalized_shape\": 64, \"parameters\": {" + renamings + "} }"))
          .find("more than 1024 parameters are renamed"),
      std::string::npos);
}

TEST(ParseModel, SurvivesEveryTruncationAndEveryFlippedBit) {
  const std::string text = withModules(
      "{ \"type\": \"TransformerEncoder\", \"num_layers\": 2, \"layer\": { \"d_model\": 64, \"nhead\": 4 }, "
      "\"src_key_padding_mask\": \"mask\" }, { \"type\": \"Graph\", \"nodes\": [ { \"op\": \"softmax\", \"inputs\": "
      "[\"x\"], \"axis\": -1 } ] }");
  ASSERT_TRUE(Parsed(text).model) << Parsed(text).messages();
  for (size_t length = 0; length < text.size(); ++length)
    EXPECT_FALSE(Parsed(text.substr(0, length)).model) << length;
  for (size_t bit = 0; bit < text.size() * 8; ++bit) {
    std::string flipped = text;
    flipped[bit / 8] ^= (char)(1 << bit % 8);
    Parsed parsed(flipped);
    EXPECT_NE(parsed.model.has_value(), parsed.diagnostics.hasErrors()) << flipped;
  }
}

TEST(Dims, ProductsAreChecked) {
  EXPECT_EQ(checkedProduct({3, 4}), 12);
  EXPECT_EQ(checkedProduct({}), 1);
  EXPECT_EQ(checkedProduct({maxElements}), maxElements);
  EXPECT_FALSE(checkedProduct({maxElements, 2}));
  EXPECT_FALSE(checkedProduct({int64_t(1) << 32, int64_t(1) << 32}));
  EXPECT_FALSE(checkedProduct({0, int64_t(1) << 32, int64_t(1) << 32}));
  EXPECT_FALSE(checkedProduct({-1, -1}));
  EXPECT_EQ(checkedProduct({0, 5}), 0);
}

TEST(Names, ModelNamesComeFromFileNames) {
  EXPECT_EQ(modelNameFor("a/b/my-model.v2.json"), "my_model");
  EXPECT_EQ(modelNameFor("2layers.json"), "model_2layers");
  EXPECT_EQ(modelNameFor("class.json"), "model_class");
  EXPECT_EQ(modelNameFor("attnc.json"), "model_attnc");
  EXPECT_EQ(modelNameFor(".json"), "model_");
  EXPECT_EQ(modelNameFor("\xC3\xA9.json"), "__");
}

} // namespace
