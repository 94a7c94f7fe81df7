// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Weights and log-sum-exp as results of the attention kernel, weights that are no softmax, and additive scores.

#include "tests/codegen/Kernel.h"
#include "tests/codegen/Models.h"
#include "tests/codegen/NumericPolicy.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace attnc::test {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr Mask kMasks[] = {Mask::None, Mask::Keys, Mask::Pairs, Mask::Bias, Mask::KeysAndBias, Mask::Everything};
constexpr int64_t kLengths[] = {1, 2, 9, 15, 16, 17, 33, 66};

std::string describe(const AttentionCase &c) {
  return std::to_string(c.queries) + " queries, " + std::to_string(c.keys) + " keys, head_dim " +
         std::to_string(c.headDim) + ", value_dim " + std::to_string(c.valueDim) + ", mask " +
         std::to_string(static_cast<int>(c.mask)) + ", " + c.normalizer + (c.additive ? ", additive" : "") +
         (c.causal ? ", causal" : "") + (c.window >= 0 ? ", window " + std::to_string(c.window) : "") +
         (c.nanWhereMasked ? ", nan" : "") + (c.merged ? ", merged" : "");
}

/// Every `period`-th of the cases is for AVX2, where the machine has more.
CompileOptions optionsFor(int number) { return {number % 2 || !canRun("x86-64-v4") ? "x86-64-v3" : "x86-64-v4"}; }

/// One kernel, and another that merges the heads where the first has further results.
std::string kernelsOf(const AttentionCase &c) {
  const bool merges = c.merged && c.heads > 1 && (c.weights || c.logSumExp);
  return merges ? "attention_0 rowwise_0" : "attention_0";
}

/// Each result is as good as plain f32, with whole rows and with blocks of keys.
void check(const AttentionCase &c, int number) {
  SCOPED_TRACE(describe(c));
  const Model model = attentionModel(c);
  CompileOptions options = optionsFor(number);
  EXPECT_EQ(kernelCalls(model, options), kernelsOf(c));
  const Data data = randomData(model, 2, static_cast<uint64_t>(number));
  const Expected expected = evaluate(model, data);
  for (int64_t blockKeys : {0, 16}) {
    options.blockKeys = blockKeys;
    const std::vector<Array> actual =
        Kernel(model, options).run(data, {1 + number % 3, number % 2 ? Placement::AtEnd : Placement::AtBegin});
    ASSERT_EQ(actual.size(), expected.f64.size());
    for (size_t i = 0; i < actual.size(); ++i) {
      SCOPED_TRACE("blocks of " + std::to_string(blockKeys) + ", result " + std::to_string(i));
      EXPECT_TRUE(isAsGoodAsNaive(actual[i], expected.f64[i], expected.f32[i]));
    }
    if (c.weights || c.keys <= 16)
      break; // Whole rows, or one block of the same.
  }
}

TEST(AttentionResults, WeightsAndLogSumExp) {
  int number = 0;
  for (int64_t keys : kLengths)
    for (bool causal : {false, true}) {
      ++number;
      AttentionCase c{kBatch,
                      1 + number % 3,
                      kLengths[number * 3 % 8],
                      keys,
                      number % 2 ? 16 : 7,
                      number % 3 ? 16 : 5,
                      kMasks[number % 6],
                      number % 4 == 0,
                      number % 5 < 2};
      c.causal = causal;
      c.weights = number % 3 != 0;
      c.logSumExp = number % 3 != 1;
      check(c, number);
    }
}

/// Tiles that look at keys in the middle, and some that see none.
TEST(AttentionResults, Windows) {
  int number = 0;
  for (const char *normalizer : {"softmax", "relu"})
    for (const auto &[queries, keys] : {std::pair<int64_t, int64_t>{70, 70}, {200, 32}, {33, 130}})
      for (bool weights : {false, true}) {
        ++number;
        AttentionCase c{kBatch, 2, queries, keys, 16, number % 2 ? 16 : 7, number % 3 ? Mask::None : Mask::Keys};
        c.normalizer = normalizer;
        c.causal = true;
        c.window = number % 4 * 7;
        c.weights = weights;
        c.logSumExp = weights && c.normalizer == "softmax";
        check(c, number);
      }
}

TEST(AttentionResults, ManyQueriesOfOneHead) {
  AttentionCase c{1, 1, 150, 70, 16, 16, Mask::None};
  c.weights = c.logSumExp = c.causal = true;
  check(c, 1);
  check(c, 2);
}

TEST(AttentionResults, OtherNormalizers) {
  int number = 0;
  for (const char *normalizer : {"relu", "sigmoid", "identity"})
    for (int64_t keys : {1, 9, 16, 33})
      for (bool causal : {false, true}) {
        ++number;
        AttentionCase c{kBatch, 2, kLengths[number % 8], keys, 16, number % 3 ? 16 : 5, kMasks[number % 6]};
        c.normalizer = normalizer;
        c.causal = causal;
        c.weights = number % 2 == 0;
        check(c, number);
      }
}

TEST(AttentionResults, AdditiveScores) {
  int number = 0;
  for (int64_t keys : {1, 9, 16, 33})
    for (int64_t width : {1, 8, 33}) {
      ++number;
      AttentionCase c{kBatch, 1 + number % 2,      kLengths[number % 8], keys,
                      width,  number % 3 ? 16 : 5, kMasks[number % 6]};
      c.additive = true;
      c.causal = number % 3 == 0;
      c.weights = c.logSumExp = number % 2 == 0;
      c.normalizer = number % 4 == 1 ? "sigmoid" : "softmax";
      check(c, number);
    }
}

/// The first result has the bits that it has without further ones, which cost it nothing.
TEST(AttentionResults, FurtherResultsLeaveTheFirstAsItIs) {
  for (bool causal : {false, true}) {
    AttentionCase c{kBatch, 3, 21, 37, 16, 17, Mask::Keys};
    c.causal = causal;
    const Model plain = attentionModel(c);
    c.weights = c.logSumExp = true;
    const Model all = attentionModel(c);
    const Data data = randomData(plain, 2);
    EXPECT_TRUE(haveSameBits(Kernel(plain).run(data, {2}).front(), Kernel(all).run(data, {3}).front()));
  }
}

/// Weights of blocked keys are exactly 0, those of a row sum to 1, and neither depends on tiles or threads.
TEST(AttentionResults, WeightsOfBlockedKeysAreZero) {
  AttentionCase c{kBatch, 2, 40, 40, 16, 16, Mask::Keys};
  c.causal = c.weights = true;
  const Model model = attentionModel(c);
  Data data = randomData(model, 2);
  Array &padding = inputOf(model, data, "padding");
  for (int64_t batch = 0; batch < 2; ++batch)
    padding.values[static_cast<size_t>(batch * c.keys)] = 0;
  const Kernel kernel(model);
  const Array weights = kernel.run(data, {1})[1];
  EXPECT_TRUE(haveSameBits(weights, kernel.run(data, {3})[1]));
  size_t place = 0;
  for (int64_t batch = 0; batch < 2; ++batch)
    for (int64_t row = 0; row < c.heads * c.queries; ++row) {
      double sum = 0;
      for (int64_t key = 0; key < c.keys; ++key, ++place) {
        sum += weights.values[place];
        const bool blocked = key > row % c.queries || padding.values[static_cast<size_t>(batch * c.keys + key)] != 0;
        if (blocked) {
          EXPECT_TRUE(weights.values[place] == 0 && !std::signbit(weights.values[place])) << row << " " << key;
        }
      }
      EXPECT_NEAR(sum, 1, 4 * static_cast<double>(c.keys) * kUnitRoundoff);
    }
}

/// Row 3 is fully masked, row 5 holds a NaN at a live key; both beside keys that no query of their tile sees.
TEST(AttentionResults, RowsThatAreMaskedOrNaN) {
  for (bool nan : {false, true}) {
    AttentionCase c{1, 1, 9, 60, 8, 8, Mask::Everything, nan};
    c.causal = c.weights = c.logSumExp = true;
    const Model model = attentionModel(c);
    Data data = randomData(model, 1);
    Array &blocked = inputOf(model, data, "blocked");
    std::fill(blocked.values.begin(), blocked.values.end(), 0);
    std::fill_n(blocked.values.begin() + 3 * c.keys, c.keys, 1);
    for (int64_t d = 0; d < c.headDim; ++d)
      inputOf(model, data, "query").values[static_cast<size_t>(5 * c.headDim + d)] = kNaN;
    const std::vector<Array> results = Kernel(model).run(data);
    const Expected expected = evaluate(model, data);
    for (size_t i = 0; i < results.size(); ++i)
      EXPECT_TRUE(isAsGoodAsNaive(results[i], expected.f64[i], expected.f32[i])) << i;
    EXPECT_EQ(results[2].values[3], -kInfinity);
    EXPECT_TRUE(std::isnan(results[2].values[5]));
    for (int64_t key = 0; key < c.keys; ++key) {
      const double masked = results[1].values[static_cast<size_t>(3 * c.keys + key)];
      EXPECT_TRUE(nan ? std::isnan(masked) : masked == 0) << key;
      EXPECT_TRUE(std::isnan(results[1].values[static_cast<size_t>(5 * c.keys + key)])) << key;
    }
  }
}

/// Under every other normalizer too a blocked key has no influence, and a row of blocked keys gives 0.
TEST(AttentionResults, BlockedKeysUnderOtherNormalizers) {
  for (const char *normalizer : {"relu", "sigmoid", "identity"}) {
    AttentionCase c{1, 1, 9, 21, 16, 17, Mask::Everything};
    c.normalizer = normalizer;
    c.weights = true;
    const Model model = attentionModel(c);
    Data data = randomData(model, 1);
    Array &blocked = inputOf(model, data, "blocked");
    std::fill_n(blocked.values.begin() + 2 * c.keys, c.keys, 1);
    for (int64_t query = 0; query < c.queries; ++query)
      blocked.values[static_cast<size_t>(query * c.keys + 4)] = 1;
    const Kernel kernel(model);
    const std::vector<Array> before = kernel.run(data);
    for (int64_t d = 0; d < c.headDim; ++d)
      inputOf(model, data, "key").values[static_cast<size_t>(4 * c.headDim + d)] = kNaN;
    for (int64_t d = 0; d < c.valueDim; ++d) {
      inputOf(model, data, "value").values[static_cast<size_t>(4 * c.valueDim + d)] = kInfinity;
      EXPECT_EQ(before[0].values[static_cast<size_t>(2 * c.valueDim + d)], 0);
    }
    const std::vector<Array> after = kernel.run(data);
    for (size_t i = 0; i < 2; ++i)
      EXPECT_TRUE(haveSameBits(before[i], after[i])) << normalizer << " " << i;
  }
}

/// Weight 0 of a live key: NaN in its value is NaN in the row, as the op says, though relu makes the weight 0.
TEST(AttentionResults, LiveKeysOfWeightZeroCount) {
  AttentionCase c{1, 1, 2, 3, 1, 1, Mask::None};
  c.normalizer = "relu";
  const Model model = attentionModel(c);
  Data data = randomData(model, 1);
  inputOf(model, data, "query").values = {1, -1};
  inputOf(model, data, "key").values = {1, -1, 2};
  inputOf(model, data, "value").values = {1, kNaN, 3};
  const Array result = Kernel(model).run(data).front();
  EXPECT_TRUE(std::isnan(result.values[0]) && std::isnan(result.values[1]));
}

/// Without the fusion the same model is several kernels, which agree.
TEST(AttentionResults, UnfusedOpsAgreeWithTheReference) {
  for (const char *normalizer : {"softmax", "relu", "sigmoid", "identity"}) {
    AttentionCase c{kBatch, 2, 7, 37, 9, 5, Mask::Keys};
    c.normalizer = normalizer;
    c.additive = c.weights = true;
    c.logSumExp = c.normalizer == "softmax";
    const Model model = attentionModel(c);
    CompileOptions options;
    options.fuseAttention = false;
    const Data data = randomData(model, 3);
    const std::vector<Array> actual = Kernel(model, options).run(data, {2});
    const Expected expected = evaluate(model, data);
    for (size_t i = 0; i < actual.size(); ++i)
      EXPECT_TRUE(isAsGoodAsNaive(actual[i], expected.f64[i], expected.f32[i])) << normalizer << " " << i;
  }
}

/// The logarithm by itself: log_sum_exp of one row of n equal scores x is x + ln n.
TEST(AttentionResults, LogarithmIsAccurate) {
  for (int64_t length : {1, 2, 3, 5, 7, 100, 1000, 4097}) {
    ModelWriter w;
    const Value x = w.input("x", {3, length});
    const Model model = w.finish({w.op("attn.log_sum_exp " + x.name, {x}, {3})});
    Data data;
    data.inputs = {{DType::f32, {3, length}, std::vector<double>(static_cast<size_t>(3 * length), 0.0)}};
    const double exact = std::log(static_cast<double>(length));
    EXPECT_NEAR(Kernel(model).run(data).front().values[1], exact, 2 * 2 * kUnitRoundoff * exact) << length;
  }
}

} // namespace
} // namespace attnc::test
