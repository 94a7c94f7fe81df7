// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Attention kernels at lengths and widths around every tile, under every kind of mask.

#include "tests/codegen/Kernel.h"
#include "tests/codegen/Models.h"
#include "tests/codegen/NumericPolicy.h"

#include <algorithm>

namespace attnc::test {
namespace {

constexpr int64_t kLengths[] = {1, 2, 7, 8, 9, 15, 16, 17, 31, 33, 66, 130};
constexpr int64_t kWidths[] = {1, 3, 8, 15, 16, 17, 32, 40, 64, 80};
constexpr Mask kMasks[] = {Mask::None, Mask::Keys,        Mask::KeyTokens, Mask::Pairs,
                           Mask::Bias, Mask::KeysAndBias, Mask::Everything};

std::string describe(const AttentionCase &c, int64_t batch) {
  return "batch " + std::to_string(batch) + ", " + std::to_string(c.heads) + " heads, " + std::to_string(c.queries) +
         " queries, " + std::to_string(c.keys) + " keys, head_dim " + std::to_string(c.headDim) + ", value_dim " +
         std::to_string(c.valueDim) + ", mask " + std::to_string(static_cast<int>(c.mask)) +
         (c.nanWhereMasked ? ", nan" : ", zero") + (c.merged ? ", merged" : "");
}

class AttentionTest : public testing::TestWithParam<std::string> {
protected:
  void SetUp() override {
    if (!canRun(GetParam()))
      GTEST_SKIP() << "this CPU runs no code for " << GetParam();
    options.cpu = GetParam();
  }

  void check(const AttentionCase &c, int64_t batch, int number) {
    SCOPED_TRACE(describe(c, batch));
    const Model model = attentionModel(c);
    const Data data = randomData(model, batch, static_cast<uint64_t>(number));
    const Array actual =
        Kernel(model, options).run(data, {1 + number % 3, number % 2 ? Placement::AtEnd : Placement::AtBegin}).front();
    const Expected expected = evaluate(model, data);
    if (c.keys > 2 && c.valueDim > 2) {
      EXPECT_TRUE(canTell(expected.f64.front()));
    }
    EXPECT_TRUE(isAsGoodAsNaive(actual, expected.f64.front(), expected.f32.front()));
  }

  CompileOptions options;
};

/// Each target takes half of the cases, in which every length meets every kind of mask; each half has every length and
/// width.
TEST_P(AttentionTest, LengthsWidthsAndMasks) {
  const int first = options.cpu == "x86-64-v4" ? 42 : 0;
  for (int i = first; i < first + 42; ++i) {
    AttentionCase c;
    c.heads = 1 + i % 3;
    c.queries = kLengths[i % 12];
    c.keys = kLengths[(i * 7 + i / 12) % 12];
    c.headDim = kWidths[(i + i / 10) % 10];
    c.valueDim = kWidths[(i * 3 + 1) % 10];
    c.mask = kMasks[i % 7];
    c.nanWhereMasked = i % 5 == 0;
    c.merged = i % 4 < 2;
    const int64_t batch = 1 + i % 4;
    c.batch = i % 6 == 0 ? batch : kBatch;
    check(c, batch, i);
  }
}

TEST_P(AttentionTest, LengthsAroundTheTilesByEveryMask) {
  int number = 0;
  for (int64_t length : {9, 17, 33})
    for (Mask mask : kMasks)
      check({kBatch, 2, length, length, 16, 16, mask, number % 2 == 1, true}, 2, ++number);
}

/// One key, one query: a mask decides for whole rows, and every loop of a tile has one round.
TEST_P(AttentionTest, OneKey) {
  int number = 0;
  for (int64_t queries : {1, 3})
    for (Mask mask : kMasks)
      check({kBatch, 2, queries, 1, 8, 16, mask, number % 2 == 1, false}, 3, ++number);
}

TEST_P(AttentionTest, NegativeScale) { check({kBatch, 2, 9, 19, 8, 8, Mask::Keys, false, false, -0.3f}, 2, 5); }

TEST_P(AttentionTest, WholeLayer) {
  const Model model = encoderModel(67, 48, 3, 100);
  EXPECT_EQ(kernelCalls(model, options), "matmul_0 attention_0 matmul_1 matmul_2 matmul_3");
  const Kernel kernel(model, options);
  for (int64_t batch : {1, 3, 8}) {
    const Data data = randomData(model, batch, static_cast<uint64_t>(batch));
    const Expected expected = evaluate(model, data);
    EXPECT_TRUE(canTell(expected.f64.front()));
    EXPECT_TRUE(isAsGoodAsNaive(kernel.run(data, {2}).front(), expected.f64.front(), expected.f32.front()));
  }
}

std::string nameOf(const testing::TestParamInfo<std::string> &info) {
  std::string name = info.param;
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
}

INSTANTIATE_TEST_SUITE_P(Targets, AttentionTest, testing::Values("x86-64-v3", "x86-64-v4"), nameOf);

} // namespace
} // namespace attnc::test
