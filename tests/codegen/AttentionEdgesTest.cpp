// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What attention makes of the values that break a naive softmax (docs/OPS.md, attention), with whole score rows and
// with blocks of keys, with keys that are scaled in their panels and with scores that are scaled in the exponential.

#include "tests/codegen/Kernel.h"
#include "tests/codegen/Models.h"
#include "tests/codegen/NumericPolicy.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>

namespace attnc::test {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

CompileOptions blocksOf(int64_t keys) {
  CompileOptions options;
  options.blockKeys = keys;
  return options;
}

/// Keys are scaled where the scale is less than log(2).
struct Lowering {
  int64_t blockKeys; ///< 0: whole rows.
  float scale;
};

/// One attention of 3 heads, 9 queries and 21 keys, or 53 in blocks, and one batch of 2 to run it on.
struct Fixture {
  AttentionCase shape;
  Model model;
  std::shared_ptr<Kernel> kernel; ///< Shared by copies, which differ in data.
  Data data;

  Fixture(const Lowering &lowering, Mask mask, bool nanWhereMasked = false)
      : shape{kBatch, 3, 9, lowering.blockKeys ? 53 : 21, 16, 17, mask, nanWhereMasked, false, lowering.scale},
        model(attentionModel(shape)), kernel(std::make_shared<Kernel>(model, blocksOf(lowering.blockKeys))),
        data(randomData(model, 2)) {}

  Array &input(const std::string &name) { return inputOf(model, data, name); }
  double &at(const std::string &name, int64_t batch, int64_t head, int64_t position, int64_t d) {
    Array &array = input(name);
    return array.values[static_cast<size_t>(
        ((batch * array.shape[1] + head) * array.shape[2] + position) * array.shape[3] + d)];
  }
  Array run() { return kernel->run(data, {2}).front(); }
  Expected expected() { return evaluate(model, data); }
  void expectAsReference() {
    const Expected wanted = expected();
    EXPECT_TRUE(isAsGoodAsNaive(run(), wanted.f64.front(), wanted.f32.front()));
  }
};

size_t rowStart(const Array &array, int64_t batch, int64_t head, int64_t query) {
  return static_cast<size_t>(((batch * array.shape[1] + head) * array.shape[2] + query) * array.shape[3]);
}

/// Whether row (batch, head, query) holds `value` everywhere, the sign of 0 included.
bool rowIs(const Array &array, int64_t batch, int64_t head, int64_t query, double value) {
  const size_t start = rowStart(array, batch, head, query);
  for (size_t i = start; i < start + static_cast<size_t>(array.shape[3]); ++i) {
    const double x = array.values[i];
    if (std::isnan(value) ? !std::isnan(x) : x != value || std::signbit(x) != std::signbit(value))
      return false;
  }
  return true;
}

/// The same rows but that of (batch, head, query).
testing::AssertionResult sameButRow(Array a, Array b, int64_t batch, int64_t head, int64_t query) {
  const size_t start = rowStart(a, batch, head, query);
  for (size_t i = start; i < start + static_cast<size_t>(a.shape[3]); ++i)
    a.values[i] = b.values[i] = 0;
  return haveSameBits(a, b);
}

class AttentionEdges : public testing::TestWithParam<Lowering> {};

TEST_P(AttentionEdges, ScoresNearNinetyDoNotOverflow) {
  Fixture f(GetParam(), Mask::None);
  for (double &value : f.input("query").values)
    value = static_cast<float>(value * 9);
  for (double &value : f.input("key").values)
    value = static_cast<float>(value * 9);
  const Array result = f.run();
  double largest = 0;
  for (double value : result.values)
    largest = std::max(largest, std::fabs(value));
  EXPECT_LE(largest, 1.0 + 1e-6);
  f.expectAsReference();
}

TEST_P(AttentionEdges, EqualScoresGiveTheMean) {
  Fixture f(GetParam(), Mask::None);
  std::fill(f.input("query").values.begin(), f.input("query").values.end(), 0);
  const Array result = f.run();
  for (int64_t d = 0; d < f.shape.valueDim; ++d) {
    double mean = 0;
    for (int64_t k = 0; k < f.shape.keys; ++k)
      mean += f.at("value", 1, 2, k, d) / static_cast<double>(f.shape.keys);
    EXPECT_NEAR(result.values[rowStart(result, 1, 2, 4) + static_cast<size_t>(d)], mean, 2 * gammaOf(f.shape.keys));
  }
  f.expectAsReference();
}

TEST_P(AttentionEdges, FullyMaskedRowsAreZeros) {
  Fixture f(GetParam(), Mask::Everything);
  for (int64_t k = 0; k < f.shape.keys; ++k)
    f.at("blocked", 1, 0, 3, k) = 1;
  EXPECT_TRUE(rowIs(f.run(), 1, 0, 3, 0.0));
  f.expectAsReference();
}

TEST_P(AttentionEdges, FullyMaskedRowsAreNaNOnRequest) {
  Fixture f(GetParam(), Mask::Everything, true);
  const Array before = f.run();
  for (int64_t k = 0; k < f.shape.keys; ++k)
    f.at("blocked", 1, 0, 3, k) = 1;
  const Array result = f.run();
  EXPECT_TRUE(rowIs(result, 1, 0, 3, kNaN));
  EXPECT_TRUE(sameButRow(before, result, 1, 0, 3));
}

TEST_P(AttentionEdges, PaddingOfEveryKey) {
  for (bool nan : {false, true}) {
    Fixture f(GetParam(), Mask::Keys, nan);
    Array &padding = f.input("padding");
    for (int64_t k = 0; k < f.shape.keys; ++k)
      padding.values[static_cast<size_t>(k)] = 1;
    const Array result = f.run();
    for (int64_t head = 0; head < f.shape.heads; ++head)
      for (int64_t query = 0; query < f.shape.queries; ++query)
        EXPECT_TRUE(rowIs(result, 0, head, query, nan ? kNaN : 0.0)) << head << " " << query;
    f.expectAsReference();
  }
}

TEST_P(AttentionEdges, MinusInfinityInTheBiasBlocks) {
  for (bool nan : {false, true}) {
    Fixture f(GetParam(), Mask::Bias, nan);
    Array &bias = f.input("bias");
    for (int64_t k = 0; k < f.shape.keys; ++k) {
      bias.values[static_cast<size_t>(2 * f.shape.keys + k)] = -kInfinity;
      if (k != 5)
        bias.values[static_cast<size_t>(4 * f.shape.keys + k)] = -kInfinity;
    }
    const Array result = f.run();
    EXPECT_TRUE(rowIs(result, 0, 1, 2, nan ? kNaN : 0.0));
    for (int64_t d = 0; d < f.shape.valueDim; ++d)
      EXPECT_EQ(result.values[rowStart(result, 0, 1, 4) + static_cast<size_t>(d)], f.at("value", 0, 1, 5, d));
    f.expectAsReference();
  }
}

TEST_P(AttentionEdges, PlusInfinityPoisonsItsRowOnly) {
  Fixture f(GetParam(), Mask::Bias);
  const Array before = f.run();
  f.input("bias").values[static_cast<size_t>(6 * f.shape.keys + 3)] = kInfinity;
  const Array result = f.run();
  for (int64_t batch = 0; batch < 2; ++batch)
    for (int64_t head = 0; head < f.shape.heads; ++head) {
      EXPECT_TRUE(rowIs(result, batch, head, 6, kNaN));
      EXPECT_FALSE(rowIs(result, batch, head, 5, kNaN));
    }
  f.expectAsReference();
}

TEST_P(AttentionEdges, NaNInAQueryStaysInItsRow) {
  for (Mask mask : {Mask::None, Mask::Keys, Mask::Pairs, Mask::Bias}) {
    Fixture f(GetParam(), mask);
    const Array before = f.run();
    f.at("query", 1, 2, 7, 4) = kNaN;
    const Array result = f.run();
    EXPECT_TRUE(rowIs(result, 1, 2, 7, kNaN)) << static_cast<int>(mask);
    EXPECT_TRUE(sameButRow(before, result, 1, 2, 7)) << static_cast<int>(mask);
  }
}

TEST_P(AttentionEdges, NaNInALiveKeyPoisonsItsHeadOnly) {
  Fixture f(GetParam(), Mask::Keys);
  f.input("padding").values.assign(f.input("padding").values.size(), 0);
  const Array before = f.run();
  f.at("key", 1, 1, 20, 15) = kNaN;
  const Array result = f.run();
  for (int64_t head = 0; head < f.shape.heads; ++head)
    for (int64_t query = 0; query < f.shape.queries; ++query)
      EXPECT_EQ(rowIs(result, 1, head, query, kNaN), head == 1);
  f.expectAsReference();
}

/// NaN, infinities and huge numbers at blocked keys, in keys and in values, leave the bits of the result as they are.
TEST_P(AttentionEdges, BlockedKeysHaveNoInfluence) {
  for (Mask mask : {Mask::Keys, Mask::KeyTokens, Mask::KeysAndBias, Mask::Everything, Mask::Pairs}) {
    Fixture f(GetParam(), mask);
    for (double garbage : {kNaN, kInfinity, -kInfinity, 3e38}) {
      Fixture poisoned = f;
      // Key 4 and the last key are blocked for all queries.
      for (Fixture *each : {&f, &poisoned})
        for (int64_t key : {int64_t(4), each->shape.keys - 1}) {
          Array &blocked = each->input(mask == Mask::Everything || mask == Mask::Pairs ? "blocked" : "padding");
          for (size_t i = static_cast<size_t>(key); i < blocked.values.size();
               i += static_cast<size_t>(each->shape.keys))
            blocked.values[i] = mask != Mask::KeyTokens;
        }
      for (int64_t batch = 0; batch < 2; ++batch)
        for (int64_t head = 0; head < f.shape.heads; ++head)
          for (int64_t key : {int64_t(4), f.shape.keys - 1}) {
            poisoned.at("key", batch, head, key, 3) = garbage;
            poisoned.at("value", batch, head, key, 16) = garbage;
          }
      EXPECT_TRUE(haveSameBits(f.run(), poisoned.run())) << static_cast<int>(mask) << " with " << garbage;
    }
  }
}

TEST_P(AttentionEdges, NaNInALiveValueStaysInItsColumn) {
  Fixture f(GetParam(), Mask::Keys);
  f.input("padding").values.assign(f.input("padding").values.size(), 0);
  f.at("value", 0, 0, 2, 5) = kNaN;
  const Array result = f.run();
  for (int64_t d = 0; d < f.shape.valueDim; ++d)
    EXPECT_EQ(std::isnan(result.values[rowStart(result, 0, 0, 8) + static_cast<size_t>(d)]), d == 5);
}

TEST_P(AttentionEdges, DenormalsAreNotFlushed) {
  Fixture f(GetParam(), Mask::None);
  const double tiny = std::ldexp(1.0, -140);
  for (double &value : f.input("value").values)
    value = static_cast<float>(std::round(value * 512) * tiny / 512 * 4096);
  std::fill(f.input("query").values.begin(), f.input("query").values.end(), 0);
  const Expected wanted = f.expected();
  const Array result = f.run();
  EXPECT_TRUE(canTell(wanted.f64.front()));
  // Near 0 rounding is absolute: half of 2^-149 for each of the additions and the division.
  for (size_t i = 0; i < result.values.size(); ++i)
    EXPECT_NEAR(result.values[i], wanted.f64.front().values[i],
                static_cast<double>(f.shape.keys + 2) * std::ldexp(1.0, -149) +
                    2 * gammaOf(f.shape.keys) * std::ldexp(1.0, -128));
}

TEST_P(AttentionEdges, NegativeZeroScoresAreZeros) {
  Fixture f(GetParam(), Mask::None);
  std::fill(f.input("query").values.begin(), f.input("query").values.end(), 0.0);
  const Array plus = f.run();
  std::fill(f.input("query").values.begin(), f.input("query").values.end(), -0.0);
  EXPECT_TRUE(haveSameBits(plus, f.run()));
}

/// Adding one number to all scores of a row changes nothing but roundings.
TEST_P(AttentionEdges, ScoresMayBeShifted) {
  Fixture f(GetParam(), Mask::Bias);
  for (double &value : f.input("bias").values)
    value = static_cast<float>(value + 60);
  f.expectAsReference();
}

/// A query that sees one key, in the first block, in one between or in the last one: its row is that key's value.
TEST_P(AttentionEdges, OneLiveKeyAnywhere) {
  Fixture f(GetParam(), Mask::Everything);
  Array &blocked = f.input("blocked");
  std::fill(blocked.values.begin(), blocked.values.end(), 1);
  const int64_t last = f.shape.keys - 1;
  const int64_t live[] = {0, 15, 16, 17, last / 2, last - 5, last - 1, last, 3};
  for (int64_t query = 0; query < f.shape.queries; ++query)
    f.at("blocked", 1, 1, query, live[query]) = 0;
  // What the other keys hold has no influence.
  for (int64_t key = 0; key <= last; ++key)
    if (std::find(std::begin(live), std::end(live), key) == std::end(live))
      f.at("value", 1, 1, key, 2) = f.at("key", 1, 1, key, 5) = kNaN;
  const Array result = f.run();
  for (int64_t query = 0; query < f.shape.queries; ++query)
    for (int64_t d = 0; d < f.shape.valueDim; ++d)
      EXPECT_EQ(result.values[rowStart(result, 1, 1, query) + static_cast<size_t>(d)],
                f.at("value", 1, 1, live[query], d))
          << query << " " << d;
}

/// The only live key's score is NaN or +inf, among blocks that are blocked whole: the row is NaN all the same.
TEST_P(AttentionEdges, OneLiveKeyWithoutAScore) {
  for (double score : {kNaN, kInfinity}) {
    Fixture f(GetParam(), Mask::Bias);
    Array &bias = f.input("bias");
    const size_t row = static_cast<size_t>(4 * f.shape.keys);
    std::fill_n(bias.values.begin() + static_cast<std::ptrdiff_t>(row), f.shape.keys, -kInfinity);
    bias.values[row + 18] = score;
    EXPECT_TRUE(rowIs(f.run(), 1, 2, 4, kNaN)) << score;
    f.expectAsReference();
  }
}

/// Scores so far apart that all keys but one weigh 0: the others' blocks count for nothing, whichever comes first.
TEST_P(AttentionEdges, ScoresFarApart) {
  Fixture f(GetParam(), Mask::Bias);
  Array &bias = f.input("bias");
  for (int64_t query = 0; query < f.shape.queries; ++query)
    for (int64_t key = 0; key < f.shape.keys; ++key)
      bias.values[static_cast<size_t>(query * f.shape.keys + key)] =
          key == query * 5 % f.shape.keys ? 300 : key % 2 * -300;
  const Array result = f.run();
  for (int64_t query = 0; query < f.shape.queries; ++query)
    EXPECT_EQ(result.values[rowStart(result, 0, 2, query)], f.at("value", 0, 2, query * 5 % f.shape.keys, 0)) << query;
  f.expectAsReference();
}

/// A live key that weighs 0 is no blocked one: NaN in its value is NaN in the row, also where the score decides what is
/// blocked; where it is blocked, it has no influence.
TEST_P(AttentionEdges, LiveKeysOfWeightZeroCount) {
  const int64_t queries = 9, keys = 40, width = 16;
  const Model model =
      scoredModel(1, queries, keys, width,
                  "  %least = arith.constant -500.0 : f32\n  %live = arith.cmpf ogt, %score, %least : f32\n"
                  "  attn.score %score, %live");
  const Kernel kernel(model, blocksOf(GetParam().blockKeys));
  Data data = randomData(model, 1);
  Array &q = inputOf(model, data, "query"), &k = inputOf(model, data, "key"), &v = inputOf(model, data, "value");
  std::fill(q.values.begin(), q.values.end(), 1);
  // Key 3 of the first block and key 37 of the last have scores of -320, key 20 one of -800.
  for (const auto &[at, element] : {std::pair<int64_t, double>{3, -20}, {37, -20}, {20, -50}})
    std::fill_n(k.values.begin() + at * width, width, element);
  for (const auto &[at, column] : {std::pair<int64_t, int64_t>{3, 1}, {37, 2}, {20, 4}})
    v.values[static_cast<size_t>(at * width + column)] = kNaN;
  const Array result = kernel.run(data).front();
  for (int64_t row = 0; row < queries; ++row)
    for (int64_t d = 0; d < width; ++d)
      EXPECT_EQ(std::isnan(result.values[static_cast<size_t>(row * width + d)]), d == 1 || d == 2) << row << " " << d;
}

/// A factor so small that all live keys weigh the same, of products and of additive scores: blocked keys weigh nothing
/// all the same.
TEST_P(AttentionEdges, BlockedKeysOfATinyScaleWeighNothing) {
  for (bool additive : {false, true}) {
    AttentionCase c{1, 2, 9, 53, 16, 16, Mask::Keys};
    c.additive = additive;
    c.scale = 1e-38f;
    const Model model = attentionModel(c);
    const Data data = randomData(model, 1);
    const Expected expected = evaluate(model, data);
    const Array actual = Kernel(model, blocksOf(GetParam().blockKeys)).run(data).front();
    EXPECT_TRUE(isAsGoodAsNaive(actual, expected.f64.front(), expected.f32.front())) << additive;
  }
}

std::string nameOf(const testing::TestParamInfo<Lowering> &info) {
  const auto [blockKeys, scale] = info.param;
  return (blockKeys ? "BlocksOf" + std::to_string(blockKeys) : "WholeRows") + (scale < 1 ? "OfScaledKeys" : "");
}

INSTANTIATE_TEST_SUITE_P(Lowerings, AttentionEdges,
                         testing::Values(Lowering{0, 1.f}, Lowering{16, 1.f}, Lowering{32, 1.f}, Lowering{0, 0.25f},
                                         Lowering{16, 0.25f}),
                         nameOf);

/// Each score is one product, scaled in the key's panel: exponentials keep four ulp beside what rounding the key does.
/// Below the normal numbers they fall to 0, and never below it.
TEST(AttentionExponentials, OfScaledKeys) {
  const int64_t keys = 4000;
  AttentionCase shape;
  shape.keys = keys;
  shape.headDim = 16;
  shape.scale = 0.25f;
  shape.weights = true;
  const Model model = attentionModel(shape);
  Data data = randomData(model, 1);
  for (const char *name : {"query", "key"})
    std::fill(inputOf(model, data, name).values.begin(), inputOf(model, data, name).values.end(), 0);
  inputOf(model, data, "query").values[0] = 1;
  for (int64_t k = 0; k < keys; ++k)
    inputOf(model, data, "key").values[static_cast<size_t>(k * shape.headDim)] =
        static_cast<float>(-0.1 * static_cast<double>(k));
  for (const char *cpu : {"x86-64-v3", "x86-64-v4"}) {
    if (!canRun(cpu))
      continue;
    const Array weights = Kernel(model, CompileOptions{cpu}).run(data)[1];
    for (size_t i = 0; i < weights.values.size(); ++i) {
      const double score = 0.25 * static_cast<float>(-0.1 * static_cast<double>(i));
      const double exact = std::exp(score), actual = weights.values[i] / weights.values[0];
      if (exact >= std::ldexp(1.0, -125))
        EXPECT_NEAR(actual, exact, exact * (6 + 2 * std::fabs(score)) * 2 * kUnitRoundoff) << cpu << " " << score;
      else if (exact >= std::exp2(-126.6))
        EXPECT_TRUE(actual >= 0 && actual <= std::ldexp(1.0, -124)) << cpu << " " << score << " " << actual;
      else
        EXPECT_EQ(actual, 0) << cpu << " " << score;
    }
  }
}

} // namespace
} // namespace attnc::test
