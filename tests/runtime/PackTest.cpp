// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Pack steps against their definition in runtime.h, element by element.
#include "runtime/Pack.h"
#include "TestModel.h"

#include <gtest/gtest.h>

#include <chrono>
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

/// The definition, without regard to speed.
void packNaively(const attnc_pack_step &step, const float *source, float *image) {
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
  expectSameAsNaive({{0, ATTNC_PACK_COPY, 0, 3, 7, 7, 1, 0, 0, 0}, {-1, ATTNC_PACK_COPY, 5, 1, 100, 100, 1, 128, 0, 0}},
                    source, 200);
}

TEST(Pack, CopyOfNothing) {
  const void *data[] = {nullptr};
  uint8_t image[4] = {1, 2, 3, 4};
  const attnc_pack_step steps[] = {{0, ATTNC_PACK_COPY, 0, 0, 7, 7, 1, 0, 0, 0},
                                   {0, ATTNC_PACK_PANEL, 0, 0, 7, 7, 1, 0, 0, 8}};
  packWeights(steps, 2, data, nullptr, image);
  EXPECT_EQ(image[0], 1);
}

TEST(Pack, PanelOfOddSizesBothLayouts) {
  for (int64_t panel : {1, 3, 8, 16, 32})
    for (int64_t rows : {1, 2, 7, 8, 9, 16, 31, 32, 33, 70})
      for (int64_t cols : {1, 15, 16, 17, 40}) {
        const auto source = numbered(rows * cols + 3);
        const size_t floats = static_cast<size_t>((rows + panel - 1) / panel * panel * cols);
        expectSameAsNaive({{0, ATTNC_PACK_PANEL, 3, rows, cols, cols, 1, 0, 0, panel}}, source, floats);
        expectSameAsNaive({{0, ATTNC_PACK_PANEL, 3, rows, cols, 1, rows, 0, 0, panel}}, source, floats);
      }
}

TEST(Pack, PanelWithStridesOfALargerMatrix) {
  const auto source = numbered(60 * 50);
  expectSameAsNaive({{0, ATTNC_PACK_PANEL, 107, 21, 13, 50, 2, 0, 0, 8}}, source, 24 * 13);
  expectSameAsNaive({{0, ATTNC_PACK_PANEL, 107, 21, 13, 2, 60, 0, 0, 8}}, source, 24 * 13);
}

TEST(Pack, PiecesOfOnePackedMatrix) {
  // Query, key and value of 5, 11 and 9 rows side by side; no piece begins or ends at a panel.
  const int64_t cols = 19, panel = 8;
  const auto source = numbered(25 * cols);
  expectSameAsNaive({{0, ATTNC_PACK_PANEL, 0, 5, cols, cols, 1, 0, 0, panel},
                     {0, ATTNC_PACK_PANEL, 5 * cols, 11, cols, cols, 1, 0, 5, panel},
                     {0, ATTNC_PACK_PANEL, 16 * cols, 9, cols, cols, 1, 0, 16, panel}},
                    source, 32 * cols);
}

TEST(Pack, PaddingStaysAsItIs) {
  const auto source = numbered(3 * 2);
  Aligned image(8 * 2 * sizeof(float));
  const void *data[] = {source.data()};
  const attnc_pack_step step = {0, ATTNC_PACK_PANEL, 0, 3, 2, 2, 1, 0, 0, 8};
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
  const attnc_pack_step step = {0, ATTNC_PACK_PANEL, 0, 33, 17, 17, 1, 0, 0, 8};
  const void *odd[] = {bytes.data() + 3}, *even[] = {source.data()};
  packWeights(&step, 1, odd, nullptr, image.data());
  packWeights(&step, 1, even, nullptr, want.data());
  EXPECT_EQ(memcmp(image.data(), want.data(), want.size()), 0);
}

TEST(Pack, SpeedIsPrinted) {
  // Rows 12 KiB apart, so the lines of a panel fall into few sets of the cache, as in the second matrix of a BERT
  // layer.
  const int64_t rows = 3072, cols = 3072, panel = 32;
  const auto source = numbered(rows * cols);
  Aligned image(static_cast<size_t>(rows * cols) * sizeof(float));
  const void *data[] = {source.data()};
  const attnc_pack_step step = {0, ATTNC_PACK_PANEL, 0, rows, cols, cols, 1, 0, 0, panel};
  const auto begin = std::chrono::steady_clock::now();
  packWeights(&step, 1, data, nullptr, image.data());
  const std::chrono::duration<double> time = std::chrono::steady_clock::now() - begin;
  printf("packing %zu MB into panels of %d: %.0f ms\n", image.size() >> 20, static_cast<int>(panel),
         time.count() * 1e3);
}

} // namespace
