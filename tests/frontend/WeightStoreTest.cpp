// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "frontend/WeightStore.h"

#include "tests/errors/safetensors/HostileFiles.h"
#include "tests/frontend/TemporaryDirectory.h"

#include <cmath>
#include <cstring>
#include <gtest/gtest.h>
#include <sstream>

namespace attnc {
namespace {

template <typename T> std::string bytesOf(const std::vector<T> &values) {
  return std::string(reinterpret_cast<const char *>(values.data()), values.size() * sizeof(T));
}

/// A file of one tensor with this data.
std::string oneTensor(const std::string &name, const std::string &dtype, const std::string &shape,
                      const std::string &data) {
  return hostile::file("{\"" + name + "\":{\"dtype\":\"" + dtype + "\",\"shape\":" + shape + ",\"data_offsets\":[0," +
                       std::to_string(data.size()) + "]}}") +
         data;
}

std::string rendered(const Diagnostics &diagnostics) {
  std::ostringstream text;
  diagnostics.render(text);
  return text.str();
}

/// The values of the one tensor "w" of a file, as f32.
std::vector<float> valuesOf(const std::string &dtype, const std::string &data, size_t count) {
  TemporaryDirectory directory;
  Diagnostics diagnostics;
  auto store = WeightStore::open(
      directory.write("w.safetensors", oneTensor("w", dtype, "[" + std::to_string(count) + "]", data)), {},
      diagnostics);
  std::string error;
  const WeightData *weight = store ? store->find("w", error) : nullptr;
  EXPECT_TRUE(weight) << error << rendered(diagnostics);
  if (!weight)
    return {};
  EXPECT_EQ(reinterpret_cast<uintptr_t>(weight->data) % 64, 0u);
  return std::vector<float>(weight->data, weight->data + count);
}

TEST(WeightStore, GivesF32AsItIs) {
  EXPECT_EQ(valuesOf("F32", bytesOf<float>({1.5f, -0.0f, 1e-45f}), 3), (std::vector<float>{1.5f, -0.0f, 1e-45f}));
}

TEST(WeightStore, WidensF16) {
  std::vector<float> values = valuesOf(
      "F16",
      bytesOf<uint16_t>({0x3C00, 0xC000, 0x7BFF, 0x0400, 0x0001, 0x83FF, 0x0000, 0x8000, 0x7C00, 0xFC00, 0x7E01}), 11);
  ASSERT_EQ(values.size(), 11u);
  const float expected[] = {1, -2, 65504, 0x1p-14f, 0x1p-24f, -1023 * 0x1p-24f, 0, -0.0f, INFINITY, -INFINITY};
  for (size_t i = 0; i < std::size(expected); ++i)
    EXPECT_EQ(values[i], expected[i]) << i;
  EXPECT_TRUE(std::signbit(values[7]));
  EXPECT_TRUE(std::isnan(values[10]));
}

/// Every half but the NaNs, against its definition: sign * significand * 2^exponent.
TEST(WeightStore, WidensEveryF16Exactly) {
  for (uint32_t bits = 0; bits < 0x10000; ++bits) {
    int exponent = bits >> 10 & 0x1F, mantissa = bits & 0x3FF;
    if (exponent == 0x1F)
      continue;
    double value = exponent ? std::ldexp(1024 + mantissa, exponent - 25) : std::ldexp(mantissa, -24);
    ASSERT_EQ(floatFromHalf(static_cast<uint16_t>(bits)), bits & 0x8000 ? -value : value) << bits;
  }
}

TEST(WeightStore, WidensBF16) {
  EXPECT_EQ(valuesOf("BF16", bytesOf<uint16_t>({0x3F80, 0xC040, 0x0001, 0x7F80}), 4),
            (std::vector<float>{1, -3, 0x1p-133f, INFINITY}));
}

TEST(WeightStore, RoundsF64) {
  EXPECT_EQ(valuesOf("F64", bytesOf<double>({1.0, 1.0 + 0x1p-25, 1.0 + 0x1.8p-24, 1e300}), 4),
            (std::vector<float>{1.0f, 1.0f, 1.0f + 0x1p-23f, INFINITY}));
}

TEST(WeightStore, AnEmptyTensorHasNoData) { EXPECT_TRUE(valuesOf("F32", "", 0).empty()); }

TEST(WeightStore, RefusesIntegers) {
  TemporaryDirectory directory;
  Diagnostics diagnostics;
  auto store = WeightStore::open(
      directory.write("w.safetensors", oneTensor("ids", "I64", "[1]", bytesOf<int64_t>({1}))), {}, diagnostics);
  ASSERT_TRUE(store);
  std::string error;
  EXPECT_FALSE(store->find("ids", error));
  EXPECT_NE(error.find("w.safetensors: tensor \"ids\" is I64; weights are F32, F16, BF16 or F64"), std::string::npos)
      << error;
  std::string checked;
  EXPECT_FALSE(store->check("ids", {1}, checked));
  EXPECT_EQ(checked, error);
}

TEST(WeightStore, NamesAMissingTensorAndTheNearest) {
  TemporaryDirectory directory;
  Diagnostics diagnostics;
  auto store = WeightStore::open(
      directory.write("w.safetensors", oneTensor("norm.weight", "F32", "[1]", bytesOf<float>({1}))), {}, diagnostics);
  ASSERT_TRUE(store);
  std::string error;
  EXPECT_FALSE(store->find("norm.weigth", error));
  EXPECT_NE(error.find("w.safetensors: tensor \"norm.weigth\" is missing; did you mean \"norm.weight\"?"),
            std::string::npos)
      << error;
}

TEST(WeightStore, NamesBothShapesOfAMisshapenTensor) {
  TemporaryDirectory directory;
  Diagnostics diagnostics;
  auto store = WeightStore::open(
      directory.write("w.safetensors", oneTensor("w", "F32", "[1, 2]", bytesOf<float>({1, 2}))), {}, diagnostics);
  ASSERT_TRUE(store);
  std::string error;
  EXPECT_FALSE(store->find("w", {2, 1}, error));
  EXPECT_NE(error.find("tensor \"w\" has shape [1, 2], but the model needs [2, 1]"), std::string::npos) << error;
  const WeightData *weight = store->find("w", {1, 2}, error);
  ASSERT_TRUE(weight) << error;
  EXPECT_EQ(weight->data[1], 2);
  EXPECT_EQ(store->find("w", error), weight) << "a tensor is read once";
}

TEST(WeightStore, ReadsElementsOfEveryType) {
  const std::vector<float> values = {1, -2, 0.5f, 4, 8};
  const std::pair<const char *, std::string> types[] = {
      {"F32", bytesOf<float>(values)},
      {"F64", bytesOf<double>({1, -2, 0.5, 4, 8})},
      {"F16", bytesOf<uint16_t>({0x3C00, 0xC000, 0x3800, 0x4400, 0x4800})},
      {"BF16", bytesOf<uint16_t>({0x3F80, 0xC000, 0x3F00, 0x4080, 0x4100})}};
  for (const auto &[type, bytes] : types) {
    TemporaryDirectory directory;
    Diagnostics diagnostics;
    auto store = WeightStore::open(directory.write("w.safetensors", oneTensor("m.w", type, "[5]", bytes)), {{"", "m."}},
                                   diagnostics);
    ASSERT_TRUE(store) << rendered(diagnostics);
    std::string error;
    EXPECT_TRUE(store->check("w", {5}, error)) << error;
    for (size_t first = 0; first <= values.size(); ++first)
      for (size_t count = 0; first + count <= values.size(); ++count) {
        std::vector<float> read(count + 1, 99);
        ASSERT_TRUE(store->read("w", first, count, read.data(), error)) << error;
        std::vector<float> expected(values.begin() + long(first), values.begin() + long(first + count));
        expected.push_back(99);
        EXPECT_EQ(read, expected) << type;
      }
    std::filesystem::resize_file(directory.path("w.safetensors"), 70);
    float element;
    EXPECT_FALSE(store->read("w", 4, 1, &element, error)) << type;
    EXPECT_NE(error.find("bytes long when it was opened"), std::string::npos) << error;
  }
}

TEST(WeightStore, MapsPrefixes) {
  TemporaryDirectory directory;
  Diagnostics diagnostics;
  std::string file = directory.write("w.safetensors", oneTensor("bert.encoder.w", "F32", "[1]", bytesOf<float>({7})));
  auto store = WeightStore::open(file, {{"model.", "bert."}, {"", "bert."}}, diagnostics);
  ASSERT_TRUE(store);
  std::string error;
  ASSERT_TRUE(store->find("encoder.w", error)) << error;
  ASSERT_TRUE(store->find("model.encoder.w", error)) << error;
  ASSERT_TRUE(store->describe("encoder.w"));
  EXPECT_FALSE(store->find("x", error));
  EXPECT_NE(error.find("\"bert.x\" is missing"), std::string::npos) << error;
}

TEST(WeightStore, ReadsTheModelsOwnFileRelativeToItsDirectory) {
  TemporaryDirectory directory;
  directory.write("sub/w.safetensors", oneTensor("w", "F32", "[1]", bytesOf<float>({3})));
  ModelDesc model;
  model.directory = directory.path();
  model.weights = WeightsDesc{{"sub/w.safetensors"}, {{{"m."}, {""}}}};
  Diagnostics diagnostics;
  auto store = WeightStore::open(model, diagnostics);
  ASSERT_TRUE(store) << rendered(diagnostics);
  std::string error;
  EXPECT_TRUE(store->find("m.w", error)) << error;
}

TEST(WeightStore, ReportsABrokenFileAtTheGivenPlace) {
  TemporaryDirectory directory;
  Diagnostics diagnostics;
  const SourceFile &source = diagnostics.addSource("model.json", "{\"weights\": \"w.safetensors\"}");
  EXPECT_FALSE(
      WeightStore::open(directory.write("w.safetensors", "short"), {}, diagnostics, {&source, 1, 13, "$.weights"}));
  EXPECT_NE(rendered(diagnostics).find("model.json:1:13: error: "), std::string::npos);
  EXPECT_NE(rendered(diagnostics).find("w.safetensors: is 5 bytes long"), std::string::npos) << rendered(diagnostics);
}

TEST(WeightStore, AFileThatShrinksAfterwardsIsAnError) {
  TemporaryDirectory directory;
  Diagnostics diagnostics;
  for (const char *dtype : {"F32", "BF16"}) {
    std::string bytes = oneTensor("w", dtype, dtype[0] == 'F' ? "[1]" : "[2]", "1234");
    auto store = WeightStore::open(directory.write("w.safetensors", bytes), {}, diagnostics);
    ASSERT_TRUE(store);
    std::filesystem::resize_file(directory.path("w.safetensors"), bytes.size() - 1);
    std::string error;
    EXPECT_FALSE(store->find("w", error));
    EXPECT_NE(error.find("bytes long when it was opened"), std::string::npos) << error;
  }
}

/// Two shards and their index.
struct Shards {
  TemporaryDirectory directory;
  Diagnostics diagnostics;

  std::unique_ptr<WeightStore> open(const std::string &index) {
    directory.write("s-1.safetensors", oneTensor("a", "F32", "[1]", bytesOf<float>({1})));
    directory.write("s-2.safetensors", oneTensor("b", "F32", "[1]", bytesOf<float>({2})));
    return WeightStore::open(directory.write("model.safetensors.index.json", index), {}, diagnostics);
  }
};

TEST(WeightStore, ReadsShards) {
  Shards shards;
  auto store = shards.open(R"({"metadata": {}, "weight_map": {"a": "s-1.safetensors", "b": "s-2.safetensors"}})");
  ASSERT_TRUE(store) << rendered(shards.diagnostics);
  std::string error;
  EXPECT_EQ(store->find("a", error)->data[0], 1);
  EXPECT_EQ(store->find("b", error)->data[0], 2);
  std::vector<std::string> paths;
  for (const char *name : {"model.safetensors.index.json", "s-1.safetensors", "s-2.safetensors"})
    paths.push_back(shards.directory.path(name));
  EXPECT_EQ(store->paths(), paths);
}

TEST(WeightStore, RefusesBrokenIndexes) {
  const std::pair<const char *, const char *> cases[] = {
      {"[]", "an index of weights needs the object weight_map"},
      {"{}", "an index of weights needs the object weight_map"},
      {R"({"weight_map": {}})", "needs the object weight_map"},
      {R"({"weight_map": {"a": 1}})",
       "must be the name of a .safetensors file in the index's own directory, found the number 1"},
      {R"({"weight_map": {"a": "../s-1.safetensors"}})", "found the string \"../s-1.safetensors\""},
      {R"({"weight_map": {"a": "/dev/zero"}})", "found the string \"/dev/zero\""},
      {R"({"weight_map": {"a": "s-3.safetensors"}})", "s-3.safetensors: cannot be opened"},
      {R"({"weight_map": {"a": "s-1.safetensors", "c": "s-2.safetensors"}})", "tensor \"c\" is not in s-2.safetensors"},
      {R"({"weight_map": {"a": "s-2.safetensors", "b": "s-1.safetensors"}})", "tensor \"a\" is not in s-2.safetensors"},
  };
  for (auto [index, message] : cases) {
    Shards shards;
    EXPECT_FALSE(shards.open(index)) << index;
    EXPECT_NE(rendered(shards.diagnostics).find(message), std::string::npos) << index << rendered(shards.diagnostics);
  }
}

TEST(WeightStore, RefusesATensorInTwoShards) {
  Shards shards;
  shards.directory.write("s-3.safetensors", oneTensor("a", "F32", "[1]", bytesOf<float>({1})));
  EXPECT_FALSE(shards.open(R"({"weight_map": {"a": "s-1.safetensors", "x": "s-3.safetensors"}})"));
  std::string text = rendered(shards.diagnostics);
  EXPECT_NE(text.find("s-3.safetensors: tensor \"a\" is in "), std::string::npos) << text;
}

} // namespace
} // namespace attnc
