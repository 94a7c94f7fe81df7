// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Pack steps against their definition in runtime.h, element by element.
#include "runtime/Pack.h"
#include "TestModel.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <numeric>

using namespace attnc::test;
using attnc::rt::packWeights;

namespace {

std::vector<float> numbered(int64_t count) {
  std::vector<float> values(count);
  std::iota(values.begin(), values.end(), 1.0f); // no zero, which is what padding holds
  return values;
}

/// The nearest bfloat16, by comparison of the two beside the value.
uint16_t nearestBfloat(float value) {
  uint32_t bits;
  memcpy(&bits, &value, sizeof bits);
  const auto below = static_cast<uint16_t>(bits >> 16);
  auto at = [](uint32_t half) {
    const uint32_t whole = half << 16;
    float result;
    memcpy(&result, &whole, sizeof result);
    return static_cast<double>(result);
  };
  const double down = std::fabs(value - at(below)), up = std::fabs(at(below + 1u) - value);
  return down < up || (down == up && below % 2 == 0) ? below : static_cast<uint16_t>(below + 1);
}

/// The product with Sylvester's Hadamard matrix: that of the sums of both halves, then that of their differences.
std::vector<float> timesHadamard(const std::vector<float> &values) {
  const size_t half = values.size() / 2;
  if (half == 0)
    return values;
  std::vector<float> sums, differences;
  for (size_t i = 0; i < half; ++i) {
    sums.push_back(values[i] + values[i + half]);
    differences.push_back(values[i] - values[i + half]);
  }
  sums = timesHadamard(sums), differences = timesHadamard(differences);
  sums.insert(sums.end(), differences.begin(), differences.end());
  return sums;
}

struct RotatedRow {
  std::vector<float> values;
  float order = 1;
};

/// A row of an int8 panel as runtime.h says.
RotatedRow rotated(const std::vector<float> &row) {
  const size_t count = row.size();
  size_t narrow = 1, wide = 1;
  while (narrow < 4 && count % (2 * narrow) == 0)
    narrow *= 2;
  while (wide < 16 && count % (2 * wide * narrow) == 0)
    wide *= 2;
  RotatedRow result{std::vector<float>(count), static_cast<float>(wide * narrow)};
  std::vector<float> mixed(count);
  for (size_t i = 0; i < count / wide; ++i) {
    std::vector<float> along;
    for (size_t w = 0; w < wide; ++w)
      along.push_back(row[w * (count / wide) + i]);
    along = timesHadamard(along);
    for (size_t w = 0; w < wide; ++w)
      mixed[w * (count / wide) + i] = along[w];
  }
  for (size_t i = 0; i < count / narrow; ++i) {
    const auto begin = mixed.begin() + static_cast<long>(i * narrow);
    const auto along = timesHadamard({begin, begin + static_cast<long>(narrow)});
    for (size_t j = 0; j < narrow; ++j)
      result.values[i * narrow + j] = along[j];
  }
  return result;
}

/// Rounded kinds: bytes of the image as runtime.h says.
void packRounded(const attnc_pack_step &step, const float *source, uint8_t *image) {
  const bool isInt8 = step.kind != ATTNC_PACK_PANEL_BF16;
  const int64_t group = isInt8 ? 4 : 2, steps = (step.cols + group - 1) / group, words = steps + (isInt8 ? 2 : 0);
  for (int64_t n = 0; n < step.rows; ++n) {
    const int64_t panel = (step.first + n) / step.panel, i = (step.first + n) % step.panel;
    uint8_t *base = image + step.dst + panel * words * step.panel * 4;
    RotatedRow row;
    for (int64_t k = 0; k < step.cols; ++k)
      row.values.push_back(source[step.src_offset + n * step.stride_row + k * step.stride_col]);
    if (step.kind == ATTNC_PACK_PANEL_I8_BALANCED)
      for (int64_t k = 0; k < step.cols; ++k)
        row.values[static_cast<size_t>(k)] /= source[step.balance + k];
    if (isInt8)
      row = rotated(row.values);
    auto element = [&](int64_t k) { return row.values[static_cast<size_t>(k)]; };
    float largest = 0;
    for (int64_t k = 0; k < step.cols; ++k)
      largest = std::max(largest, std::fabs(element(k)));
    int32_t sum = 0;
    for (int64_t k = 0; k < step.cols; ++k) {
      const auto integer = static_cast<int8_t>(std::nearbyint(static_cast<double>(element(k)) * (127 / largest)));
      const uint16_t half = nearestBfloat(element(k));
      sum += integer;
      if (isInt8)
        memcpy(base + (k / 4 * step.panel + i) * 4 + k % 4, &integer, 1);
      else
        memcpy(base + (k / 2 * step.panel + i) * 4 + k % 2 * 2, &half, 2);
    }
    const float scale = largest / 127 / row.order;
    const int32_t offset = -128 * sum;
    if (isInt8) {
      memcpy(base + (steps * step.panel + i) * 4, &scale, 4);
      memcpy(base + ((steps + 1) * step.panel + i) * 4, &offset, 4);
    }
  }
}

/// The definition, without regard to speed.
void packNaively(const attnc_pack_step &step, const float *source, float *image) {
  if (step.kind != ATTNC_PACK_COPY && step.kind != ATTNC_PACK_PANEL)
    return packRounded(step, source, reinterpret_cast<uint8_t *>(image));
  float *to = image + step.dst / sizeof(float);
  for (int64_t n = 0; n < step.rows; ++n)
    for (int64_t k = 0; k < step.cols; ++k) {
      const float value = source[step.src_offset + n * step.stride_row + k * step.stride_col];
      if (step.kind == ATTNC_PACK_COPY)
        to[n * step.cols + k] = value;
      else
        to[((step.first + n) / step.panel * step.cols + k) * step.panel + (step.first + n) % step.panel] = value;
    }
}

void expectSameAsNaive(const std::vector<attnc_pack_step> &steps, const std::vector<float> &source,
                       size_t imageFloats) {
  Aligned image(imageFloats * sizeof(float)), want(imageFloats * sizeof(float));
  const void *data[] = {source.data()};
  packWeights(steps.data(), static_cast<int32_t>(steps.size()), data, source.data(), image.data());
  for (const attnc_pack_step &step : steps)
    packNaively(step, source.data(), reinterpret_cast<float *>(want.data()));
  EXPECT_EQ(memcmp(image.data(), want.data(), image.size()), 0)
      << "rows " << steps[0].rows << ", cols " << steps[0].cols << ", first " << steps[0].first << ", panel "
      << steps[0].panel << ", strides " << steps[0].stride_row << " " << steps[0].stride_col;
}

TEST(Pack, Copy) {
  const auto source = numbered(200);
  expectSameAsNaive(
      {{0, ATTNC_PACK_COPY, 0, 3, 7, 7, 1, 0, 0, 0, 0}, {-1, ATTNC_PACK_COPY, 5, 1, 100, 100, 1, 128, 0, 0, 0}}, source,
      200);
}

TEST(Pack, CopyOfNothing) {
  const void *data[] = {nullptr};
  uint8_t image[4] = {1, 2, 3, 4};
  const attnc_pack_step steps[] = {{0, ATTNC_PACK_COPY, 0, 0, 7, 7, 1, 0, 0, 0, 0},
                                   {0, ATTNC_PACK_PANEL, 0, 0, 7, 7, 1, 0, 0, 8, 0}};
  packWeights(steps, 2, data, nullptr, image);
  EXPECT_EQ(image[0], 1);
}

TEST(Pack, PanelOfOddSizesBothLayouts) {
  for (int64_t panel : {1, 3, 8, 16, 32})
    for (int64_t rows : {1, 2, 7, 8, 9, 16, 31, 32, 33, 70})
      for (int64_t cols : {1, 15, 16, 17, 40}) {
        const auto source = numbered(rows * cols + 3);
        const size_t floats = static_cast<size_t>((rows + panel - 1) / panel * panel * cols);
        expectSameAsNaive({{0, ATTNC_PACK_PANEL, 3, rows, cols, cols, 1, 0, 0, panel, 0}}, source, floats);
        expectSameAsNaive({{0, ATTNC_PACK_PANEL, 3, rows, cols, 1, rows, 0, 0, panel, 0}}, source, floats);
      }
}

TEST(Pack, PanelWithStridesOfALargerMatrix) {
  const auto source = numbered(60 * 50);
  expectSameAsNaive({{0, ATTNC_PACK_PANEL, 107, 21, 13, 50, 2, 0, 0, 8, 0}}, source, 24 * 13);
  expectSameAsNaive({{0, ATTNC_PACK_PANEL, 107, 21, 13, 2, 60, 0, 0, 8, 0}}, source, 24 * 13);
}

TEST(Pack, PiecesOfOnePackedMatrix) {
  // Query, key and value of 5, 11 and 9 rows side by side; no piece begins or ends at a panel.
  const int64_t cols = 19, panel = 8;
  const auto source = numbered(25 * cols);
  expectSameAsNaive({{0, ATTNC_PACK_PANEL, 0, 5, cols, cols, 1, 0, 0, panel, 0},
                     {0, ATTNC_PACK_PANEL, 5 * cols, 11, cols, cols, 1, 0, 5, panel, 0},
                     {0, ATTNC_PACK_PANEL, 16 * cols, 9, cols, cols, 1, 0, 16, panel, 0}},
                    source, 32 * cols);
}

TEST(Pack, PaddingStaysAsItIs) {
  const auto source = numbered(3 * 2);
  Aligned image(8 * 2 * sizeof(float));
  const void *data[] = {source.data()};
  const attnc_pack_step step = {0, ATTNC_PACK_PANEL, 0, 3, 2, 2, 1, 0, 0, 8, 0};
  packWeights(&step, 1, data, nullptr, image.data());
  const auto *packed = reinterpret_cast<const float *>(image.data());
  const float want[16] = {1, 3, 5, 0, 0, 0, 0, 0, 2, 4, 6, 0, 0, 0, 0, 0};
  for (int i = 0; i < 16; ++i)
    EXPECT_EQ(packed[i], want[i]) << i;
}

TEST(Pack, SourceOfAnyAlignment) {
  const auto source = numbered(33 * 17);
  std::vector<char> bytes(source.size() * sizeof(float) + 3);
  memcpy(bytes.data() + 3, source.data(), source.size() * sizeof(float));
  Aligned image(40 * 17 * sizeof(float)), want(40 * 17 * sizeof(float));
  const attnc_pack_step step = {0, ATTNC_PACK_PANEL, 0, 33, 17, 17, 1, 0, 0, 8, 0};
  const void *odd[] = {bytes.data() + 3}, *even[] = {source.data()};
  packWeights(&step, 1, odd, nullptr, image.data());
  packWeights(&step, 1, even, nullptr, want.data());
  EXPECT_EQ(memcmp(image.data(), want.data(), want.size()), 0);
}

/// Values of many magnitudes and both signs, none of them 0.
std::vector<float> mixed(int64_t count) {
  std::vector<float> values(static_cast<size_t>(count));
  uint32_t state = 1;
  for (float &value : values) {
    state = state * 1664525u + 1013904223u;
    value = std::ldexp(static_cast<float>(static_cast<int32_t>(state | 1)), -20 - static_cast<int>(state >> 28));
  }
  return values;
}

TEST(Pack, RoundedPanelsOfOddSizesBothLayouts) {
  for (attnc_pack_kind kind : {ATTNC_PACK_PANEL_BF16, ATTNC_PACK_PANEL_I8})
    for (int64_t panel : {1, 16, 32, 80})
      for (int64_t rows : {1, 7, 31, 32, 33, 70})
        for (int64_t cols : {1, 2, 3, 4, 5, 17, 40, 64, 192}) {
          const auto source = mixed(rows * cols + 3);
          const size_t words = static_cast<size_t>((rows + panel - 1) / panel * panel * (cols + 2));
          expectSameAsNaive({{0, kind, 3, rows, cols, cols, 1, 0, 0, panel, 0}}, source, words);
          expectSameAsNaive({{0, kind, 3, rows, cols, 1, rows, 0, 0, panel, 0}}, source, words);
        }
}

/// The constants are the source, whose end is the balance.
TEST(Pack, BalancedPanels) {
  for (int64_t rows : {1, 33})
    for (int64_t cols : {1, 5, 40, 64}) {
      auto source = mixed(rows * cols + cols);
      for (int64_t k = 0; k < cols; ++k)
        source[static_cast<size_t>(rows * cols + k)] = static_cast<float>(k % 7 + 1) / 4;
      const size_t words = static_cast<size_t>((rows + 15) / 16 * 16 * (cols + 2));
      for (int64_t stride : {cols, int64_t{1}})
        expectSameAsNaive({{0, ATTNC_PACK_PANEL_I8_BALANCED, 0, rows, cols, stride, stride == cols ? 1 : rows, 0, 0, 16,
                            rows * cols}},
                          source, words);
    }
}

TEST(Pack, RoundedPiecesOfOnePackedMatrix) {
  for (attnc_pack_kind kind : {ATTNC_PACK_PANEL_BF16, ATTNC_PACK_PANEL_I8}) {
    const int64_t cols = 19;
    const auto source = mixed(55 * cols);
    expectSameAsNaive({{0, kind, 0, 5, cols, cols, 1, 64, 0, 32, 0},
                       {0, kind, 5 * cols, 41, cols, cols, 1, 64, 5, 32, 0},
                       {0, kind, 46 * cols, 9, cols, cols, 1, 64, 46, 32, 0}},
                      source, 64 * (cols + 2));
  }
}

float fromBits(uint32_t bits) {
  float value;
  memcpy(&value, &bits, sizeof value);
  return value;
}

TEST(Pack, BfloatOfEveryKindOfValue) {
  struct Case {
    uint32_t bits;
    uint16_t want;
  } cases[] = {{0x00000000, 0x0000}, {0x80000000, 0x8000}, {0x3F808000, 0x3F80}, {0x3F818000, 0x3F82},
               {0x3F808001, 0x3F81}, {0x3F807FFF, 0x3F80}, {0x7F7FFFFF, 0x7F80}, {0xFF7FFFFF, 0xFF80},
               {0x7F800000, 0x7F80}, {0xFF800000, 0xFF80}, {0x7F800001, 0x7FC0}, {0xFFC00000, 0xFFC0},
               {0x00000001, 0x0000}, {0x00008001, 0x0001}, {0x007FFFFF, 0x0080}, {0x00018000, 0x0002}};
  for (const Case &test : cases) {
    const float source = fromBits(test.bits);
    Aligned image(64);
    const void *data[] = {&source};
    const attnc_pack_step step = {0, ATTNC_PACK_PANEL_BF16, 0, 1, 1, 1, 1, 0, 0, 16, 0};
    packWeights(&step, 1, data, nullptr, image.data());
    uint16_t found;
    memcpy(&found, image.data(), sizeof found);
    EXPECT_EQ(found, test.want) << std::hex << test.bits;
  }
}

TEST(Pack, ScalesOfRowsWithoutAMagnitude) {
  // Zeros, a magnitude below 2^-100, one at it, an infinity, a NaN.
  const float infinity = fromBits(0x7F800000), nan = fromBits(0x7F800001);
  const std::vector<float> source = {0, -0.0f, 0x1p-101f, 0, 0x1p-100f, 0, 1, -infinity, nan, 1};
  Aligned image(16 * 3 * 4);
  const void *data[] = {source.data()};
  const attnc_pack_step step = {0, ATTNC_PACK_PANEL_I8, 0, 5, 2, 2, 1, 0, 0, 16, 0};
  packWeights(&step, 1, data, nullptr, image.data());
  const auto *integers = reinterpret_cast<const int8_t *>(image.data());
  const auto *scales = reinterpret_cast<const float *>(image.data() + 16 * 4);
  const int8_t want[5] = {0, 0, 127, 0, 0};
  for (int i = 0; i < 5; ++i)
    EXPECT_EQ(integers[i * 4], want[i]) << i;
  EXPECT_EQ(scales[0], 0);
  EXPECT_EQ(scales[1], 0);
  EXPECT_EQ(scales[2], 0x1p-100f / 127 / 2); // Two columns are rotated.
  EXPECT_TRUE(std::isnan(scales[3]));
  EXPECT_TRUE(std::isnan(scales[4]));
}

TEST(Pack, SpeedIsPrinted) {
  // Rows 12 KiB apart, so the lines of a panel fall into few sets of the cache, as in the second matrix of a BERT
  // layer.
  const int64_t rows = 3072, cols = 3072, panel = 32;
  const auto source = numbered(rows * cols);
  Aligned image(static_cast<size_t>(rows * cols) * sizeof(float));
  const void *data[] = {source.data()};
  const attnc_pack_step step = {0, ATTNC_PACK_PANEL, 0, rows, cols, cols, 1, 0, 0, panel, 0};
  const auto begin = std::chrono::steady_clock::now();
  packWeights(&step, 1, data, nullptr, image.data());
  const std::chrono::duration<double> time = std::chrono::steady_clock::now() - begin;
  printf("packing %zu MB into panels of %d: %.0f ms\n", image.size() >> 20, static_cast<int>(panel),
         time.count() * 1e3);
}

} // namespace
