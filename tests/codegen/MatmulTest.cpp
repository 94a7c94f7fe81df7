// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Matmul kernels of every precision with every epilogue, at extents around every register tile: rows of 4, 6, 8 and 10,
// columns of 8, 16 and 32, steps of k of 2 and 4. The reference rounds the operands of a precision in the same way, so
// the bounds are those of f32.

#include "tests/codegen/Kernel.h"
#include "tests/codegen/Models.h"
#include "tests/codegen/NumericPolicy.h"

#include <algorithm>
#include <cmath>

namespace attnc::test {
namespace {

/// The same data without signs: a reference on it gives the sum of absolute values that the bound of a reduction refers
/// to.
Data absolute(Data data) {
  for (Array &input : data.inputs)
    for (double &value : input.values)
      value = std::fabs(value);
  for (auto &[name, weight] : data.weights)
    for (double &value : weight.values)
      value = std::fabs(value);
  return data;
}

bool isLinear(const std::string &epilogue) {
  return epilogue == "none" || epilogue == "bias" || epilogue == "relu" || epilogue == "residual";
}

void check(const MatmulCase &c, const Kernel &kernel, int64_t batch, const RunOptions &options) {
  const Model model = matmulModel(c);
  Data data = randomData(model, batch, static_cast<uint64_t>(c.depth * 1000 + c.columns));
  if (c.epilogue == "relu") // Most values stay.
    for (double &value : data.weights["b"].values)
      value += 0.5;
  const Array actual = kernel.run(data, options).front();
  const Expected expected = evaluate(model, data);
  SCOPED_TRACE(std::to_string(c.rows == kBatch ? batch : c.rows) + " rows, " + std::to_string(c.columns) +
               " columns, depth " + std::to_string(c.depth) + ", " + c.epilogue + ", " + c.precision + ", " +
               std::to_string(options.threads) + " threads");
  if (actual.values.size() > 8 && c.columns > 2) {
    EXPECT_TRUE(canTell(expected.f64.front()));
  }
  if (isLinear(c.epilogue)) {
    // The bias and the residual are two more terms of the sum.
    EXPECT_TRUE(
        isWithinReductionBound(actual, expected.f64.front(), evaluate(model, absolute(data)).f64.front(), c.depth + 2));
  } else {
    EXPECT_TRUE(isAsGoodAsNaive(actual, expected.f64.front(), expected.f32.front()));
  }
}

struct Extents {
  int64_t rows, columns, depth;
};

struct Variant {
  std::string cpu, precision;
};

class MatmulTest : public testing::TestWithParam<Variant> {
protected:
  void SetUp() override {
    if (!canRun(GetParam().cpu))
      GTEST_SKIP() << "this CPU runs no code for " << GetParam().cpu;
  }
  void checkStatic(MatmulCase c, int threads) {
    CompileOptions options;
    options.cpu = GetParam().cpu;
    c.precision = GetParam().precision;
    check(c, Kernel(matmulModel(c), options), 1, {threads, threads % 2 ? Placement::AtEnd : Placement::AtBegin});
  }
};

TEST_P(MatmulTest, ExtentsAroundTheTiles) {
  const Extents extents[] = {{1, 1, 1},    {1, 7, 3},    {1, 34, 65},  {2, 8, 2},    {3, 9, 129},
                             {4, 15, 16},  {5, 16, 7},   {6, 17, 64},  {7, 31, 33},  {9, 32, 8},
                             {10, 33, 17}, {11, 64, 5},  {12, 65, 31}, {13, 258, 9}, {34, 130, 11},
                             {50, 66, 40}, {82, 34, 70}, {96, 96, 96}, {41, 1, 257}};
  int threads = 0;
  for (const Extents &e : extents)
    for (const char *epilogue : {"none", "residual"})
      checkStatic({e.rows, e.columns, e.depth, epilogue}, 1 + threads++ % 3);
}

TEST_P(MatmulTest, EveryEpilogue) {
  const Extents extents[] = {{5, 33, 19}, {27, 48, 32}, {101, 41, 7}};
  int threads = 0;
  for (const std::string &epilogue : epilogues())
    for (const Extents &e : extents)
      checkStatic({e.rows, e.columns, e.depth, epilogue}, 1 + threads++ % 3);
}

/// More than 768 columns or a depth of more than 768 choose another tile.
TEST_P(MatmulTest, LongExtents) {
  checkStatic({23, 800, 21, "gelu"}, 2);
  checkStatic({25, 24, 1001, "bias"}, 3);
  checkStatic({30, 777, 770, "residual_layernorm"}, 2);
}

TEST_P(MatmulTest, RunTimeBatch) {
  CompileOptions options;
  options.cpu = GetParam().cpu;
  for (const char *epilogue : {"bias", "gelu_tanh", "residual_layernorm"}) {
    const MatmulCase c{kBatch, 39, 23, epilogue, GetParam().precision};
    const Kernel kernel(matmulModel(c), options);
    for (int64_t batch : {1, 2, 5, 6, 7, 10, 11, 50, 64})
      check(c, kernel, batch, {static_cast<int>(1 + batch % 3)});
  }
}

std::string nameOf(const testing::TestParamInfo<Variant> &info) {
  std::string name = info.param.cpu + "_" + info.param.precision;
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
}

// The host may have dot products that the levels lack.
INSTANTIATE_TEST_SUITE_P(Targets, MatmulTest,
                         testing::Values(Variant{"x86-64-v3", "f32"}, Variant{"x86-64-v4", "f32"},
                                         Variant{"x86-64-v3", "bf16"}, Variant{"x86-64-v4", "bf16"},
                                         Variant{"host", "bf16"}, Variant{"x86-64-v3", "int8"},
                                         Variant{"x86-64-v4", "int8"}, Variant{"host", "int8"}),
                         nameOf);

} // namespace
} // namespace attnc::test
