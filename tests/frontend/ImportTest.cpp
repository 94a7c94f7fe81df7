// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// ModelDesc -> attn: which ops, which parameters, which locations. Numbers are tested end to end.
#include "Imported.h"
#include "frontend/MlirDiagnostics.h"

using namespace attnc;

namespace {

const std::string maskedInputs = "\"x\": { \"shape\": [\"batch\", 20, 64] }, \"mask\": { \"shape\": [\"batch\", 20], ";

TEST(Import, SpellsAttentionOut) {
  Imported m(description("{ \"type\": \"MultiheadAttention\", \"name\": \"a\", \"embed_dim\": 64, \"num_heads\": 4, "
                         "\"batch_first\": true, "
                         "\"query\": \"x\", \"key_padding_mask\": \"mask\" }",
                         maskedInputs + "\"dtype\": \"bool\" }"));
  ASSERT_TRUE(m.module) << m.messages();
  EXPECT_EQ(m.count<attn::AttentionOp>(), 0u);
  EXPECT_EQ(m.count<attn::MatmulOp>(), 6u);
  EXPECT_EQ(m.count<attn::SplitHeadsOp>(), 3u);
  EXPECT_EQ(m.count<attn::IsZeroOp>(), 0u);
  EXPECT_TRUE(m.has("factor = 2.500000e-01 : f32"));
  EXPECT_TRUE(m.has("attn.parameter @a.in_proj_weight : tensor<192x64xf32>"));
  EXPECT_TRUE(m.has("attn.parameter @a.out_proj.bias : tensor<64xf32>"));
  EXPECT_TRUE(m.has("attn.max_batch = 8 : i64, attn.min_batch = 1 : i64"));
  EXPECT_TRUE(
      m.has("%arg1: tensor<?x20xi1> {attn.name = \"mask\"}) -> (tensor<?x20x64xf32> {attn.name = \"output\"})"));
}

TEST(Import, MaskConventionsAreOpposites) {
  const std::string attention = "{ \"type\": \"MultiheadAttention\", \"embed_dim\": 64, \"num_heads\": 4, "
                                "\"batch_first\": true, \"query\": \"x\", \"key_padding_mask\": \"mask\" }";
  auto zeros = [&](const std::string &rest) {
    Imported m(description(attention, maskedInputs + rest + " }"));
    EXPECT_TRUE(m.module) << m.messages();
    return m.count<attn::IsZeroOp>();
  };
  EXPECT_EQ(zeros("\"dtype\": \"bool\", \"mask\": \"blocked\""), 0u);
  EXPECT_EQ(zeros("\"dtype\": \"bool\", \"mask\": \"valid\""), 1u);
  EXPECT_EQ(zeros("\"dtype\": \"i32\", \"mask\": \"valid\""), 1u);
  EXPECT_EQ(zeros("\"dtype\": \"i64\", \"mask\": \"blocked\""), 2u);
}

TEST(Import, SplitProjectionsHaveTheirOwnParameters) {
  Imported m(description("{ \"type\": \"MultiheadAttention\", \"name\": \"a\", \"embed_dim\": 64, \"num_heads\": 4, "
                         "\"batch_first\": true, \"query\": \"x\", \"key\": \"m\", "
                         "\"kdim\": 48, \"vdim\": 48 }",
                         "\"x\": { \"shape\": [\"batch\", 20, 64] }, \"m\": { \"shape\": [\"batch\", 7, 48] }"));
  ASSERT_TRUE(m.module) << m.messages();
  EXPECT_TRUE(m.has("attn.parameter @a.q_proj_weight : tensor<64x64xf32>"));
  EXPECT_TRUE(m.has("attn.parameter @a.k_proj_weight : tensor<64x48xf32>"));
  EXPECT_TRUE(m.has("attn.parameter @a.in_proj_bias : tensor<192xf32>"));
  EXPECT_FALSE(m.has("in_proj_weight"));

  Imported renamed(description("{ \"type\": \"MultiheadAttention\", \"name\": \"a\", \"embed_dim\": 64, \"num_heads\": "
                               "4, \"batch_first\": true, \"parameters\": { "
                               "\"q_proj_weight\": \"query.weight\", \"q_proj_bias\": \"query.bias\" } }"));
  ASSERT_TRUE(renamed.module) << renamed.messages();
  EXPECT_TRUE(renamed.has("attn.parameter @a.query.bias : tensor<64xf32>"));
  EXPECT_TRUE(renamed.has("attn.parameter @a.k_proj_bias : tensor<64xf32>"));
  EXPECT_FALSE(renamed.has("in_proj"));
}

TEST(Import, BatchFirstFalseIsTransposedOnceEachWay) {
  const std::string encoder = "{ \"type\": \"TransformerEncoder\", \"name\": \"e\", \"num_layers\": 3, \"layer\": { "
                              "\"d_model\": 64, \"nhead\": 4, \"batch_first\": ";
  Imported sequenceFirst(description(encoder + "false } }", "\"x\": { \"shape\": [32, 20, 64] }"));
  ASSERT_TRUE(sequenceFirst.module) << sequenceFirst.messages();
  EXPECT_EQ(sequenceFirst.count<attn::TransposeOp>(), 2u);
  EXPECT_TRUE(sequenceFirst.has("-> tensor<20x4x32x32xf32>")); // 20 sequences of 32 tokens
  Imported batchFirst(description(encoder + "true } }", "\"x\": { \"shape\": [32, 20, 64] }"));
  EXPECT_EQ(batchFirst.count<attn::TransposeOp>(), 0u);
  EXPECT_TRUE(batchFirst.has("-> tensor<32x4x20x20xf32>"));
}

TEST(Import, SharedLayersShareParameters) {
  const std::string encoder = "{ \"type\": \"TransformerEncoder\", \"name\": \"e\", \"num_layers\": 3, \"layer\": { "
                              "\"d_model\": 64, \"nhead\": 4, \"batch_first\": true }, \"share_weights\": ";
  Imported shared(description(encoder + "true }"));
  EXPECT_EQ(shared.count<attn::ParameterOp>(), 12u);
  EXPECT_EQ(shared.count<attn::SoftmaxOp>(), 3u);
  Imported separate(description(encoder + "false }"));
  EXPECT_EQ(separate.count<attn::ParameterOp>(), 36u);
  EXPECT_TRUE(separate.has("@e.layers.2.self_attn.in_proj_weight"));
}

TEST(Import, NormFirstNormalisesBeforeAndNotAfter) {
  const std::string layer = "{ \"type\": \"TransformerEncoderLayer\", \"d_model\": 64, \"nhead\": 4, \"batch_first\": "
                            "true, \"bias\": false, \"norm_first\": ";
  Imported pre(description(layer + "true }"));
  Imported post(description(layer + "false }"));
  ASSERT_TRUE(pre.module && post.module) << pre.messages();
  auto returned = [](Imported &m) { return m.first<mlir::func::ReturnOp>().getOperand(0).getDefiningOp(); };
  EXPECT_TRUE(mlir::isa<attn::AddOp>(returned(pre)));
  EXPECT_TRUE(mlir::isa<attn::LayerNormOp>(returned(post)));
  EXPECT_FALSE(pre.has("bias"));
}

TEST(Import, EmbeddingsLimitTheirIndices) {
  Imported m(description(
      "{ \"type\": \"Embedding\", \"name\": \"w\", \"num_embeddings\": 100, \"embedding_dim\": 64, \"input\": \"ids\" "
      "},"
      "{ \"type\": \"Embedding\", \"name\": \"v\", \"num_embeddings\": 30, \"embedding_dim\": 64, \"input\": \"ids\" },"
      "{ \"type\": \"Embedding\", \"name\": \"t\", \"num_embeddings\": 2, \"embedding_dim\": 64, \"row\": 1 },"
      "{ \"type\": \"Add\", \"name\": \"sum\", \"inputs\": [\"w\", \"v\", \"t\"] },"
      "{ \"type\": \"PositionalEncoding\", \"name\": \"p\", \"kind\": \"learned\", \"d_model\": 64, \"max_len\": 50, "
      "\"offset\": 2, \"batch_first\": true },"
      "{ \"type\": \"PositionalEncoding\", \"d_model\": 64, \"batch_first\": true }",
      "\"ids\": { \"shape\": [\"batch\", 20], \"dtype\": \"i32\" }"));
  ASSERT_TRUE(m.module) << m.messages();
  EXPECT_TRUE(m.has("attn.index_limit = 30 : i64"));
  EXPECT_TRUE(m.has("axis = 0 : i64, size = 1 : i64, start = 1 : i64} : (tensor<2x64xf32>)"));
  EXPECT_TRUE(m.has("axis = 0 : i64, size = 20 : i64, start = 2 : i64} : (tensor<50x64xf32>)"));
  auto table = mlir::cast<mlir::DenseElementsAttr>(m.first<attn::ConstantOp>().getValue());
  std::vector<float> values(table.value_begin<float>(), table.value_end<float>());
  EXPECT_EQ(values[0], 0.0f);
  EXPECT_EQ(values[1], 1.0f);
  EXPECT_FLOAT_EQ(values[64], 0.84147098f);                          // sin(1)
  EXPECT_FLOAT_EQ(values[3 * 64 + 33], (float)std::cos(3.0 * 0.01)); // column 32: 10000^(-32/64)
}

TEST(Import, HeadsPoolAndNormalise) {
  Imported m(description("{ \"type\": \"Pooling\", \"input\": \"x\", \"mode\": \"max\", \"batch_first\": true, "
                         "\"padding_mask\": \"mask\" },"
                         "{ \"type\": \"Linear\", \"name\": \"head\", \"in_features\": 64, \"out_features\": 3, "
                         "\"activation\": \"tanh\", \"prefix\": \"\" },"
                         "{ \"type\": \"GELU\", \"approximate\": \"tanh\" }, { \"type\": \"Dropout\", \"p\": 0 }, { "
                         "\"type\": \"LayerNorm\", \"normalized_shape\": [3], "
                         "\"elementwise_affine\": false }, { \"type\": \"Normalize\" }",
                         maskedInputs + "\"dtype\": \"i64\", \"mask\": \"valid\" }"));
  ASSERT_TRUE(m.module) << m.messages();
  EXPECT_TRUE(m.has("attn.pool max %arg0 blocked %0"));
  EXPECT_TRUE(m.has("attn.parameter @weight : tensor<3x64xf32>"));
  EXPECT_TRUE(m.has("attn.activation tanh"));
  EXPECT_TRUE(m.has("attn.activation gelu_tanh"));
  EXPECT_TRUE(m.has("attn.l2norm"));
  EXPECT_TRUE(m.has("-> (tensor<?x3xf32>"));
}

TEST(Import, GraphNodesAreValuesForLaterModules) {
  Imported m(description("{ \"type\": \"Graph\", \"name\": \"g\", \"nodes\": [ { \"op\": \"scale\", \"name\": \"x2\", "
                         "\"inputs\": [\"x\"], \"factor\": 2 }, "
                         "{ \"op\": \"constant\", \"name\": \"one\", \"shape\": [64], \"value\": 1 }, { \"op\": "
                         "\"sub\", \"inputs\": [\"x2\", \"one\"] }, "
                         "{ \"op\": \"concat\", \"inputs\": [\"2\", \"x\"], \"axis\": -2 } ] },"
                         "{ \"type\": \"Add\", \"inputs\": [\"g.x2\", \"x\"] }, { \"type\": \"Linear\", "
                         "\"in_features\": 64, \"out_features\": 1, \"input\": \"g\" }"));
  ASSERT_TRUE(m.module) << m.messages();
  EXPECT_TRUE(m.has("attn.concat"));
  EXPECT_TRUE(m.has("-> tensor<?x40x64xf32>"));
  EXPECT_TRUE(m.has("attn.constant dense<1.000000e+00> : tensor<64xf32>"));
}

TEST(Import, EveryGraphOpCanBeBuilt) {
  Imported m(description(
      "{ \"type\": \"Graph\", \"name\": \"g\", \"nodes\": ["
      "{ \"op\": \"weight\", \"name\": \"table\", \"parameter\": \"t\", \"shape\": [10, 64] },"
      "{ \"op\": \"weight\", \"name\": \"v\", \"parameter\": \"v\", \"shape\": [64] },"
      "{ \"op\": \"embedding\", \"name\": \"e\", \"inputs\": [\"table\", \"ids\"] },"
      "{ \"op\": \"matmul\", \"name\": \"mm\", \"inputs\": [\"e\", \"table\"], \"transpose_rhs\": true },"
      "{ \"op\": \"add\", \"name\": \"a\", \"inputs\": [\"e\", \"x\"] },"
      "{ \"op\": \"mul\", \"name\": \"b\", \"inputs\": [\"a\", \"x\"] },"
      "{ \"op\": \"div\", \"name\": \"c\", \"inputs\": [\"b\", \"x\"] },"
      "{ \"op\": \"activation\", \"name\": \"d\", \"inputs\": [\"c\"], \"kind\": \"silu\" },"
      "{ \"op\": \"is_zero\", \"name\": \"z\", \"inputs\": [\"ids\"] },"
      "{ \"op\": \"reshape\", \"name\": \"zz\", \"inputs\": [\"z\"], \"shape\": [\"batch\", 20, 1] },"
      "{ \"op\": \"mask\", \"name\": \"f\", \"inputs\": [\"d\", \"zz\"] },"
      "{ \"op\": \"padding_mask\", \"name\": \"pm\", \"inputs\": [\"lengths\"], \"size\": 20 },"
      "{ \"op\": \"reshape\", \"name\": \"pr\", \"inputs\": [\"pm\"], \"shape\": [\"batch\", 20, 1] },"
      "{ \"op\": \"mask\", \"name\": \"ff\", \"inputs\": [\"f\", \"pr\"], \"fill\": -1 },"
      "{ \"op\": \"softmax\", \"name\": \"h\", \"inputs\": [\"ff\"], \"axis\": 1, \"fully_masked\": \"nan\" },"
      "{ \"op\": \"layernorm\", \"name\": \"i\", \"inputs\": [\"h\", \"v\"] },"
      "{ \"op\": \"rmsnorm\", \"name\": \"j\", \"inputs\": [\"i\", \"v\"], \"eps\": 1e-6 },"
      "{ \"op\": \"l2norm\", \"name\": \"k\", \"inputs\": [\"j\"] },"
      "{ \"op\": \"split_heads\", \"name\": \"l\", \"inputs\": [\"k\"], \"heads\": 4 },"
      "{ \"op\": \"merge_heads\", \"name\": \"m\", \"inputs\": [\"l\"] },"
      "{ \"op\": \"transpose\", \"name\": \"n\", \"inputs\": [\"m\"], \"permutation\": [0, 2, 1] },"
      "{ \"op\": \"slice\", \"name\": \"o\", \"inputs\": [\"m\"], \"axis\": -1, \"start\": 0, \"size\": 3 },"
      "{ \"op\": \"pool\", \"name\": \"p\", \"inputs\": [\"o\", \"z\"], \"kind\": \"mean\" } ] }",
      "\"x\": { \"shape\": [\"batch\", 20, 64] }, \"ids\": { \"shape\": [\"batch\", 20], \"dtype\": \"i64\" }, "
      "\"lengths\": { \"shape\": [\"batch\"], \"dtype\": \"i32\" }"));
  ASSERT_TRUE(m.module) << m.messages();
  EXPECT_TRUE(m.has("attn.index_limit = 10 : i64"));
  EXPECT_TRUE(m.has("fully_masked nan"));
  EXPECT_TRUE(m.has("{fill = -1.000000e+00 : f32}"));
  EXPECT_TRUE(m.has("{size = 20 : i64}"));
  EXPECT_TRUE(m.has("-> (tensor<?x3xf32>"));
}

TEST(Import, ScoresMayBeLargerThanATensor) {
  Imported m(
      description("{ \"type\": \"MultiheadAttention\", \"embed_dim\": 64, \"num_heads\": 16, \"batch_first\": true }",
                  "\"x\": { \"shape\": [32, 4096, 64] }"));
  EXPECT_TRUE(m.module) << m.messages();
}

TEST(Import, LocationsLeadBackToTheFile) {
  Imported m(description("{ \"type\": \"Identity\" },\n  { \"type\": \"TransformerEncoder\", \"name\": \"e\", "
                         "\"num_layers\": 1,\n    \"layer\": { \"d_model\": 64, \"nhead\": 4, "
                         "\"batch_first\": true } }"));
  ASSERT_TRUE(m.module) << m.messages();
  mlir::Location location = m.first<attn::SoftmaxOp>().getLoc();
  EXPECT_EQ(mlir::cast<mlir::NameLoc>(location).getName(), "e.layers.0.self_attn");
  JsonPaths paths;
  SourceLoc place = sourceLocOf(location, m.diagnostics, paths);
  EXPECT_EQ(place.line, 5u);
  EXPECT_EQ(place.path, "$.model[1].layer");
  {
    MlirDiagnostics handler(m.context, m.diagnostics);
    mlir::emitError(mlir::FusedLoc::get(&m.context, {mlir::UnknownLoc::get(&m.context), location}), "too wide");
    mlir::emitWarning(mlir::UnknownLoc::get(&m.context), "odd");
  }
  EXPECT_EQ(m.diagnostics.all()[0].message, "e.layers.0.self_attn: too wide");
  EXPECT_EQ(m.diagnostics.all()[0].loc.path, "$.model[1].layer");
  EXPECT_EQ(m.diagnostics.all()[1].severity, Severity::Warning);
  EXPECT_EQ(m.diagnostics.all()[1].loc.file, nullptr);
}

} // namespace
