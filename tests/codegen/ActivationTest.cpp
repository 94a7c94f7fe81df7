// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The scalar functions of codegen/ScalarMath.h over dense grids, against the C library in double.

#include "tests/codegen/Kernel.h"
#include "tests/codegen/NumericPolicy.h"

#include <cmath>
#include <functional>
#include <limits>

namespace attnc::test {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr int64_t kCount = 200000;

/// kCount values from `low` to `high`.
std::vector<double> grid(double low, double high) {
  std::vector<double> values;
  for (int64_t i = 0; i < kCount; ++i)
    values.push_back(static_cast<float>(low + (high - low) * static_cast<double>(i) / static_cast<double>(kCount - 1)));
  return values;
}

std::vector<double> activate(const std::string &kind, const std::vector<double> &x) {
  ModelWriter w;
  const Value input = w.input("x", {static_cast<int64_t>(x.size())});
  const Model model = w.finish({w.activation(kind, input)});
  Data data;
  data.inputs = {{DType::f32, {static_cast<int64_t>(x.size())}, x}};
  return Kernel(model).run(data, {2}).front().values;
}

/// The distance of an f32 of this magnitude to the next.
double ulpOf(double x) { return std::ldexp(1.0, std::max(std::ilogb(x), -126) - 23); }

struct Function {
  const char *kind;
  std::function<double(double)> exact;
  /// Error bound relative to max(1, |x|) of the functions that tend to x.
  double bound;
  double atMinusInfinity, atInfinity;
};

double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }

/// gelu: a quotient of sums, about 1/2, that is off by up to 1.5e-7, and two roundings.
const Function functions[] = {
    {"relu", [](double x) { return std::max(x, 0.0); }, 0, 0, kInfinity},
    {"gelu", [](double x) { return x / 2 * (1 + std::erf(x * M_SQRT1_2)); }, 3e-7 / 2 + 2 * kUnitRoundoff, std::nan(""),
     kInfinity},
    {"gelu_tanh", [](double x) { return x * sigmoid(2 * std::sqrt(2 / M_PI) * (x + 0.044715 * x * x * x)); }, 4e-7,
     std::nan(""), kInfinity},
    {"silu", [](double x) { return x * sigmoid(x); }, 4e-7, std::nan(""), kInfinity},
    {"tanh", [](double x) { return std::tanh(x); }, 4 * kUnitRoundoff, -1, 1},
    {"sigmoid", sigmoid, 4 * kUnitRoundoff, 0, 1},
};

TEST(Activation, ErrorsAreBounded) {
  for (const Function &function : functions)
    for (const auto &[low, high] : {std::pair(-12.0, 12.0), std::pair(-100.0, 100.0), std::pair(-1e-3, 1e-3)}) {
      const std::vector<double> x = grid(low, high), y = activate(function.kind, x);
      double worst = 0, at = 0;
      for (size_t i = 0; i < x.size(); ++i) {
        const double error = std::fabs(y[i] - function.exact(x[i])) / std::max(1.0, std::fabs(x[i]));
        if (!(error <= worst)) {
          worst = error;
          at = x[i];
        }
      }
      EXPECT_LE(worst, function.bound) << function.kind << " at " << at;
    }
}

/// Relative errors where the function is proportional to x.
TEST(Activation, SmallArgumentsKeepTheirDigits) {
  for (const char *kind : {"tanh", "gelu", "gelu_tanh", "silu"}) {
    std::vector<double> x;
    for (int exponent = -120; exponent < -12; ++exponent)
      for (double mantissa : {1.0, -1.3, 1.9})
        x.push_back(static_cast<float>(std::ldexp(mantissa, exponent)));
    const std::vector<double> y = activate(kind, x);
    const double slope = std::string(kind) == "tanh" ? 1 : 0.5;
    for (size_t i = 0; i < x.size(); ++i)
      EXPECT_NEAR(y[i] / x[i], slope, 4 * kUnitRoundoff + 2 * std::fabs(x[i])) << kind << " at " << x[i];
  }
}

TEST(Activation, SpecialValues) {
  const double huge = 3e38f, tiny = std::ldexp(1.0, -149);
  for (const Function &function : functions) {
    SCOPED_TRACE(function.kind);
    // 19 values: whole vectors and a tail.
    const std::vector<double> x = {std::nan(""), kInfinity, -kInfinity,  huge, -huge, tiny, -tiny, 0,
                                   -0.0,         88,        -88,         100,  -100,  104,  -104,  1e10f,
                                   -1e10f,       127.5,     std::nan("")};
    const std::vector<double> y = activate(function.kind, x);
    EXPECT_TRUE(std::isnan(y[0]));
    EXPECT_TRUE(std::isnan(y[18]));
    EXPECT_EQ(y[1], function.atInfinity);
    if (std::isnan(function.atMinusInfinity)) // -inf * 0, as in torch.
      EXPECT_TRUE(std::isnan(y[2]));
    else
      EXPECT_EQ(y[2], function.atMinusInfinity);
    for (size_t i = 3; i < 18; ++i)
      EXPECT_NEAR(y[i], function.exact(x[i]), function.bound * std::max(1.0, std::fabs(x[i]))) << "at " << x[i];
  }
}

/// Softmax of each [0, x], whose quotient is exp(x), one row after the other.
std::vector<double> softmaxBesideZero(const std::vector<double> &x) {
  const int64_t rows = static_cast<int64_t>(x.size());
  ModelWriter w;
  const Value input = w.input("x", {rows, 2});
  const Model model = w.finish({w.op("attn.softmax " + input.name + " {axis = 1}", {input}, input.shape)});
  Data data;
  data.inputs = {{DType::f32, {rows, 2}, {}}};
  for (double value : x)
    data.inputs.front().values.insert(data.inputs.front().values.end(), {0, value});
  return Kernel(model).run(data, {2}).front().values;
}

/// Both divisions of softmax round, which counts against exp.
TEST(Activation, ExponentialIsWithinFourUlp) {
  const std::vector<double> x = grid(-87, 0), y = softmaxBesideZero(x);
  double worst = 0, at = 0;
  for (size_t i = 0; i < x.size(); ++i) {
    const double exact = std::exp(x[i]), error = std::fabs(y[2 * i + 1] / y[2 * i] - exact) / ulpOf(exact);
    if (!(error <= worst)) {
      worst = error;
      at = x[i];
    }
  }
  EXPECT_LE(worst, 4) << "at " << at;
  RecordProperty("worst_ulp", std::to_string(worst));
}

/// Below the normal numbers, to 0 at the latest from 2^-126.5 on.
TEST(Activation, ExponentialFallsToZero) {
  std::vector<double> x = grid(-90, -87.34);
  x.insert(x.end(), {-200, -1e30f, -kInfinity});
  const std::vector<double> y = softmaxBesideZero(x);
  for (size_t i = 0; i < x.size(); ++i) {
    EXPECT_GE(y[2 * i + 1], 0) << "at " << x[i];
    EXPECT_LE(y[2 * i + 1], x[i] < -126.51 * M_LN2 ? 0 : std::ldexp(1.0, -126)) << "at " << x[i];
  }
}

} // namespace
} // namespace attnc::test
