// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Score regions that compare key and query: causal masks and windows, whose tiles skip keys.

#include "tests/codegen/Kernel.h"
#include "tests/codegen/Models.h"
#include "tests/codegen/NumericPolicy.h"
#include "tests/codegen/Pairwise.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace attnc::test {
namespace {

/// Query i sees the keys in [i + first, i + last]; a bound of kNone is no bound.
constexpr int64_t kNone = std::numeric_limits<int64_t>::max();
struct Band {
  int64_t first, last;
};

struct BandCase {
  int64_t queries, keys, headDim, valueDim;
  Band band;
  bool padding = false;
  int64_t batch = kBatch, heads = 2;
};

std::string describe(const BandCase &c) {
  auto bound = [](int64_t offset) { return offset == kNone ? std::string("none") : std::to_string(offset); };
  return std::to_string(c.queries) + " queries, " + std::to_string(c.keys) + " keys, head_dim " +
         std::to_string(c.headDim) + ", value_dim " + std::to_string(c.valueDim) + ", band " + bound(c.band.first) +
         " to " + bound(c.band.last) + (c.padding ? ", padding" : "");
}

/// The region: score + key / 8 (so that the score is no mere product), live inside the band.
std::string region(const Band &band) {
  std::string text = "  %place32 = arith.index_cast %j : index to i32\n  %place = arith.sitofp %place32 : i32 to f32\n"
                     "  %eighth = arith.constant 0.125 : f32\n  %ramp = arith.mulf %place, %eighth : f32\n"
                     "  %sum = arith.addf %score, %ramp : f32\n  %true = arith.constant true\n";
  std::string live = "%true";
  auto require = [&](const char *name, const char *predicate, int64_t offset) {
    const std::string n = name;
    text += "  %" + n + "c = arith.constant " + std::to_string(offset) + " : index\n  %" + n + "k = arith.addi %i, %" +
            n + "c : index\n  %" + n + " = arith.cmpi " + predicate + ", %j, %" + n + "k : index\n  %" + n +
            "l = arith.andi " + live + ", %" + n + " : i1\n";
    live = "%" + n + "l";
  };
  if (band.first != kNone)
    require("first", "sge", band.first);
  if (band.last != kNone)
    require("last", "slt", band.last + 1);
  return scoreRegion(text + "  attn.score %sum, " + live);
}

Model bandModel(const BandCase &c) {
  ModelWriter w;
  const Value query = w.input("query", {c.batch, c.heads, c.queries, c.headDim}),
              key = w.input("key", {c.batch, c.heads, c.keys, c.headDim}),
              value = w.input("value", {c.batch, c.heads, c.keys, c.valueDim});
  const Shape scores = {c.batch, c.heads, c.queries, c.keys};
  Value s = w.op("attn.matmul " + query.name + ", " + key.name + " {transpose_rhs}", {query, key}, scores);
  s = w.op("attn.modify_scores " + s.name + region(c.band), {s}, scores);
  if (c.padding) {
    const Value padding = w.input("padding", {c.batch, c.keys}, DType::i1);
    const Value mask = w.op("attn.reshape " + padding.name, {padding}, {c.batch, 1, 1, c.keys}, DType::i1);
    s = w.op("attn.mask " + s.name + ", " + mask.name, {s, mask}, scores);
  }
  s = w.op("attn.softmax " + s.name + " {axis = 3 : i64}", {s}, scores);
  return w.finish(
      {w.op("attn.matmul " + s.name + ", " + value.name, {s, value}, {c.batch, c.heads, c.queries, c.valueDim})});
}

constexpr Band kBands[] = {{kNone, 0}, {0, kNone}, {-3, 0},        {-9, 4},      {-40, -1},
                           {kNone, 5}, {2, 2},     {kNone, -1000}, {-1000, 1000}};

constexpr int64_t kLengths[][2] = {{1, 1}, {7, 7}, {9, 33}, {33, 17}, {200, 32}, {66, 66}, {130, 131}}; // queries, keys
constexpr int64_t kBlockKeys[] = {0, 16, 48};

/// Every lengths meet every band.
constexpr int kCases = 63;
constexpr Choice kOfLengths{7, 0, 9}, kOfBands{9, 1, kCases}, kOfBlockKeys{3, 1, 9}, kOfCpus{2, 0, 1},
    kOfHeadDims{2, 0, 2}, kOfValueDims{2, 0, 3}, kOfPaddings{2, 0, 4}, kOfThreads{2, 0, 5};

TEST(AttentionBand, EveryTwoChoicesMeet) {
  const Choice choices[] = {kOfLengths,  kOfBands,     kOfBlockKeys, kOfCpus,
                            kOfHeadDims, kOfValueDims, kOfPaddings,  kOfThreads};
  for (const Choice &a : choices)
    for (const Choice *b = choices; b != &a; ++b)
      EXPECT_EQ(missingPairs(a, *b, kCases), 0u);
}

TEST(AttentionBand, AgreesWithTheReference) {
  for (int i = 0; i < kCases; ++i) {
    const auto &[queries, keys] = kLengths[kOfLengths.in(i)];
    const BandCase c{queries,
                     keys,
                     kOfHeadDims.in(i) ? 16 : 7,
                     kOfValueDims.in(i) ? 32 : 5,
                     kBands[kOfBands.in(i)],
                     kOfPaddings.in(i) == 1};
    const char *cpu = kOfCpus.in(i) ? "x86-64-v4" : "x86-64-v3";
    CompileOptions options{canRun(cpu) ? cpu : "host"};
    options.blockKeys = kBlockKeys[kOfBlockKeys.in(i)];
    SCOPED_TRACE(describe(c) + ", " + options.cpu + ", blocks of " + std::to_string(options.blockKeys));
    const Model model = bandModel(c);
    const Data data = randomData(model, 2, static_cast<uint64_t>(i));
    const Expected expected = evaluate(model, data);
    const Array actual = Kernel(model, options).run(data, {1 + kOfThreads.in(i), Placement::AtEnd}).front();
    EXPECT_TRUE(isAsGoodAsNaive(actual, expected.f64.front(), expected.f32.front()));
  }
}

/// Enough heads for a task each: the bounds of all its tiles together are what Halide sees, and they must fit the
/// panels, else it warns on standard error.
TEST(AttentionBand, CompilesInSilence) {
  for (const char *cpu : {"x86-64-v3", "x86-64-v4"})
    for (const Band &band : {Band{-255, 0}, Band{-8, 8}, Band{kNone, 0}})
      for (int64_t blockKeys : {0, 64, 96}) {
        CompileOptions options{cpu};
        options.blockKeys = blockKeys;
        testing::internal::CaptureStderr();
        compileObject(bandModel({512, 512, 16, 16, band, false, 1, 12}), options);
        EXPECT_EQ(testing::internal::GetCapturedStderr(), "") << cpu << " " << band.first << " " << blockKeys;
      }
}

/// Blocks of five keys and queries see each other alone; (key - query) // 3, added to the score, rounds down.
TEST(AttentionBand, WholeDivisionRoundsDown) {
  const Model model =
      scoredModel(2, 33, 33, 16,
                  "  %five = arith.constant 5 : index\n  %three = arith.constant 3 : index\n"
                  "  %iblock = arith.floordivsi %i, %five : index\n  %jblock = arith.floordivsi %j, %five : index\n"
                  "  %live = arith.cmpi eq, %iblock, %jblock : index\n  %distance = arith.subi %j, %i : index\n"
                  "  %thirds = arith.floordivsi %distance, %three : index\n"
                  "  %narrow = arith.index_cast %thirds : index to i32\n  %real = arith.sitofp %narrow : i32 to f32\n"
                  "  %sum = arith.addf %score, %real : f32\n  attn.score %sum, %live");
  EXPECT_EQ(kernelCalls(model), "attention_0");
  const Data data = randomData(model, 1);
  const Expected expected = evaluate(model, data);
  EXPECT_TRUE(isAsGoodAsNaive(Kernel(model).run(data).front(), expected.f64.front(), expected.f32.front()));
}

/// NaN at a key reaches the queries that see it and no other, wherever in a tile they are.
TEST(AttentionBand, KeysOutsideHaveNoInfluence) {
  for (const auto &[band, blockKeys] :
       {std::pair<Band, int64_t>{{kNone, 0}, 0}, {{-5, 3}, 0}, {{kNone, 0}, 16}, {{-5, 3}, 16}}) {
    const BandCase c{40, 40, 16, 16, band};
    const Model model = bandModel(c);
    CompileOptions options;
    options.blockKeys = blockKeys;
    const Kernel kernel(model, options);
    Data data = randomData(model, 1);
    const Array before = kernel.run(data).front();
    for (int64_t poisoned : {0, 5, 17, 39}) {
      SCOPED_TRACE(describe(c) + ", blocks of " + std::to_string(blockKeys) + ", NaN at key " +
                   std::to_string(poisoned));
      Data bad = data;
      for (int64_t d = 0; d < 16; ++d)
        inputOf(model, bad, "value").values[static_cast<size_t>(poisoned * 16 + d)] =
            std::numeric_limits<double>::quiet_NaN();
      const Array after = kernel.run(bad).front();
      for (int64_t query = 0; query < 40; ++query) {
        const bool sees = poisoned <= query + band.last && (band.first == kNone || poisoned >= query + band.first);
        const size_t place = static_cast<size_t>(query * 16);
        EXPECT_EQ(std::isnan(after.values[place]), sees) << "query " << query;
        if (!sees) {
          EXPECT_EQ(after.values[place], before.values[place]) << "query " << query;
        }
      }
    }
  }
}

} // namespace
} // namespace attnc::test
