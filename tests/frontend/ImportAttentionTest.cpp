// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Masks, score steps, lengths, appended keys and weights of attention in core ops. Numbers are tested end to end.
#include "frontend/Import.h"
#include "frontend/ParseModel.h"
#include "ir/AttnDialect.h"

#include "mlir/IR/MLIRContext.h"

#include <gtest/gtest.h>
#include <sstream>

using namespace attnc;

namespace {

/// A model of one attention over x, of which `keys` are further keys and `inputs` further inputs.
class Attention {
public:
  explicit Attention(const std::string &keys, const std::string &inputs = "", const std::string &rest = "",
                     const std::string &shape = "[\"batch\", 20, 64]")
      : context(mlir::MLIRContext::Threading::DISABLED) {
    std::string text =
        "{ \"name\": \"m\", \"dims\": { \"batch\": { \"max\": 8 } }, \"inputs\": { \"x\": { \"shape\": " + shape +
        " }" + inputs +
        " }, \"model\": [ { \"type\": \"MultiheadAttention\", \"name\": \"a\", \"embed_dim\": 64, "
        "\"num_heads\": 4, \"batch_first\": true, \"query\": \"x\", " +
        keys + " } ]" + rest + " }";
    std::optional<ModelDesc> model = parseModelText("t.json", text, {}, diagnostics);
    if (model)
      module = importModel(*model, context, diagnostics);
    std::ostringstream messages;
    diagnostics.render(messages);
    EXPECT_TRUE(module) << messages.str();
    if (module) {
      llvm::raw_string_ostream stream(printed);
      module->print(stream);
    }
  }
  bool has(const std::string &piece) const { return printed.find(piece) != std::string::npos; }
  size_t at(const std::string &piece) const { return printed.find(piece); }

  Diagnostics diagnostics;
  mlir::MLIRContext context;
  mlir::OwningOpRef<mlir::ModuleOp> module;
  std::string printed;
};

std::string input(const std::string &name, const std::string &shape, const std::string &dtype) {
  return ", \"" + name + "\": { \"shape\": " + shape + ", \"dtype\": \"" + dtype + "\" }";
}

TEST(ImportAttention, FloatMasksAreAddedBeforeBoolOnesBlock) {
  Attention a("\"attn_mask\": \"bias\", \"key_padding_mask\": \"padding\"",
              input("bias", "[20, 20]", "f32") + input("padding", "[\"batch\", 20]", "bool"));
  EXPECT_TRUE(a.has("attn.mask"));
  EXPECT_LT(a.at("attn.add %"), a.printed.size());
  EXPECT_LT(a.at("(tensor<?x4x20x20xf32>, tensor<20x20xf32>)"), a.at("attn.mask"));
  EXPECT_TRUE(a.has("(tensor<?x4x20x20xf32>, tensor<?x1x1x20xi1>)"));
  EXPECT_FALSE(a.has("attn.modify_scores"));

  Attention both("\"attn_mask\": \"mask\", \"key_padding_mask\": \"bias\"",
                 input("mask", "[20, 20]", "bool") + input("bias", "[\"batch\", 20]", "f32"));
  EXPECT_TRUE(both.has("(tensor<?x4x20x20xf32>, tensor<?x1x1x20xf32>)"));
  EXPECT_TRUE(both.has("(tensor<?x4x20x20xf32>, tensor<20x20xi1>)"));
}

TEST(ImportAttention, MasksOfRank3HaveTheHeadInTheBatch) {
  Attention a("\"attn_mask\": \"mask\"", input("mask", "[8, 20, 20]", "bool"), "", "[2, 20, 64]");
  EXPECT_TRUE(a.has("(tensor<8x20x20xi1>) -> tensor<2x4x20x20xi1>"));
  Attention unbatched("\"attn_mask\": \"mask\", \"key_padding_mask\": \"padding\"",
                      input("mask", "[4, 20, 20]", "bool") + input("padding", "[20]", "bool"), "", "[20, 64]");
  EXPECT_TRUE(unbatched.has("(tensor<4x20x20xf32>, tensor<4x20x20xi1>)"));
  EXPECT_TRUE(unbatched.has("(tensor<4x20x20xf32>, tensor<20xi1>)"));
}

TEST(ImportAttention, MasksOfRank4AreForARunTimeBatch) {
  Attention a("\"attn_mask\": \"mask\"", input("mask", "[\"batch\", 4, 20, 20]", "bool"));
  EXPECT_TRUE(a.has("(tensor<?x4x20x20xf32>, tensor<?x4x20x20xi1>)"));
  Attention shared("\"attn_mask\": \"mask\"", input("mask", "[\"batch\", 1, 20, 20]", "f32"));
  EXPECT_TRUE(shared.has("(tensor<?x4x20x20xf32>, tensor<?x1x20x20xf32>)"));
}

/// A model of 2 queries and 3 keys with this mask.
std::unique_ptr<Attention> masked(const std::string &mask, const std::string &more = "") {
  return std::make_unique<Attention>("\"key\": \"k\", \"attn_mask\": " + mask + more,
                                     ", \"k\": { \"shape\": [\"batch\", 3, 64] }", "", "[\"batch\", 2, 64]");
}

TEST(ImportAttention, ConstantMasksThatAreCausalAreSteps) {
  for (const char *mask : {"{ \"causal\": \"top_left\" }", "[[false, true, true], [false, false, true]]",
                           "[[0, \"-inf\", \"-inf\"], [-0.0, 0, \"-inf\"]]"}) {
    auto a = masked(mask, ", \"is_causal\": true");
    EXPECT_TRUE(a->has("arith.cmpi sle")) << mask;
    EXPECT_FALSE(a->has("attn.constant")) << mask;
    EXPECT_FALSE(a->has("arith.addi")) << mask;
  }
  auto last = masked("[[false, false, true], [false, false, false]]");
  EXPECT_TRUE(last->has("arith.addi"));
}

TEST(ImportAttention, OtherConstantMasksAreTensors) {
  auto blocked = masked("[[true, false, true], [false, false, true]]");
  EXPECT_TRUE(blocked->has("dense<[[1.000000e+00, 0.000000e+00, 1.000000e+00], [0.000000e+00, 0.000000e+00"));
  EXPECT_TRUE(blocked->has("arith.cmpf oeq"));
  EXPECT_TRUE(blocked->has("attn.modify_scores"));
  auto bias = masked("[[0, 1.5, \"-inf\"], [0, 0, 0]]");
  EXPECT_TRUE(bias->has("(tensor<?x4x2x3xf32>, tensor<2x3xf32>)"));
  EXPECT_FALSE(bias->has("attn.modify_scores"));
  auto parameter = masked("{ \"parameter\": \"buffer.mask\" }");
  EXPECT_TRUE(parameter->has("attn.parameter @buffer.mask : tensor<2x3xf32>"));
}

TEST(ImportAttention, MasksOfTwoTypesAreDeprecated) {
  Attention mixed("\"attn_mask\": \"mask\", \"key_padding_mask\": \"padding\"",
                  input("mask", "[20, 20]", "f32") + input("padding", "[\"batch\", 20]", "bool"));
  ASSERT_EQ(mixed.diagnostics.all().size(), 1u);
  EXPECT_EQ(mixed.diagnostics.all()[0].severity, Severity::Warning);
  EXPECT_EQ(
      mixed.diagnostics.all()[0].message,
      "attn_mask is f32 and key_padding_mask is bool; both apply, but masks of two dtypes are deprecated in PyTorch");
  Attention same("\"attn_mask\": \"mask\", \"key_padding_mask\": \"padding\"",
                 input("mask", "[20, 20]", "bool") + input("padding", "[\"batch\", 20]", "bool"));
  EXPECT_TRUE(same.diagnostics.all().empty());
}

TEST(ImportAttention, ScoreStepsAndLengthsAreOneModification) {
  Attention a(
      "\"score\": [ { \"softcap\": 5 }, { \"alibi\": true }, { \"causal\": \"top_left\" }, { \"window\": [3, 1] "
      "} ], \"lengths\": \"lengths\"",
      input("lengths", "[\"batch\"]", "i32"));
  EXPECT_EQ(a.at("attn.modify_scores"), a.printed.rfind("attn.modify_scores"));
  EXPECT_LT(a.at("math.tanh"), a.at("arith.subi"));
  EXPECT_TRUE(a.has("dense<[2.500000e-01, 6.250000e-02, 1.562500e-02, 3.906250e-03]>"));
  // Blocked tiles are found by these forms.
  EXPECT_TRUE(a.has("arith.cmpi sle, %arg6, %arg5 : index")) << a.printed;
  EXPECT_TRUE(a.has("arith.constant -3 : index"));
  EXPECT_TRUE(a.has("arith.cmpi sge"));
  EXPECT_TRUE(a.has("arith.cmpi slt"));
}

TEST(ImportAttention, AlignsAtTheLastQueryAndKey) {
  const std::string keys = ", \"k\": { \"shape\": [\"batch\", 25, 64] }";
  EXPECT_TRUE(Attention("\"key\": \"k\", \"score\": [ { \"causal\": \"bottom_right\" } ]", keys)
                  .has("arith.constant 5 : index"));
  EXPECT_FALSE(
      Attention("\"key\": \"k\", \"score\": [ { \"causal\": \"top_left\" } ]", keys).has("arith.constant 5 : index"));
}

TEST(ImportAttention, IntegersThatMightNotFitAreReal) {
  const std::string product = "key * key * 70000 * 70000 < score";
  Attention a("\"score\": [ { \"expression\": \"" + product + "\" } ]");
  EXPECT_TRUE(a.has("arith.muli"));
  EXPECT_TRUE(a.has("arith.mulf"));
  EXPECT_TRUE(a.has("arith.cmpf olt"));
}

TEST(ImportAttention, WholeDivisionIsOfIntegersWhereTheyFit) {
  Attention a("\"score\": [ { \"expression\": \"query // 16 == key // 16 and key % 3 != 1\" } ]");
  EXPECT_TRUE(a.has("arith.floordivsi"));
  EXPECT_FALSE(a.has("math.floor"));
  EXPECT_TRUE(Attention("\"score\": [ { \"expression\": \"key * 70000 * 70000 // 7 < score\" } ]").has("math.floor"));
}

TEST(ImportAttention, RopeTurnsQueriesAndKeys) {
  Attention a("\"rope\": {}");
  EXPECT_TRUE(a.has("attn.rotary"));
  EXPECT_FALSE(a.has("{interleaved}"));
  EXPECT_TRUE(Attention("\"rope\": { \"interleaved\": true }").has("{interleaved}"));
  EXPECT_FALSE(Attention("\"rope\": null").has("attn.rotary"));
}

TEST(ImportAttention, FullyMaskedRowsAreZeroOrNan) {
  EXPECT_TRUE(Attention("\"fully_masked\": \"nan\"").has("#attn<fully_masked nan>"));
  EXPECT_FALSE(Attention("\"fully_masked\": \"zero\"").has("fully_masked nan"));
}

TEST(ImportAttention, WeightsAreAValueOfTheModel) {
  const std::string outputs = ", \"outputs\": { \"y\": \"a\", \"w\": \"a.attn_weights\" }";
  Attention mean("\"need_weights\": true", "", outputs);
  EXPECT_TRUE(mean.has("tensor<?x20x20xf32> {attn.name = \"w\"}"));
  EXPECT_TRUE(mean.has("attn.mean"));
  Attention each("\"need_weights\": true, \"average_attn_weights\": false", "", outputs);
  EXPECT_TRUE(each.has("tensor<?x4x20x20xf32> {attn.name = \"w\"}"));
  EXPECT_FALSE(each.has("attn.mean"));
  Attention unbatched("\"need_weights\": true", "", outputs, "[20, 64]");
  EXPECT_TRUE(unbatched.has("tensor<20x20xf32> {attn.name = \"w\"}"));
}

TEST(ImportAttention, LogSumExpIsAValueOfTheModel) {
  Attention a("\"need_lse\": true", "", ", \"outputs\": { \"y\": \"a\", \"l\": \"a.log_sum_exp\" }");
  EXPECT_TRUE(a.has("attn.log_sum_exp"));
  EXPECT_TRUE(a.has("tensor<?x4x20xf32> {attn.name = \"l\"}"));
}

TEST(ImportAttention, NormalizersReplaceTheSoftmax) {
  Attention relu("\"normalizer\": \"relu\", \"normalizer_scale\": \"1/keys\", \"add_zero_attn\": true");
  EXPECT_TRUE(relu.has("attn.score_weights relu"));
  EXPECT_TRUE(relu.has("{factor = 0.0476190485 : f32}")); // 1 / 21: appended keys count.
  EXPECT_FALSE(relu.has("attn.softmax"));
  EXPECT_TRUE(Attention("\"normalizer\": \"identity\", \"normalizer_scale\": 2").has("{factor = 2.000000e+00 : f32}"));
}

TEST(ImportAttention, AppendedKeysAreMaskedByNothing) {
  Attention a("\"add_bias_kv\": true, \"add_zero_attn\": true, \"key_padding_mask\": \"padding\"",
              input("padding", "[\"batch\", 20]", "bool"));
  EXPECT_TRUE(a.has("attn.parameter @a.bias_k : tensor<1x1x64xf32>"));
  EXPECT_TRUE(a.has("attn.parameter @a.bias_v : tensor<1x1x64xf32>"));
  EXPECT_TRUE(a.has("tensor<?x4x22x16xf32>"));
  EXPECT_TRUE(a.has("arith.ori"));
  EXPECT_FALSE(a.has("attn.mask"));
}

TEST(ImportAttention, HintsHaveNoEffectBesideTheirMask) {
  const std::string mask = input("mask", "[20, 20]", "bool");
  EXPECT_EQ(Attention("\"attn_mask\": \"mask\", \"is_causal\": true", mask).printed,
            Attention("\"attn_mask\": \"mask\"", mask).printed);
}

} // namespace
