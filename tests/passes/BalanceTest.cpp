// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/Balance.h"

#include "mlir/Parser/Parser.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <map>
#include <vector>

using namespace attnc;

namespace {

using Parameters = std::map<std::string, std::vector<float>>;

/// A model of four channels: by `body` from %x and the weights of `parameters`, each a matrix of 4 columns or a vector.
struct BalanceTest : testing::Test {
  mlir::MLIRContext context;
  std::string error;

  void SetUp() override { context.loadDialect<attn::AttnDialect, mlir::func::FuncDialect>(); }

  mlir::DictionaryAttr find(const std::string &text, const Parameters &parameters) {
    auto module = mlir::parseSourceString<mlir::ModuleOp>(text, &context);
    EXPECT_TRUE(module);
    auto read = [&](llvm::StringRef name, uint64_t first, uint64_t count, float *to) {
      auto found = parameters.find(name.str());
      if (found == parameters.end() || first + count > found->second.size())
        return false;
      std::copy_n(found->second.begin() + long(first), count, to);
      return true;
    };
    auto result = findBalances(*module, read, error);
    return llvm::succeeded(result) ? *result : mlir::DictionaryAttr();
  }

  static std::vector<float> values(mlir::DictionaryAttr balances, const char *name) {
    auto entry = balances ? balances.getAs<mlir::DenseElementsAttr>(name) : mlir::DenseElementsAttr();
    return entry ? std::vector<float>(entry.value_begin<float>(), entry.value_end<float>()) : std::vector<float>();
  }
};

/// A norm with a weight and its projections.
std::string normAndMatmuls(const std::string &matmuls, const std::string &tokens = "40") {
  const std::string x = "tensor<?x" + tokens + "x4xf32>";
  return R"(module attributes {attn.min_batch = 1 : i64, attn.max_batch = 64 : i64} {
    attn.parameter @scale : tensor<4xf32>
    attn.parameter @w : tensor<2x4xf32>
    attn.parameter @v : tensor<4x3xf32>
    func.func @main(%x: )" +
         x + ") -> " + x + R"( {
      %scale = attn.weight @scale : tensor<4xf32>
      %w = attn.weight @w : tensor<2x4xf32>
      %v = attn.weight @v : tensor<4x3xf32>
      %y = attn.layernorm %x weight %scale {eps = 1.0e-5} : ()" +
         x + ", tensor<4xf32>) -> " + x + "\n" + matmuls + "      return %y : " + x + "\n    }\n  }";
}

std::string matmulByW(const std::string &tokens = "40") {
  return "%a = attn.matmul %y, %w {transpose_rhs} : (tensor<?x" + tokens + "x4xf32>, tensor<2x4xf32>) -> tensor<?x" +
         tokens + "x2xf32>\n";
}

const std::string matmulByV = "%b = attn.matmul %y, %v : (tensor<?x40x4xf32>, tensor<4x3xf32>) -> tensor<?x40x3xf32>\n";

/// Channels of 1, 4, 16 and 1, columns of 1, 1, 1 and 16: the factors are as 1, 1/2, 1/4 and 4.
const Parameters known = {
    {"scale", {1, -4, 16, 1}}, {"w", {1, -1, 0, 16, 0, 0, 1, 0}}, {"v", {1, 0, 0, 0, -1, 0, 0, 1, 0, 16, 0, 0}}};

TEST_F(BalanceTest, IsTheRootOfTheQuotientOfMagnitudes) {
  const std::vector<float> found = values(find(normAndMatmuls(matmulByW()), known), "scale");
  ASSERT_EQ(found.size(), 4u);
  // 40 random tokens and steps of an eighth.
  const double expected[] = {1, 0.5, 0.25, 4};
  double product = 1;
  for (int k = 0; k < 4; ++k) {
    EXPECT_NEAR(std::log2(found[size_t(k)] / found[0]), std::log2(expected[k]), 0.4) << k;
    int exponent;
    const float eighths = std::frexp(found[size_t(k)], &exponent) * 16;
    EXPECT_EQ(eighths, std::round(eighths)) << "more than three digits behind the first";
    product *= found[size_t(k)];
  }
  EXPECT_NEAR(std::log2(product), 0, 0.4); // The scale of all channels is left to the rows' and columns' own scales.
}

TEST_F(BalanceTest, DependsOnTheModelAndItsParametersAlone) {
  EXPECT_EQ(find(normAndMatmuls(matmulByW()), known), find(normAndMatmuls(matmulByW()), known));
}

TEST_F(BalanceTest, TakesColumnsInEitherLayoutAndOfAllMatmuls) {
  const auto rows = find(normAndMatmuls(matmulByW()), known), columns = find(normAndMatmuls(matmulByV), known);
  EXPECT_EQ(values(rows, "scale").size(), 4u);
  EXPECT_EQ(rows, columns);
  EXPECT_EQ(find(normAndMatmuls(matmulByW() + matmulByV), known), rows); // Twice the energy of all.
  Parameters other = known;
  other["v"] = {16, 0, 0, 0, 1, 0, 0, 1, 0, 1, 0, 0};
  EXPECT_NE(find(normAndMatmuls(matmulByW() + matmulByV), other), rows);
}

TEST_F(BalanceTest, OfFewTokensTakesABatch) {
  EXPECT_EQ(values(find(normAndMatmuls(matmulByW("1"), "1"), known), "scale").size(), 4u);
}

TEST_F(BalanceTest, IsThereForNormsThatMatmulsReadAlone) {
  EXPECT_EQ(find(normAndMatmuls(""), known), mlir::DictionaryAttr::get(&context));
  EXPECT_EQ(error, "");
}

TEST_F(BalanceTest, HasNoEntryWhereNumbersAreNone) {
  Parameters parameters = known;
  for (float value : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
    parameters["w"][3] = value;
    EXPECT_EQ(find(normAndMatmuls(matmulByW()), parameters), mlir::DictionaryAttr::get(&context));
  }
}

TEST_F(BalanceTest, FactorsHaveALimit) {
  Parameters parameters = known;
  parameters["scale"] = {1e-20f, 1, 1, 1e20f};
  const std::vector<float> found = values(find(normAndMatmuls(matmulByW()), parameters), "scale");
  ASSERT_EQ(found.size(), 4u);
  EXPECT_EQ(found[0], 16);
  EXPECT_EQ(found[3], 0.0625f);
}

TEST_F(BalanceTest, ChannelsOfZerosCountForNoOther) {
  Parameters parameters = known;
  parameters["scale"] = {1, 0, 1, 0};
  parameters["w"] = {1, 1, 1, 0, 1, 1, 0, 0};
  const std::vector<float> found = values(find(normAndMatmuls(matmulByW()), parameters), "scale");
  ASSERT_EQ(found.size(), 4u);
  EXPECT_EQ(found[1], 16);
  EXPECT_NEAR(found[0] * found[2], 1, 0.3);
  EXPECT_GT(found[3], 0);
}

TEST_F(BalanceTest, SaysWhyThereIsNone) {
  Parameters parameters = known;
  parameters.erase("w");
  EXPECT_FALSE(find(normAndMatmuls(matmulByW()), parameters));
  EXPECT_EQ(error, "parameter 'w' cannot be read");
  // 2.2e10 products before the norm.
  EXPECT_FALSE(find(R"(module {
    attn.parameter @scale : tensor<3000xf32>
    attn.parameter @w : tensor<3000x3000xf32>
    func.func @main(%x: tensor<2500x3000xf32>) -> tensor<2500x3000xf32> {
      %scale = attn.weight @scale : tensor<3000xf32>
      %w = attn.weight @w : tensor<3000x3000xf32>
      %0 = attn.matmul %x, %w {transpose_rhs} : (tensor<2500x3000xf32>, tensor<3000x3000xf32>) -> tensor<2500x3000xf32>
      %1 = attn.layernorm %0 weight %scale {eps = 1.0e-5} : (tensor<2500x3000xf32>, tensor<3000xf32>) -> tensor<2500x3000xf32>
      %2 = attn.matmul %1, %w {transpose_rhs} : (tensor<2500x3000xf32>, tensor<3000x3000xf32>) -> tensor<2500x3000xf32>
      return %2 : tensor<2500x3000xf32>
    }
  })",
                    {}));
  EXPECT_EQ(error, "a run of it would take too long");
}

/// Embeddings, slices of one parameter, an activation between two matmuls, lengths, a mask, a cache that is appended
/// to: what comes before the second norm has an influence on its balance, and all tokens take part.
TEST_F(BalanceTest, RunsTheModelUpToItsLastNorm) {
  const std::string model = R"(module attributes {attn.min_batch = 1 : i64, attn.max_batch = 64 : i64} {
    attn.parameter @table : tensor<9x4xf32>
    attn.parameter @packed : tensor<8x4xf32>
    attn.parameter @scale : tensor<4xf32>
    attn.parameter @second : tensor<4xf32>
    func.func @main(%ids: tensor<?x16xi32> {attn.index_limit = 9 : i64}, %lengths: tensor<?xi32>, %mask: tensor<?x16xi64>) -> tensor<?x16x4xf32> {
      %table = attn.weight @table : tensor<9x4xf32>
      %packed = attn.weight @packed : tensor<8x4xf32>
      %scale = attn.weight @scale : tensor<4xf32>
      %second = attn.weight @second : tensor<4xf32>
      %w0 = attn.slice %packed {axis = 0 : i64, start = 0 : i64, size = 4 : i64} : (tensor<8x4xf32>) -> tensor<4x4xf32>
      %w1 = attn.slice %packed {axis = 0 : i64, start = 4 : i64, size = 4 : i64} : (tensor<8x4xf32>) -> tensor<4x4xf32>
      %0 = attn.embedding %table, %ids : (tensor<9x4xf32>, tensor<?x16xi32>) -> tensor<?x16x4xf32>
      %1 = attn.layernorm %0 weight %scale {eps = 1.0e-5} : (tensor<?x16x4xf32>, tensor<4xf32>) -> tensor<?x16x4xf32>
      %2 = attn.matmul %1, %w0 {transpose_rhs} : (tensor<?x16x4xf32>, tensor<4x4xf32>) -> tensor<?x16x4xf32>
      %3 = attn.activation gelu %2 : (tensor<?x16x4xf32>) -> tensor<?x16x4xf32>
      %blocked = attn.padding_mask %lengths {size = 16 : i64} : (tensor<?xi32>) -> tensor<?x16xi1>
      %left = attn.is_zero %mask : (tensor<?x16xi64>) -> tensor<?x16xi1>
      %rows = attn.reshape %blocked : (tensor<?x16xi1>) -> tensor<?x16x1xi1>
      %others = attn.reshape %left : (tensor<?x16xi1>) -> tensor<?x16x1xi1>
      %4 = attn.mask %3, %rows {fill = 0x7FC00000 : f32} : (tensor<?x16x4xf32>, tensor<?x16x1xi1>) -> tensor<?x16x4xf32>
      %5 = attn.mask %4, %others {fill = 0x7FC00000 : f32} : (tensor<?x16x4xf32>, tensor<?x16x1xi1>) -> tensor<?x16x4xf32>
      %6 = attn.add %1, %5 : (tensor<?x16x4xf32>, tensor<?x16x4xf32>) -> tensor<?x16x4xf32>
      %7 = attn.rmsnorm %6 weight %second {eps = 1.0e-5} : (tensor<?x16x4xf32>, tensor<4xf32>) -> tensor<?x16x4xf32>
      %8 = attn.matmul %7, %w1 {transpose_rhs} : (tensor<?x16x4xf32>, tensor<4x4xf32>) -> tensor<?x16x4xf32>
      return %8 : tensor<?x16x4xf32>
    }
  })";
  Parameters parameters = {
      {"table", {}}, {"packed", std::vector<float>(32, 0.5f)}, {"scale", {1, 1, 1, 1}}, {"second", {1, 1, 1, 1}}};
  for (int i = 0; i < 36; ++i)
    parameters["table"].push_back(float(std::sin(7 * i)));
  const auto balances = find(model, parameters);
  EXPECT_EQ(error, "");
  EXPECT_EQ(values(balances, "scale").size(), 4u);
  const std::vector<float> second = values(balances, "second");
  ASSERT_EQ(second.size(), 4u);
  // The first matmul makes the second channel large: the second norm's rows have it so.
  for (int k = 0; k < 4; ++k)
    parameters["packed"][size_t(4 + k)] = 40 * float(k % 2 ? 1 : -1);
  const std::vector<float> changed = values(find(model, parameters), "second");
  ASSERT_EQ(changed.size(), 4u);
  EXPECT_LT(changed[1] / changed[0], second[1] / second[0] / 1.5f);
}

} // namespace
