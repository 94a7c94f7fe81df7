// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the numeric policy has to notice: planted faults, each a kernel that computes something slightly else than the
// reference it is compared with.

#include "tests/codegen/Kernel.h"
#include "tests/codegen/Models.h"
#include "tests/codegen/NumericPolicy.h"

#include <cmath>

namespace attnc::test {
namespace {

/// Whether what `planted` computes passes for what `model` means.
bool passes(const Model &model, const Model &planted, const Data &data, const Data &plantedData) {
  const Expected expected = evaluate(model, data);
  return bool(isAsGoodAsNaive(Kernel(planted).run(plantedData).front(), expected.f64.front(), expected.f32.front()));
}

bool passes(const Model &model, const Model &planted) {
  const Data data = randomData(model, 2);
  EXPECT_TRUE(passes(model, model, data, data));
  return passes(model, planted, data, data);
}

TEST(Power, ScaleOff) {
  AttentionCase right{kBatch, 2, 9, 21, 16, 16}, wrong = right;
  right.scale = 0.25f;
  wrong.scale = 0.2501f;
  EXPECT_FALSE(passes(attentionModel(right), attentionModel(wrong)));
}

TEST(Power, MaskIgnored) {
  const AttentionCase right{kBatch, 2, 9, 21, 16, 16, Mask::KeyTokens};
  const Model model = attentionModel(right);
  Data data = randomData(model, 2);
  for (double &value : inputOf(model, data, "padding").values)
    value = 1;
  inputOf(model, data, "padding").values[20] = 0;
  Data poisoned = data;
  for (size_t i = 0; i < 16; ++i)
    inputOf(model, poisoned, "value").values[20 * 16 + i] = 1000;
  EXPECT_TRUE(passes(model, model, data, poisoned));
  Data unmasked = poisoned;
  inputOf(model, unmasked, "padding").values[20] = 1;
  EXPECT_FALSE(passes(model, model, poisoned, unmasked));
}

/// The last key left out: the key padding of a batch that ends one key early.
TEST(Power, LastKeyDropped) {
  const Model model = attentionModel({kBatch, 2, 9, 130, 16, 16, Mask::Keys});
  Data data = randomData(model, 2);
  for (double &value : inputOf(model, data, "padding").values)
    value = 0;
  Data dropped = data;
  inputOf(model, dropped, "padding").values[129] = 1;
  EXPECT_TRUE(passes(model, model, data, data));
  EXPECT_FALSE(passes(model, model, data, dropped));
}

TEST(Power, LastTermOfASumDropped) {
  const Model model = matmulModel({9, 33, 257, "bias"});
  const Data data = randomData(model, 1);
  Data dropped = data, magnitude = data;
  for (size_t row = 0; row < 9; ++row)
    dropped.inputs.front().values[row * 257 + 256] = 0;
  for (double &value : magnitude.inputs.front().values)
    value = std::fabs(value);
  for (auto &[name, weight] : magnitude.weights)
    for (double &value : weight.values)
      value = std::fabs(value);
  const Array f64 = evaluate(model, data).f64.front(), bound = evaluate(model, magnitude).f64.front();
  const Kernel kernel(model);
  EXPECT_TRUE(isWithinReductionBound(kernel.run(data).front(), f64, bound, 259));
  EXPECT_FALSE(isWithinReductionBound(kernel.run(dropped).front(), f64, bound, 259));
}

TEST(Power, OtherApproximationOfGelu) {
  EXPECT_FALSE(passes(matmulModel({9, 33, 17, "gelu"}), matmulModel({9, 33, 17, "gelu_tanh"})));
}

TEST(Power, OtherNormalisation) {
  const Model model = matmulModel({30, 33, 17, "rmsnorm"}), planted = matmulModel({30, 33, 17, "layernorm"});
  const Data data = randomData(model, 1);
  Data other = data;
  other.weights["norm.bias"] = {DType::f32, {33}, std::vector<double>(33, 0)};
  EXPECT_FALSE(passes(model, planted, data, other));
}

TEST(Power, EpsilonOff) {
  auto model = [](double eps) {
    ModelWriter w;
    return w.finish({w.layerNorm(w.input("x", {5, 64}), "norm", eps)});
  };
  EXPECT_FALSE(passes(model(1e-5), model(2e-5)));
}

TEST(Power, OneBit) {
  const Array a{DType::f32, {3}, {1, 2, 3}};
  Array b = a;
  b.values[2] = std::nextafterf(3, 4);
  EXPECT_FALSE(haveSameBits(a, b));
  b.values[2] = 3;
  EXPECT_TRUE(haveSameBits(a, b));
  EXPECT_FALSE(haveSameBits({DType::f32, {1}, {0.0}}, {DType::f32, {1}, {-0.0}}));
}

TEST(Power, NaNWhereNoneBelongs) {
  const Array a{DType::f32, {2}, {1, 2}}, b{DType::f32, {2}, {1, std::nan("")}};
  EXPECT_FALSE(isAsGoodAsNaive(b, a, a));
  EXPECT_FALSE(isAsGoodAsNaive(a, b, b));
  EXPECT_FALSE(isWithinReductionBound(b, a, a, 3));
}

TEST(Power, ConstantsTellNothing) {
  EXPECT_FALSE(canTell({DType::f32, {3}, {2, 2, 2}}));
  EXPECT_FALSE(canTell({DType::f32, {3}, {0, 0, 2}}));
  EXPECT_TRUE(canTell({DType::f32, {3}, {0, 1, 2}}));
}

} // namespace
} // namespace attnc::test
