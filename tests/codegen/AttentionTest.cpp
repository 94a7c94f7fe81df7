// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Attention kernels at lengths and widths around every tile, under every kind of mask, with whole score rows and with
// blocks of keys.

#include "tests/codegen/Kernel.h"
#include "tests/codegen/Models.h"
#include "tests/codegen/NumericPolicy.h"
#include "tests/codegen/Pairwise.h"

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

/// A target, and how it computes attention.
struct Lowering {
  std::string cpu;
  int64_t blockKeys; ///< 0: whole rows.
};

class AttentionTest : public testing::TestWithParam<Lowering> {
protected:
  void SetUp() override {
    if (!canRun(GetParam().cpu))
      GTEST_SKIP() << "this CPU runs no code for " << GetParam().cpu;
    options.cpu = GetParam().cpu;
    options.blockKeys = GetParam().blockKeys;
  }

  void check(const AttentionCase &c, int64_t batch, int number) {
    check(c, batch, number, {1 + number % 3, number % 2 ? Placement::AtEnd : Placement::AtBegin});
  }

  void check(const AttentionCase &c, int64_t batch, int number, const RunOptions &how) {
    SCOPED_TRACE(describe(c, batch));
    const Model model = attentionModel(c);
    const Data data = randomData(model, batch, static_cast<uint64_t>(number));
    const Array actual = Kernel(model, options).run(data, how).front();
    const Expected expected = evaluate(model, data);
    if (c.keys > 2 && c.valueDim > 2) {
      EXPECT_TRUE(canTell(expected.f64.front()));
    }
    EXPECT_TRUE(isAsGoodAsNaive(actual, expected.f64.front(), expected.f32.front()));
  }

  CompileOptions options;
};

/// The cases of LengthsWidthsAndMasks, dealt to the lowerings. Every length of queries meets every mask.
constexpr int kCases = 84;
constexpr Choice kOfQueries{12, 1, kCases}, kOfKeys{12, 0, 7}, kOfHeadDims{10, 7, 28}, kOfValueDims{10, 9, 11};
constexpr Choice kOfLowerings{4, 11, 14}, kOfMasks{7, 1, kCases}, kOfHeads{3, 4, 25}, kOfBatches{4, 1, 19},
    kOfStatic{2, 3, 9}, kOfNaN{2, 1, 13}, kOfMerged{2, 7, 18}, kOfThreads{3, 5, 18}, kOfPlacements{2, 5, 35};

TEST(AttentionCases, EveryTwoChoicesMeet) {
  const Choice choices[] = {kOfLowerings, kOfMasks,  kOfHeads,   kOfBatches,   kOfStatic,
                            kOfNaN,       kOfMerged, kOfThreads, kOfPlacements};
  for (const Choice &a : choices) {
    for (const Choice *b = choices; b != &a; ++b)
      EXPECT_EQ(missingPairs(a, *b, kCases), 0u);
    for (const Choice &extents : {kOfQueries, kOfKeys, kOfHeadDims, kOfValueDims})
      EXPECT_EQ(missingPairs(a, extents, kCases), 0u);
  }
}

TEST_P(AttentionTest, LengthsWidthsAndMasks) {
  const int lowering = (options.cpu == "x86-64-v4") + 2 * (options.blockKeys != 0);
  for (int i = 0; i < kCases; ++i) {
    if (kOfLowerings.in(i) != lowering)
      continue;
    AttentionCase c;
    c.heads = 1 + kOfHeads.in(i);
    c.queries = kLengths[kOfQueries.in(i)];
    c.keys = kLengths[kOfKeys.in(i)];
    c.headDim = kWidths[kOfHeadDims.in(i)];
    c.valueDim = kWidths[kOfValueDims.in(i)];
    c.mask = kMasks[kOfMasks.in(i)];
    c.nanWhereMasked = kOfNaN.in(i) == 1;
    c.merged = kOfMerged.in(i) == 1;
    const int64_t batch = 1 + kOfBatches.in(i);
    c.batch = kOfStatic.in(i) ? batch : kBatch;
    check(c, batch, i, {1 + kOfThreads.in(i), kOfPlacements.in(i) ? Placement::AtEnd : Placement::AtBegin});
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

std::string nameOf(const testing::TestParamInfo<Lowering> &info) {
  std::string name = info.param.cpu;
  std::replace(name.begin(), name.end(), '-', '_');
  return name + (info.param.blockKeys ? "_blocks_of_" + std::to_string(info.param.blockKeys) : "");
}

// 16 is one step of the lanes and half a panel of AVX-512, 48 is no multiple of such a panel.
INSTANTIATE_TEST_SUITE_P(Lowerings, AttentionTest,
                         testing::Values(Lowering{"x86-64-v3", 0}, Lowering{"x86-64-v4", 0}, Lowering{"x86-64-v3", 48},
                                         Lowering{"x86-64-v4", 16}),
                         nameOf);

} // namespace
} // namespace attnc::test
