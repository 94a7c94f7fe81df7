// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What matmuls of bfloat16 and int8 do at the edges of their types, and with which bits.

#include "tests/codegen/Kernel.h"
#include "tests/codegen/Models.h"
#include "tests/codegen/NumericPolicy.h"

#include <cmath>
#include <cstring>
#include <limits>

namespace attnc::test {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

std::vector<std::string> cpus() {
  std::vector<std::string> list;
  for (const char *cpu : {"x86-64-v3", "x86-64-v4", "host"})
    if (canRun(cpu))
      list.push_back(cpu);
  return list;
}

Array resultOf(const Model &model, const Data &data, const std::string &cpu, int threads = 1) {
  CompileOptions options;
  options.cpu = cpu;
  return Kernel(model, options).run(data, {threads}).front();
}

/// One row and one column of the same values: their products alone.
Data dataOf(const Model &model, const std::vector<double> &x, const std::vector<double> &w) {
  Data data = randomData(model, 1);
  data.inputs.front().values = x;
  data.weights["w"].values = w;
  return data;
}

/// The reference is what the values mean, NaN and infinities included.
void expectAsReference(const MatmulCase &c, const std::vector<double> &x, const std::vector<double> &w,
                       bool exact = true) {
  const Model model = matmulModel(c);
  const Data data = dataOf(model, x, w);
  const Expected expected = evaluate(model, data);
  for (const std::string &cpu : cpus()) {
    SCOPED_TRACE(c.precision + " on " + cpu);
    const Array actual = resultOf(model, data, cpu);
    if (exact)
      EXPECT_TRUE(haveSameBits(actual, expected.f32.front()));
    else
      EXPECT_TRUE(isAsGoodAsNaive(actual, expected.f64.front(), expected.f32.front()));
  }
}

TEST(Dot, BfloatRoundsToNearestEven) {
  // 1 + 2^-8 and 1 + 3 * 2^-8 are ties; what is a little more or less is none. Both operands are rounded.
  const double tie = 0x1p-8, more = 0x1p-8 + 0x1p-23;
  for (double value : {1 + tie, 1 + 3 * tie, 1 + more, 1 + 2 * tie + more, -1 - tie, -1 - 3 * tie, 0x1.fffffep127}) {
    expectAsReference({1, 1, 1, "none", "bf16"}, {value}, {1});
    expectAsReference({1, 1, 1, "none", "bf16"}, {1}, {value});
  }
}

TEST(Dot, BfloatKeepsNaNAndInfinity) {
  // A NaN whose payload lies in the bits that are cut off.
  const uint32_t bits = 0x7F800001;
  float quiet;
  std::memcpy(&quiet, &bits, sizeof quiet);
  for (double value : {kInfinity, -kInfinity, kNaN, static_cast<double>(quiet)}) {
    expectAsReference({1, 1, 3, "none", "bf16"}, {1, value, 2}, {3, 4, 5});
    expectAsReference({1, 1, 3, "none", "bf16"}, {3, 4, 5}, {1, value, 2});
  }
  expectAsReference({1, 1, 2, "none", "bf16"}, {kInfinity, 1}, {0, 1});
}

TEST(Dot, IntegersAreThoseNearest) {
  // 127 is the largest magnitude, so the scale is 1 and ties are at the halves.
  expectAsReference({1, 1, 5, "none", "int8"}, {127, 0.5, 1.5, -2.5, 63.49}, {127, 1, 1, 1, 1});
  expectAsReference({1, 1, 5, "none", "int8"}, {127, 1, 1, 1, 1}, {-127, 0.5, 1.5, -2.5, -63.51});
}

/// Every order of the rotation, and parts that are whole vectors on no, some or all targets.
TEST(Dot, RotatedRowsHaveTheBitsOfTheReference) {
  for (int64_t depth : {1, 2, 4, 6, 12, 8, 20, 24, 16, 48, 64, 72, 192, 320, 384, 4160}) {
    const Model model = matmulModel({5, 19, depth, "none", "int8"});
    const Data data = randomData(model, 1);
    const Expected expected = evaluate(model, data);
    for (const std::string &cpu : cpus())
      EXPECT_TRUE(haveSameBits(resultOf(model, data, cpu, 2), expected.f32.front())) << depth << " on " << cpu;
  }
}

TEST(Dot, BalancedRowsHaveTheBitsOfTheReference) {
  for (int64_t depth : {1, 2, 4, 6, 12, 20, 24, 64, 150, 192, 384, 4160})
    for (const char *epilogue : {"none", "residual_layernorm"}) {
      MatmulCase c{29, 35, depth, epilogue, "int8"};
      const Data data = randomData(matmulModel(c), 1);
      const Model plain = matmulModel(c);
      c.balanced = true;
      const Model model = matmulModel(c);
      const Expected expected = evaluate(model, data);
      for (const std::string &cpu : cpus()) {
        SCOPED_TRACE(std::to_string(depth) + " on " + cpu + ", " + epilogue);
        const Array actual = resultOf(model, data, cpu, 2);
        if (c.epilogue == "none")
          EXPECT_TRUE(haveSameBits(actual, expected.f32.front()));
        else
          EXPECT_TRUE(isAsGoodAsNaive(actual, expected.f64.front(), expected.f32.front()));
        EXPECT_TRUE(depth == 1 || !haveSameBits(actual, resultOf(plain, data, cpu, 2)));
      }
    }
}

/// An element a thousand times the others takes the digits of at most 64 elements, not of the row.
TEST(Dot, OutliersCostOtherElementsLittle) {
  const int64_t depth = 64;
  const Model model = matmulModel({1, 1, depth, "none", "int8"});
  for (int64_t outlier : {0, 17, 63}) {
    std::vector<double> x, w(static_cast<size_t>(depth), 0);
    for (int64_t i = 0; i < depth; ++i)
      x.push_back(i == outlier ? 1000 : i % 2 ? 1 : -1);
    w[20] = 1, w[41] = -1; // -2 of ones; to 8 bits of 1000, each of them is 0.
    const Array actual = resultOf(model, dataOf(model, x, w), "x86-64-v3");
    EXPECT_NEAR(actual.values.front(), -2, 1.5) << outlier;
  }
}

TEST(Dot, LargestSumsOfIntegersAreExact) {
  for (double sign : {1.0, -1.0})
    for (int64_t depth : {3, 64, 4097}) {
      const std::vector<double> ones(static_cast<size_t>(depth), 1), same(static_cast<size_t>(depth), sign);
      expectAsReference({1, 1, depth, "none", "int8"}, ones, same);
      expectAsReference({1, 1, depth, "none", "int8"}, same, same);
    }
}

TEST(Dot, RowsWithoutAMagnitude) {
  // Zeros, a row so small that its factor would overflow, denormals; and the same as columns.
  for (double value : {0.0, -0.0, 0x1p-101, 0x1p-149, 0x1p-100, 0x1p-99})
    for (const std::vector<double> &row : {std::vector<double>{value, 0, value}, {value, value / 2, -value}}) {
      expectAsReference({1, 1, 3, "none", "int8"}, row, {0x1p60, 0x1p60, 0x1p60});
      expectAsReference({1, 1, 3, "none", "int8"}, {0x1p60, 0x1p60, 0x1p60}, row);
    }
  expectAsReference({1, 1, 3, "none", "int8"}, {0x1.fffffep127, 1, -0x1.fffffep127}, {1, 1, 1});
}

/// A row with a NaN or an infinity is NaN, and so is such a column; all others are as they are without it.
TEST(Dot, NaNStaysInItsRowAndColumn) {
  const MatmulCase c{7, 37, 21, "none", "int8"};
  const Model model = matmulModel(c);
  const Data clean = randomData(model, 1);
  for (const std::string &cpu : cpus())
    for (double special : {kNaN, kInfinity, -kInfinity}) {
      Data data = clean;
      data.inputs.front().values[3 * 21 + 20] = special;
      data.weights["w"].values[33 * 21] = special;
      const Array actual = resultOf(model, data, cpu), other = resultOf(model, clean, cpu);
      for (size_t i = 0; i < actual.values.size(); ++i) {
        if (i / 37 == 3 || i % 37 == 33)
          EXPECT_TRUE(std::isnan(actual.values[i])) << i;
        else
          EXPECT_EQ(actual.values[i], other.values[i]) << i;
      }
    }
}

/// Exact sums: the same bits whatever the instructions are.
TEST(Dot, Int8HasTheSameBitsOnEveryTarget) {
  for (const char *epilogue : {"none", "gelu", "residual_layernorm"}) {
    const Model model = matmulModel({29, 70, 150, epilogue, "int8"});
    const Data data = randomData(model, 1);
    const Array expected = resultOf(model, data, "x86-64-v3");
    for (const std::string &cpu : cpus())
      EXPECT_TRUE(haveSameBits(resultOf(model, data, cpu, 3), expected)) << cpu << ", " << epilogue;
  }
}

/// Without dot products of bfloat16 every target has one chain of multiply-adds.
TEST(Dot, WidenedBfloatHasTheSameBitsOnEveryLevel) {
  if (!canRun("x86-64-v4"))
    GTEST_SKIP() << "this CPU runs no code for x86-64-v4";
  for (const char *epilogue : {"none", "gelu", "residual_layernorm"}) {
    const Model model = matmulModel({29, 70, 151, epilogue, "bf16"});
    const Data data = randomData(model, 1);
    EXPECT_TRUE(haveSameBits(resultOf(model, data, "x86-64-v3"), resultOf(model, data, "x86-64-v4", 2))) << epilogue;
  }
}

Data firstRow(Data data, int64_t row) {
  for (Array &input : data.inputs) {
    const size_t size = input.values.size() / static_cast<size_t>(input.shape[0]);
    const auto begin = input.values.begin() + row * static_cast<long>(size);
    input.values = {begin, begin + static_cast<long>(size)};
    input.shape[0] = 1;
  }
  data.batch = 1;
  return data;
}

TEST(Dot, BitsDependNeitherOnThreadsNorOnTheBatch) {
  for (const std::string precision : {"bf16", "int8"})
    for (const std::string &cpu : cpus()) {
      const Model model = encoderModel(19, 48, 3, 100, precision);
      CompileOptions options;
      options.cpu = cpu;
      const Kernel kernel(model, options);
      const Data data = randomData(model, 5);
      const Array one = kernel.run(data, {1}).front();
      EXPECT_TRUE(haveSameBits(kernel.run(data, {3}).front(), one)) << precision << " on " << cpu;
      for (int64_t row : {0, 3, 4}) {
        Array alone = kernel.run(firstRow(data, row), {2}).front(), part = alone;
        const auto begin = one.values.begin() + row * static_cast<long>(alone.values.size());
        part.values = {begin, begin + static_cast<long>(alone.values.size())};
        EXPECT_TRUE(haveSameBits(alone, part)) << precision << " on " << cpu << ", row " << row;
      }
    }
}

} // namespace
} // namespace attnc::test
