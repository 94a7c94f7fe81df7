// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Encoder, decoder and Transformer in core ops. Numbers are tested end to end.
#include "Imported.h"

using namespace attnc;

namespace {

const std::string twoInputs = R"("x": { "shape": ["batch", 5, 12] }, "m": { "shape": ["batch", 7, 12] })";
const std::string layerKeys = R"("d_model": 12, "nhead": 3, "dim_feedforward": 20, "batch_first": true)";

std::string decoderLayer(const std::string &more = "") {
  return R"({ "type": "TransformerDecoderLayer", "name": "d", "tgt": "x", "memory": "m", )" + layerKeys + more + " }";
}
std::string transformer(const std::string &more = "") {
  return R"({ "type": "Transformer", "name": "t", "src": "m", "tgt": "x", "num_encoder_layers": 2, )"
         R"("num_decoder_layers": 3, )" +
         layerKeys + more + " }";
}

TEST(ImportTransformer, DecoderLayersHaveThreeNormsAndTwoAttentions) {
  Imported m(description(decoderLayer(), twoInputs));
  ASSERT_TRUE(m.module) << m.messages();
  EXPECT_EQ(m.count<attn::ParameterOp>(), 18u);
  EXPECT_EQ(m.count<attn::SoftmaxOp>(), 2u);
  EXPECT_EQ(m.count<attn::LayerNormOp>(), 3u);
  EXPECT_TRUE(m.has("-> tensor<?x3x5x5xf32>"));
  EXPECT_TRUE(m.has("-> tensor<?x3x5x7xf32>"));
  for (const char *name : {"self_attn.in_proj_weight", "multihead_attn.in_proj_weight", "multihead_attn.out_proj.bias",
                           "linear2.weight", "norm3.bias"})
    EXPECT_TRUE(m.has(std::string("@d.") + name)) << name;
}

TEST(ImportTransformer, RopeTurnsQueriesAndKeysOfSelfAttention) {
  Imported layer(description(decoderLayer(R"(, "rope": {})"), twoInputs));
  ASSERT_TRUE(layer.module) << layer.messages();
  EXPECT_EQ(layer.count<attn::RotaryOp>(), 2u);
  layer.module->walk([&](attn::RotaryOp rotary) {
    EXPECT_EQ(rotary.getType().getShape().vec(), (std::vector<int64_t>{mlir::ShapedType::kDynamic, 3, 5, 4}));
  });
  Imported stacks(description(transformer(R"(, "rope": { "offset": 1 })"), twoInputs));
  ASSERT_TRUE(stacks.module) << stacks.messages();
  EXPECT_EQ(stacks.count<attn::RotaryOp>(), 2u * (2 + 3));
}

TEST(ImportTransformer, PreNormLeavesTheMemoryAlone) {
  Imported m(description(decoderLayer(R"(, "norm_first": true)"), twoInputs));
  ASSERT_TRUE(m.module) << m.messages();
  m.module->walk([&](attn::LayerNormOp norm) {
    EXPECT_EQ(norm.getInput().getType().getShape().vec(), (std::vector<int64_t>{mlir::ShapedType::kDynamic, 5, 12}));
  });
  EXPECT_FALSE(mlir::isa<attn::LayerNormOp>(m.first<mlir::func::ReturnOp>().getOperand(0).getDefiningOp()));
}

TEST(ImportTransformer, StacksHaveTheirOwnPrefixes) {
  Imported m(description(transformer(), twoInputs));
  ASSERT_TRUE(m.module) << m.messages();
  EXPECT_EQ(m.count<attn::ParameterOp>(), 2u * 12 + 3u * 18 + 4);
  for (const char *name : {"encoder.layers.1.norm2.weight", "encoder.norm.bias", "decoder.layers.2.norm3.weight",
                           "decoder.layers.0.multihead_attn.in_proj_bias", "decoder.norm.weight"})
    EXPECT_TRUE(m.has(std::string("@t.") + name)) << name;
}

TEST(ImportTransformer, WithoutBiasTheFinalNormsHaveNone) {
  Imported m(description(transformer(R"(, "bias": false)"), twoInputs));
  ASSERT_TRUE(m.module) << m.messages();
  EXPECT_FALSE(m.has("bias"));
  EXPECT_TRUE(m.has("@t.decoder.norm.weight"));
}

TEST(ImportTransformer, SharedLayersShareTheirStacksParameters) {
  Imported m(description(transformer(R"(, "share_weights": true)"), twoInputs));
  ASSERT_TRUE(m.module) << m.messages();
  EXPECT_EQ(m.count<attn::ParameterOp>(), 12u + 18 + 4);
  EXPECT_EQ(m.count<attn::SoftmaxOp>(), 2u + 2 * 3);
}

TEST(ImportTransformer, RenamesLayersOfOneStack) {
  Imported m(description(transformer(R"(, "parameters": { "encoder.layers.*.norm1.weight": "enc.*.ln.weight",
                                          "decoder.layers.1.norm1.weight": "dec.ln.weight" })"),
                         twoInputs));
  ASSERT_TRUE(m.module) << m.messages();
  EXPECT_TRUE(m.has("@t.enc.1.ln.weight"));
  EXPECT_TRUE(m.has("@t.dec.ln.weight"));
  EXPECT_TRUE(m.has("@t.decoder.layers.0.norm1.weight"));
}

TEST(ImportTransformer, BatchSecondIsTransposedOnceEachWay) {
  Imported m(description(R"({ "type": "TransformerDecoder", "name": "d", "tgt": "x", "memory": "m", "num_layers": 3,
                              "layer": { "d_model": 12, "nhead": 3 } })",
                         R"("x": { "shape": [5, 2, 12] }, "m": { "shape": [7, 2, 12] })"));
  ASSERT_TRUE(m.module) << m.messages();
  EXPECT_EQ(m.count<attn::TransposeOp>(), 3u);
  EXPECT_TRUE(m.has("-> tensor<2x3x5x7xf32>"));
}

TEST(ImportTransformer, PaddedRowsOfStacksAreZero) {
  const std::string padding =
      R"(, "p": { "shape": ["batch", 5], "dtype": "bool" }, "n": { "shape": ["batch"], "dtype": "i32" })";
  const std::string keys = R"(, "tgt_key_padding_mask": "p", "tgt_lengths": "n")";
  auto fills = [](Imported &m) {
    size_t found = 0;
    m.module->walk([&](attn::MaskOp mask) { found += !mask.fillsWithMinusInfinity(); });
    return found;
  };
  Imported zero(description(transformer(keys), twoInputs + padding));
  ASSERT_TRUE(zero.module) << zero.messages();
  EXPECT_EQ(fills(zero), 2u);
  EXPECT_EQ(zero.count<attn::PaddingMaskOp>(), 1u);
  EXPECT_TRUE(mlir::isa<attn::MaskOp>(zero.first<mlir::func::ReturnOp>().getOperand(0).getDefiningOp()));
  Imported keep(description(transformer(keys + R"(, "padded_rows": "keep")"), twoInputs + padding));
  EXPECT_EQ(fills(keep), 0u);
  Imported layer(description(decoderLayer(keys), twoInputs + padding));
  EXPECT_EQ(fills(layer), 0u);
  // Only src says which rows of the encoder are padding, and an f32 mask says it of none.
  Imported memory(description(transformer(R"(, "memory_lengths": "n")"), twoInputs + padding));
  EXPECT_EQ(fills(memory), 0u);
  Imported bias(
      description(transformer(R"(, "src_key_padding_mask": "b")"), twoInputs + R"(, "b": { "shape": ["batch", 7] })"));
  ASSERT_TRUE(bias.module) << bias.messages();
  EXPECT_EQ(fills(bias), 0u);
  Imported source(description(transformer(R"(, "src_lengths": "n")"), twoInputs + padding));
  EXPECT_EQ(fills(source), 1u);
}

/// Which attention a mask, a score step and lengths go to: that to the memory has 7 keys.
TEST(ImportTransformer, EachAttentionHasItsOwnArguments) {
  const std::string more =
      R"(, "mask": { "shape": [5, 7], "dtype": "f32" }, "lengths": { "shape": ["batch"], "dtype": "i32" })";
  Imported m(description(decoderLayer(R"(, "memory_mask": "mask", "tgt_lengths": "lengths",
                                          "memory_score": [{ "softcap": 2 }])"),
                         twoInputs + more));
  ASSERT_TRUE(m.module) << m.messages();
  EXPECT_TRUE(m.has("(tensor<?x3x5x7xf32>, tensor<5x7xf32>)"));
  std::vector<int64_t> keys;
  m.module->walk([&](attn::ModifyScoresOp op) {
    keys.push_back(op.getScores().getType().getShape().back());
    EXPECT_EQ(op.getCaptures().size(), keys.back() == 5 ? 1u : 0u);
  });
  EXPECT_EQ(keys, (std::vector<int64_t>{5, 7}));
}

} // namespace
