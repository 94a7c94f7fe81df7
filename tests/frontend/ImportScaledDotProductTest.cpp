// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// scaled_dot_product_attention in core ops: shapes and conventions. Numbers are tested end to end.
#include "Imported.h"

using namespace attnc;

namespace {

/// One attention of these shapes, `keys` its further keys and `inputs` further inputs.
std::string attention(const std::string &query, const std::string &key, const std::string &keys = "",
                      const std::string &inputs = "") {
  return description(R"({ "type": "ScaledDotProductAttention", "query": "q", "key": "k", "value": "k")" + keys + " }",
                     R"("q": { "shape": )" + query + R"( }, "k": { "shape": )" + key + " }" + inputs);
}

const std::string mask = R"(, "attn_mask": "mask")";

std::string maskOf(const std::string &shape, const std::string &rest = "") {
  return R"(, "mask": { "shape": )" + shape + R"(, "dtype": "bool")" + rest + " }";
}

TEST(ImportScaledDotProduct, RankFourIsTheDialectsOwn) {
  Imported m(attention(R"(["batch", 3, 5, 8])", R"(["batch", 3, 7, 8])"));
  ASSERT_TRUE(m.module) << m.messages();
  EXPECT_TRUE(m.has("-> tensor<?x3x5x7xf32>"));
  EXPECT_EQ(m.count<attn::ReshapeOp>() + m.count<attn::BroadcastOp>(), 0u);
  EXPECT_EQ(m.count<attn::ParameterOp>(), 0u);
}

TEST(ImportScaledDotProduct, OtherRanksAreMergedAndRestored) {
  Imported two(attention("[5, 8]", "[7, 8]"));
  EXPECT_TRUE(two.has("-> tensor<1x5x7xf32>"));
  EXPECT_TRUE(two.has("return %") && two.has(": tensor<5x8xf32>\n"));
  Imported five(attention("[2, 4, 3, 5, 8]", "[2, 4, 3, 7, 8]"));
  EXPECT_TRUE(five.has("-> tensor<2x12x5x7xf32>"));
  EXPECT_TRUE(five.has(": tensor<2x4x3x5x8xf32>\n"));
  Imported batch(attention(R"(["batch", 5, 8])", R"(["batch", 7, 8])"));
  EXPECT_TRUE(batch.has("-> tensor<?x1x5x7xf32>"));
}

TEST(ImportScaledDotProduct, LeadingDimensionsBroadcast) {
  Imported m(attention(R"(["batch", 3, 5, 8])", "[7, 8]"));
  ASSERT_TRUE(m.module) << m.messages();
  EXPECT_TRUE(m.has("(tensor<7x8xf32>) -> tensor<?x3x7x8xf32>"));
}

TEST(ImportScaledDotProduct, GroupsRepeatEachHeadInARow) {
  Imported m(attention("[2, 6, 5, 8]", "[2, 2, 7, 8]", R"(, "enable_gqa": true)"));
  ASSERT_TRUE(m.module) << m.messages();
  EXPECT_TRUE(m.has("-> tensor<2x2x3x7x8xf32>"));
  EXPECT_TRUE(m.has("(tensor<2x2x3x7x8xf32>) -> tensor<2x6x7x8xf32>"));
}

TEST(ImportScaledDotProduct, TrueTakesPart) {
  Imported allowed(attention("[2, 3, 5, 8]", "[2, 3, 7, 8]", mask, maskOf("[5, 7]")));
  ASSERT_TRUE(allowed.module) << allowed.messages();
  EXPECT_EQ(allowed.count<attn::IsZeroOp>(), 1u);
  EXPECT_EQ(allowed.count<attn::MaskOp>(), 1u);
  Imported stated(attention("[2, 3, 5, 8]", "[2, 3, 7, 8]", mask, maskOf("[5, 7]", R"(, "mask": "blocked")")));
  EXPECT_EQ(stated.count<attn::IsZeroOp>(), 0u);
}

TEST(ImportScaledDotProduct, MasksFollowTheMergedDimensions) {
  Imported whole(attention("[2, 4, 3, 5, 8]", "[2, 4, 3, 7, 8]", mask, maskOf("[4, 3, 5, 7]")));
  EXPECT_TRUE(whole.has("-> tensor<1x12x5x7xi1>")) << whole.messages();
  Imported part(attention("[2, 4, 3, 5, 8]", "[2, 4, 3, 7, 8]", mask, maskOf("[3, 5, 7]")));
  EXPECT_TRUE(part.has("-> tensor<1x4x3x5x7xi1>")) << part.messages();
  Imported batch(attention(R"(["batch", 5, 8])", R"(["batch", 7, 8])", mask, maskOf(R"(["batch", 1, 7])")));
  EXPECT_TRUE(batch.has("-> tensor<?x1x1x7xi1>")) << batch.messages();
}

TEST(ImportScaledDotProduct, TheScaleIsAnyNumber) {
  EXPECT_TRUE(Imported(attention("[5, 16]", "[7, 16]")).has("factor = 2.500000e-01"));
  EXPECT_TRUE(Imported(attention("[5, 16]", "[7, 16]", R"(, "scale": -3)")).has("factor = -3.0"));
  EXPECT_TRUE(Imported(attention("[5, 16]", "[7, 16]", R"(, "scale": 0)")).has("factor = 0.0"));
}

TEST(ImportScaledDotProduct, CausalFollowsTheScore) {
  Imported m(attention("[5, 8]", "[7, 8]", R"(, "is_causal": true, "score": [{ "softcap": 2 }])"));
  ASSERT_TRUE(m.module) << m.messages();
  EXPECT_EQ(m.count<attn::ModifyScoresOp>(), 1u);
  EXPECT_TRUE(m.has("arith.cmpi sle"));
}

TEST(ImportScaledDotProduct, TrueTakesPartInConstantMasksToo) {
  Imported causal(attention("[2, 8]", "[2, 8]", R"(, "attn_mask": [[true, false], [true, true]])"));
  ASSERT_TRUE(causal.module) << causal.messages();
  EXPECT_TRUE(causal.has("arith.cmpi sle"));
  Imported last(attention("[2, 8]", "[3, 8]", R"(, "attn_mask": { "causal": "bottom_right" })"));
  EXPECT_TRUE(last.has("arith.addi"));
}

TEST(ImportScaledDotProduct, OneMaskOfTwoConventionsIsAWarning) {
  const std::string both =
      R"({ "type": "ScaledDotProductAttention", "name": "s", "query": "x", "key": "x", "value": "x",
                                "attn_mask": "mask" },
                              { "type": "MultiheadAttention", "embed_dim": 8, "num_heads": 2, "attn_mask": "mask" })";
  Imported m(description(both, R"("x": { "shape": [5, 8] })" + maskOf("[5, 5]")));
  ASSERT_TRUE(m.module) << m.messages();
  EXPECT_NE(m.messages().find("warning: true in \"mask\" means two things"), std::string::npos) << m.messages();
  Imported stated(description(both, R"("x": { "shape": [5, 8] })" + maskOf("[5, 5]", R"(, "mask": "valid")")));
  EXPECT_EQ(stated.messages(), "");
}

} // namespace
