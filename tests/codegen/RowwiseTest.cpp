// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Row-wise kernels: softmax, norms, pooling, embeddings, copies and element-wise ops, at widths around every vector and
// every number of lanes of a reduction.

#include "tests/codegen/Kernel.h"
#include "tests/codegen/NumericPolicy.h"

#include <algorithm>
#include <gmock/gmock.h>

#include <cmath>
#include <functional>
#include <limits>

namespace attnc::test {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

/// 1 to 70, and around the step from 16 to 64 lanes.
std::vector<int64_t> widths(int64_t step = 1) {
  std::vector<int64_t> list = {255, 256, 257, 1000};
  for (int64_t width = 1; width <= 70; width += step)
    list.push_back(width);
  return list;
}

/// A kernel for each width, several in one model: compiling takes most of the time.
using Op = std::function<Value(ModelWriter &, const Value &)>;

void checkWidths(const std::vector<int64_t> &list, const Op &op, int64_t rows = 5) {
  constexpr size_t perModel = 8;
  for (size_t first = 0; first < list.size(); first += perModel) {
    ModelWriter w;
    std::vector<Value> results;
    const size_t last = std::min(first + perModel, list.size());
    for (size_t i = first; i < last; ++i)
      results.push_back(op(w, w.input("x" + std::to_string(list[i]), {rows, list[i]})));
    const Model model = w.finish(results);
    const Data data = randomData(model, 1, first);
    const std::vector<Array> actual = Kernel(model).run(data, {static_cast<int>(1 + first % 3)});
    const Expected expected = evaluate(model, data);
    for (size_t i = first; i < last; ++i) {
      SCOPED_TRACE("width " + std::to_string(list[i]));
      if (list[i] > 1) {
        EXPECT_TRUE(canTell(expected.f64[i - first]));
      }
      EXPECT_TRUE(isAsGoodAsNaive(actual[i - first], expected.f64[i - first], expected.f32[i - first]));
    }
  }
}

/// Runs a model that copies or compares: no rounding, the same bits.
void checkExact(const Model &model, const Data &data) {
  const std::vector<Array> actual = Kernel(model).run(data, {2});
  const Expected expected = evaluate(model, data);
  for (size_t i = 0; i < actual.size(); ++i) {
    SCOPED_TRACE("result " + std::to_string(i));
    EXPECT_TRUE(haveSameBits(actual[i], expected.f32[i]));
  }
}

TEST(Rowwise, SoftmaxOfRows) {
  for (int64_t width : {1, 2, 15, 16, 17, 31, 63, 64, 65, 255, 256, 257, 1000}) {
    SCOPED_TRACE(width);
    ModelWriter w;
    const Value x = w.input("x", {kBatch, width});
    const Model model = w.finish({w.op("attn.softmax " + x.name + " {axis = 1}", {x}, x.shape)});
    const Data data = randomData(model, 7);
    const Array actual = Kernel(model).run(data).front(), expected = evaluate(model, data).f64.front();
    for (size_t row = 0; row < 7; ++row) {
      double sum = 0;
      for (size_t i = 0; i < static_cast<size_t>(width); ++i) {
        const size_t at = row * static_cast<size_t>(width) + i;
        EXPECT_NEAR(actual.values[at], expected.values[at], 5e-7);
        sum += actual.values[at];
      }
      EXPECT_NEAR(sum, 1, 4 * static_cast<double>(width) * kUnitRoundoff);
    }
  }
}

TEST(Rowwise, SoftmaxAlongEveryAxis) {
  for (int axis = 0; axis < 3; ++axis) {
    ModelWriter w;
    const Value x = w.input("x", {9, 6, 35});
    const Model model =
        w.finish({w.op("attn.softmax " + x.name + " {axis = " + std::to_string(axis) + "}", {x}, x.shape)});
    Data data = randomData(model, 1);
    // A slice of -inf only, and one with a single live element.
    Array &input = data.inputs.front();
    const int64_t strides[] = {210, 35, 1}, start = axis == 0 ? 40 : axis == 1 ? 214 : 70;
    for (int64_t i = 0; i < input.shape[static_cast<size_t>(axis)]; ++i)
      input.values[static_cast<size_t>(start + i * strides[axis])] = -kInfinity;
    const Expected expected = evaluate(model, data);
    EXPECT_TRUE(isAsGoodAsNaive(Kernel(model).run(data, {3}).front(), expected.f64.front(), expected.f32.front()))
        << axis;
  }
}

TEST(Rowwise, SoftmaxThatFailsWhereAllIsMasked) {
  for (int axis : {1, 2}) {
    SCOPED_TRACE(axis);
    ModelWriter w;
    const Value x = w.input("x", {9, 6, 35});
    const std::string op = "attn.softmax " + x.name + " {fully_masked = #attn<fully_masked error>, axis = ";
    const Model model = w.finish({w.op(op + std::to_string(axis) + "}", {x}, x.shape)});
    const Kernel kernel(model);
    Data data = randomData(model, 1);
    Array &input = data.inputs.front();
    const size_t length = axis == 1 ? 6 : 35, step = axis == 1 ? 35 : 1;
    for (size_t i = 1; i < length; ++i) // The slice of the first element, which stays.
      input.values[i * step] = -kInfinity;
    const Expected expected = evaluate(model, data);
    EXPECT_TRUE(isAsGoodAsNaive(kernel.run(data, {3}).front(), expected.f64.front(), expected.f32.front()));
    input.values[0] = -kInfinity;
    for (int threads : {1, 3})
      EXPECT_THAT([&] { kernel.run(data, {threads}); },
                  testing::ThrowsMessage<std::runtime_error>(testing::HasSubstr("sees no key")));
  }
}

TEST(Rowwise, LayerNorm) {
  checkWidths(widths(3),
              [](ModelWriter &w, const Value &x) { return w.layerNorm(x, "n" + std::to_string(x.shape.back())); });
}

/// The mean is a million times the deviation: what sum(x^2) - mean^2 loses.
TEST(Rowwise, LayerNormOfALargeMean) {
  for (int64_t width : {24, 384}) {
    ModelWriter w;
    const Value x = w.input("x", {6, width});
    const Model model = w.finish({w.layerNorm(x, "norm")});
    Data data = randomData(model, 1);
    for (double &value : data.inputs.front().values)
      value = static_cast<float>(value + 3000);
    const Expected expected = evaluate(model, data);
    EXPECT_TRUE(isAsGoodAsNaive(Kernel(model).run(data).front(), expected.f64.front(), expected.f32.front())) << width;
  }
}

TEST(Rowwise, RMSNorm) {
  checkWidths(widths(5),
              [](ModelWriter &w, const Value &x) { return w.rmsNorm(x, "n" + std::to_string(x.shape.back())); });
}

TEST(Rowwise, L2Norm) {
  checkWidths(widths(5), [](ModelWriter &w, const Value &x) {
    return w.op("attn.l2norm " + x.name + " {eps = 1.0e-12 : f64}", {x}, x.shape);
  });
}

/// Even widths around vectors, both pairings, of heads that the same kernel splits.
TEST(Rowwise, Rotary) {
  for (int64_t width : {2, 4, 6, 14, 16, 18, 30, 32, 34, 64, 66, 128}) {
    ModelWriter w;
    const Value x = w.input("x", {kBatch, 5, 3 * width}), cos = w.weight("cos", {5, width / 2});
    const Value sin = w.weight("sin", {5, width / 2});
    const Value heads = w.op("attn.split_heads " + x.name + " {heads = 3}", {x}, {kBatch, 3, 5, width});
    std::vector<Value> results;
    for (const char *pairs : {"", " {interleaved}"})
      results.push_back(w.op("attn.rotary " + heads.name + ", " + cos.name + ", " + sin.name + pairs, {heads, cos, sin},
                             heads.shape));
    const Model model = w.finish(results);
    const Data data = randomData(model, 3);
    const std::vector<Array> actual = Kernel(model).run(data, {2});
    const Expected expected = evaluate(model, data);
    for (size_t i = 0; i < actual.size(); ++i) {
      SCOPED_TRACE("width " + std::to_string(width) + ", result " + std::to_string(i));
      EXPECT_TRUE(canTell(expected.f64[i]));
      EXPECT_TRUE(isAsGoodAsNaive(actual[i], expected.f64[i], expected.f32[i]));
    }
  }
}

TEST(Rowwise, NaNStaysInItsRow) {
  ModelWriter w;
  const Value x = w.input("x", {4, 37});
  const Model model =
      w.finish({w.layerNorm(x, "a"), w.rmsNorm(x, "b"), w.op("attn.softmax " + x.name + " {axis = 1}", {x}, x.shape),
                w.op("attn.l2norm " + x.name + " {eps = 1.0e-12 : f64}", {x}, x.shape)});
  Data data = randomData(model, 1);
  data.inputs.front().values[37 * 2 + 36] = std::nan("");
  for (const Array &result : Kernel(model).run(data))
    for (size_t i = 0; i < result.values.size(); ++i)
      EXPECT_EQ(std::isnan(result.values[i]), i / 37 == 2) << i;
}

TEST(Rowwise, Pooling) {
  for (const char *kind : {"cls", "mean", "max"})
    for (bool hasMask : {false, true}) {
      SCOPED_TRACE(std::string(kind) + (hasMask ? ", masked" : ""));
      ModelWriter w;
      const Value x = w.input("x", {kBatch, 11, 37});
      std::vector<Value> operands = {x};
      std::string text = std::string("attn.pool ") + kind + " " + x.name;
      if (hasMask) {
        operands.push_back(w.input("blocked", {kBatch, 11}, DType::i1));
        text += " blocked " + operands.back().name;
      }
      const Model model = w.finish({w.op(text, operands, {kBatch, 37})});
      const Kernel kernel(model);
      for (int64_t batch : {1, 4}) {
        Data data = randomData(model, batch);
        data.inputs[0].values[6 * 37 + 9] = std::nan(""); // In one column of the first sequence, blocked or not.
        if (hasMask) { // The last sequence has no valid position; the first one has NaN at a blocked one.
          std::vector<double> &blocked = data.inputs[1].values;
          std::fill(blocked.end() - 11, blocked.end(), 1);
          if (batch > 1 && std::string(kind) != "cls") {
            blocked[3] = 1;
            data.inputs[0].values[3 * 37 + 5] = std::nan("");
          }
        }
        const Expected expected = evaluate(model, data);
        EXPECT_TRUE(isAsGoodAsNaive(kernel.run(data).front(), expected.f64.front(), expected.f32.front()));
      }
    }
}

TEST(Rowwise, Embedding) {
  for (DType dtype : {DType::i32, DType::i64})
    for (int64_t width : {1, 7, 16, 33}) {
      ModelWriter w;
      const Value ids = w.input("ids", {kBatch, 9}, dtype), table = w.weight("table", {50, width});
      const Model model =
          w.finish({w.op("attn.embedding " + table.name + ", " + ids.name, {table, ids}, {kBatch, 9, width})});
      Data data = randomData(model, 3, 1, 50);
      data.inputs.front().values[0] = 49;
      checkExact(model, data);
    }
}

TEST(Rowwise, ConcatAlongEveryAxis) {
  for (size_t axis = 0; axis < 3; ++axis) {
    ModelWriter w;
    std::vector<Value> parts;
    std::string names;
    Shape shape = {3, 5, 18};
    int64_t total = 0;
    for (int64_t extent : {1, 4, 17}) {
      shape[axis] = extent;
      total += extent;
      parts.push_back(w.input("x" + std::to_string(extent), shape));
      names += (names.empty() ? "" : ", ") + parts.back().name;
    }
    shape[axis] = total;
    const Model model =
        w.finish({w.op("attn.concat " + names + " {axis = " + std::to_string(axis) + "}", parts, shape)});
    checkExact(model, randomData(model, 1));
  }
}

TEST(Rowwise, Slices) {
  ModelWriter w;
  const Value x = w.input("x", {kBatch, 13, 37});
  auto slice = [&](int axis, int start, int size, const Shape &shape) {
    return w.op("attn.slice " + x.name + " {axis = " + std::to_string(axis) + ", start = " + std::to_string(start) +
                    ", size = " + std::to_string(size) + "}",
                {x}, shape);
  };
  const Model model =
      w.finish({slice(1, 0, 1, {kBatch, 1, 37}), slice(1, 12, 1, {kBatch, 1, 37}), slice(1, 3, 8, {kBatch, 8, 37}),
                slice(2, 36, 1, {kBatch, 13, 1}), slice(2, 5, 17, {kBatch, 13, 17})});
  checkExact(model, randomData(model, 3));
}

TEST(Rowwise, Transposes) {
  ModelWriter w;
  const Value x = w.input("x", {5, 9, 19}), y = w.input("y", {kBatch, 4, 17});
  auto transpose = [&](const Value &v, const std::string &order, const Shape &shape) {
    return w.op("attn.transpose " + v.name + " {permutation = array<i64: " + order + ">}", {v}, shape);
  };
  const Model model = w.finish({transpose(x, "0, 2, 1", {5, 19, 9}), transpose(x, "2, 1, 0", {19, 9, 5}),
                                transpose(x, "1, 0, 2", {9, 5, 19}), transpose(x, "1, 2, 0", {9, 19, 5}),
                                transpose(y, "0, 2, 1", {kBatch, 17, 4})});
  checkExact(model, randomData(model, 3));
}

TEST(Rowwise, ReshapesAndHeads) {
  ModelWriter w;
  const Value x = w.input("x", {kBatch, 6, 20});
  auto reshape = [&](const Shape &shape) { return w.op("attn.reshape " + x.name, {x}, shape); };
  const Value split = w.op("attn.split_heads " + x.name + " {heads = 4}", {x}, {kBatch, 4, 6, 5});
  const Model model = w.finish({reshape({kBatch, 120}), reshape({kBatch, 3, 40}), reshape({kBatch, 2, 3, 20}), split,
                                w.op("attn.merge_heads " + split.name, {split}, {kBatch, 6, 20})});
  checkExact(model, randomData(model, 3));
}

TEST(Rowwise, BroadcastsOfEveryBinaryOp) {
  const std::pair<Shape, Shape> shapes[] = {
      {{kBatch, 5, 19}, {19}},    {{kBatch, 5, 19}, {5, 1}},          {{kBatch, 1, 19}, {kBatch, 5, 1}},
      {{5, 19}, {kBatch, 5, 19}}, {{kBatch, 5, 19}, {kBatch, 5, 19}}, {{kBatch, 5, 19}, {1, 1, 1}}};
  for (const char *op : {"add", "sub", "mul", "div"}) {
    ModelWriter w;
    std::vector<Value> results;
    int number = 0;
    for (const auto &[left, right] : shapes) {
      const Value x = w.input("x" + std::to_string(number), left), y = w.input("y" + std::to_string(number++), right);
      results.push_back(w.op(std::string("attn.") + op + " " + x.name + ", " + y.name, {x, y}, {kBatch, 5, 19}));
    }
    const Model model = w.finish(results);
    checkExact(model, randomData(model, 2));
  }
}

TEST(Rowwise, IsZeroAndMask) {
  for (DType dtype : {DType::i1, DType::i32, DType::i64}) {
    ModelWriter w;
    const Value x = w.input("x", {kBatch, 23}), tokens = w.input("tokens", {kBatch, 23}, dtype);
    const Value blocked = w.op("attn.is_zero " + tokens.name, {tokens}, tokens.shape, DType::i1);
    const Model model = w.finish({w.op("attn.mask " + x.name + ", " + blocked.name, {x, blocked}, x.shape)});
    checkExact(model, randomData(model, 5));
  }
}

TEST(Rowwise, PaddingMaskAndFill) {
  for (int64_t size : {1, 7, 8, 9, 34}) {
    ModelWriter w;
    const Value x = w.input("x", {kBatch, size}), lengths = w.input("lengths", {kBatch}, DType::i32);
    const Value blocked = w.op("attn.padding_mask " + lengths.name + " {size = " + std::to_string(size) + " : i64}",
                               {lengths}, x.shape, DType::i1);
    const Model model =
        w.finish({w.op("attn.mask " + x.name + ", " + blocked.name + " {fill = -2.5 : f32}", {x, blocked}, x.shape)});
    Data data = randomData(model, 6, 3, size + 1);
    inputOf(model, data, "lengths").values = {0, -1, double(size), double(size) + 5, double(size / 2), 1};
    checkExact(model, data);
  }
}

/// Neither operand is a weight: scores that somebody wants to see.
TEST(Rowwise, MatmulOfActivations) {
  for (bool transposed : {false, true})
    for (int64_t depth : {1, 7, 33}) {
      ModelWriter w;
      const Value x = w.input("x", {kBatch, 3, 9, depth});
      const Value y = w.input("y", transposed ? Shape{kBatch, 3, 18, depth} : Shape{kBatch, 3, depth, 18});
      const Model model =
          w.finish({w.op("attn.matmul " + x.name + ", " + y.name + (transposed ? " {transpose_rhs}" : ""), {x, y},
                         {kBatch, 3, 9, 18})});
      Data data = randomData(model, 2), magnitude = data;
      for (Array &input : magnitude.inputs)
        for (double &value : input.values)
          value = std::fabs(value);
      EXPECT_TRUE(isWithinReductionBound(Kernel(model).run(data).front(), evaluate(model, data).f64.front(),
                                         evaluate(model, magnitude).f64.front(), depth));
    }
}

/// A kernel whose operands all lack the run-time batch that its result has.
TEST(Rowwise, RepeatsAWeightForEachElementOfTheBatch) {
  ModelWriter w;
  const Value x = w.input("x", {kBatch, 3, 5}), weight = w.weight("w", {3, 5});
  const Value repeated = w.op("attn.broadcast " + weight.name, {weight}, {kBatch, 3, 5});
  const Model model = w.finish({repeated, w.add(x, x)});
  checkExact(model, randomData(model, 4));
}

} // namespace
} // namespace attnc::test
