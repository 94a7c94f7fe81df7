// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime/Pack.h"

#include <cstring>

namespace attnc::rt {
namespace {

constexpr int64_t kElement = 4; // bytes of an f32

// Weights come from mapped files, where nothing promises the alignment of a float.
inline void copyElement(uint8_t *to, const uint8_t *from) { memcpy(to, from, kElement); }

int64_t smaller(int64_t a, int64_t b) { return a < b ? a : b; }

/// Rows [begin, end) of the source, all inside one panel, where the source's columns are contiguous or strided.
/// 8 rows x 16 columns at a time: the columns are one cache line of a contiguous source, and 8 rows are what an L1 of 8
/// ways keeps when the stride is a multiple of 4 KiB.
void transposePanel(const attnc_pack_step &step, const uint8_t *source, int64_t begin, int64_t end, uint8_t *to) {
  constexpr int64_t rowBlock = 8, colBlock = 16;
  for (int64_t col = 0; col < step.cols; col += colBlock) {
    const int64_t colEnd = smaller(col + colBlock, step.cols);
    for (int64_t row = begin; row < end; row += rowBlock) {
      const int64_t rowEnd = smaller(row + rowBlock, end);
      for (int64_t k = col; k < colEnd; ++k)
        for (int64_t n = row; n < rowEnd; ++n)
          copyElement(to + (k * step.panel + n - begin) * kElement,
                      source + (n * step.stride_row + k * step.stride_col) * kElement);
    }
  }
}

/// The same where the source's rows are contiguous: each column of the panel is one piece of memory.
void copyPanel(const attnc_pack_step &step, const uint8_t *source, int64_t begin, int64_t end, uint8_t *to) {
  for (int64_t k = 0; k < step.cols; ++k)
    memcpy(to + k * step.panel * kElement, source + (begin + k * step.stride_col) * kElement,
           static_cast<size_t>((end - begin) * kElement));
}

void packPanels(const attnc_pack_step &step, const uint8_t *source, uint8_t *destination) {
  for (int64_t begin = 0; begin < step.rows;) {
    const int64_t packedRow = step.first + begin, lane = packedRow % step.panel;
    const int64_t end = smaller(begin + step.panel - lane, step.rows);
    uint8_t *to = destination + (packedRow / step.panel * step.cols * step.panel + lane) * kElement;
    if (step.stride_row == 1)
      copyPanel(step, source, begin, end, to);
    else
      transposePanel(step, source, begin, end, to);
    begin = end;
  }
}

} // namespace

void packWeights(const attnc_pack_step *steps, int32_t count, const void *const *weightData, const void *constants,
                 uint8_t *image) {
  for (int32_t i = 0; i < count; ++i) {
    const attnc_pack_step &step = steps[i];
    const void *data = step.weight < 0 ? constants : weightData[step.weight];
    const uint8_t *source = static_cast<const uint8_t *>(data) + step.src_offset * kElement;
    if (step.kind == ATTNC_PACK_PANEL)
      packPanels(step, source, image + step.dst);
    else if (step.rows > 0 && step.cols > 0)
      memcpy(image + step.dst, source, static_cast<size_t>(step.rows * step.cols * kElement));
  }
}

} // namespace attnc::rt
