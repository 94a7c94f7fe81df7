// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime/Pack.h"

#include <cstring>

namespace attnc::rt {
namespace {

constexpr int64_t kElement = 4; // bytes of an f32

// Weights come from mapped files, where nothing promises the alignment of a float.
inline void copyElement(uint8_t *to, const uint8_t *from) { memcpy(to, from, kElement); }

int64_t smaller(int64_t a, int64_t b) { return a < b ? a : b; }

/// Rows [begin, end) of the source that lie in one panel, from column `lane` of the panel on.
struct Run {
  const attnc_pack_step &step;
  const uint8_t *source;
  const uint8_t *balance; ///< Of each k; null where there is none.
  int64_t begin, end, lane;

  const uint8_t *element(int64_t n, int64_t k) const {
    return source + (n * step.stride_row + k * step.stride_col) * kElement;
  }
};

/// Calls visit(column of the panel, k, element) for a run's elements, 8 rows x 16 columns at a time: the columns are
/// one cache line of a contiguous source, and 8 rows are what an L1 of 8 ways keeps when the stride is a multiple of 4
/// KiB.
template <typename Visit> void forEachElement(const Run &run, Visit visit) {
  constexpr int64_t rowBlock = 8, colBlock = 16;
  for (int64_t col = 0; col < run.step.cols; col += colBlock) {
    const int64_t colEnd = smaller(col + colBlock, run.step.cols);
    for (int64_t row = run.begin; row < run.end; row += rowBlock) {
      const int64_t rowEnd = smaller(row + rowBlock, run.end);
      for (int64_t k = col; k < colEnd; ++k)
        for (int64_t n = row; n < rowEnd; ++n)
          visit(run.lane + n - run.begin, k, run.element(n, k));
    }
  }
}

/// f32. Where the source's rows are contiguous, each column of the panel is one piece of memory.
void packFloats(const Run &run, uint8_t *panel) {
  const int64_t width = run.step.panel;
  if (run.step.stride_row != 1)
    return forEachElement(run, [&](int64_t column, int64_t k, const uint8_t *from) {
      copyElement(panel + (k * width + column) * kElement, from);
    });
  for (int64_t k = 0; k < run.step.cols; ++k)
    memcpy(panel + (k * width + run.lane) * kElement, run.element(run.begin, k),
           static_cast<size_t>((run.end - run.begin) * kElement));
}

uint32_t bitsOf(const uint8_t *element) {
  uint32_t bits;
  memcpy(&bits, element, sizeof bits);
  return bits;
}

/// The upper half of the nearest bfloat16, ties to even; NaN stays NaN, quiet.
uint16_t bfloatOf(uint32_t bits) {
  if ((bits & 0x7FFFFFFFu) > 0x7F800000u)
    return static_cast<uint16_t>(bits >> 16 | 0x40);
  return static_cast<uint16_t>((bits + 0x7FFF + (bits >> 16 & 1)) >> 16);
}

void packBfloats(const Run &run, uint8_t *panel) {
  const int64_t width = run.step.panel;
  forEachElement(run, [&](int64_t column, int64_t k, const uint8_t *from) {
    const uint16_t value = bfloatOf(bitsOf(from));
    memcpy(panel + (k / 2 * width + column) * 4 + k % 2 * 2, &value, sizeof value);
  });
}

constexpr int64_t kMostMixed = 64; ///< Elements that one element of a rotated column is a sum of.

float valueOf(const uint8_t *element) {
  float value;
  memcpy(&value, element, sizeof value);
  return value;
}

/// Multiplies `count` values, `stride` apart, by Sylvester's Hadamard matrix.
void multiplyByHadamard(float *values, int64_t count, int64_t stride) {
  for (int64_t half = count / 2; half > 0; half /= 2)
    for (int64_t i = 0; i < count; ++i)
      if (!(i & half)) {
        float &low = values[i * stride], &high = values[(i + half) * stride];
        const float sum = low + high;
        high = low - high;
        low = sum;
      }
}

/// The rotation of columns of `cols` elements, which runtime.h defines: [wide][inner][narrow].
struct Rotation {
  int64_t wide = 1, inner, narrow = 1;

  explicit Rotation(int64_t cols) : inner(cols) {
    for (; narrow < 4 && inner % 2 == 0 && inner > 0; inner /= 2)
      narrow *= 2;
    for (; wide < 16 && inner % 2 == 0 && inner > 0; inner /= 2)
      wide *= 2;
  }
  int64_t order() const { return wide * narrow; }
};

/// Element k of a column as it is rotated.
float balanced(const Run &run, int64_t n, int64_t k) {
  const float value = valueOf(run.element(n, k));
  return run.balance ? value / valueOf(run.balance + k * kElement) : value;
}

/// Calls visit(column of the panel, k, value) for element k of each of the run's rotated columns.
template <typename Visit> void forEachRotated(const Run &run, const Rotation &rotation, Visit visit) {
  constexpr int64_t rowBlock = 16;
  const int64_t wide = rotation.wide, inner = rotation.inner, narrow = rotation.narrow;
  float values[kMostMixed];
  for (int64_t row = run.begin; row < run.end; row += rowBlock)
    for (int64_t i = 0; i < inner; ++i)
      for (int64_t n = row; n < smaller(row + rowBlock, run.end); ++n) {
        for (int64_t w = 0; w < wide; ++w)
          for (int64_t j = 0; j < narrow; ++j)
            values[w * narrow + j] = balanced(run, n, (w * inner + i) * narrow + j);
        for (int64_t j = 0; j < narrow; ++j)
          multiplyByHadamard(values + j, wide, narrow);
        for (int64_t w = 0; w < wide; ++w)
          multiplyByHadamard(values + w * narrow, narrow, 1);
        for (int64_t w = 0; w < wide; ++w)
          for (int64_t j = 0; j < narrow; ++j)
            visit(run.lane + n - run.begin, (w * inner + i) * narrow + j, values[w * narrow + j]);
      }
}

/// One column of an int8 panel.
struct ColumnScale {
  uint32_t largest = 0; ///< Bits of the largest magnitude: they are in its order, NaN above infinity.
  float factor = 0, scale = 0;
  int32_t sum = 0;

  void finish(int64_t order) {
    float magnitude;
    memcpy(&magnitude, &largest, sizeof magnitude);
    if (largest >= 0x7F800000u) {
      const uint32_t nan = 0x7FC00000u;
      memcpy(&scale, &nan, sizeof scale);
    } else if (magnitude >= 0x1p-100f) {
      factor = 127 / magnitude;
      scale = magnitude / 127 / static_cast<float>(order);
    }
  }

  int8_t quantize(float value) {
    if (factor == 0)
      return 0;
    // The product is exact in a double, and adding 1.5 * 2^52 rounds it to an integer.
    constexpr double whole = 0x1.8p52;
    const auto integer = static_cast<int8_t>(static_cast<double>(value) * factor + whole - whole);
    sum += integer;
    return integer;
  }
};

constexpr int64_t kMostColumns = 64; ///< Of an int8 panel that are packed at once.

void packIntegers(const Run &run, uint8_t *panel) {
  const int64_t width = run.step.panel, steps = (run.step.cols + 3) / 4;
  ColumnScale columns[kMostColumns];
  const Rotation rotation(run.step.cols);
  forEachRotated(run, rotation, [&](int64_t column, int64_t, float value) {
    uint32_t magnitude, &largest = columns[column - run.lane].largest;
    memcpy(&magnitude, &value, sizeof magnitude);
    magnitude &= 0x7FFFFFFFu;
    largest = magnitude > largest ? magnitude : largest;
  });
  for (ColumnScale &column : columns)
    column.finish(rotation.order());
  forEachRotated(run, rotation, [&](int64_t column, int64_t k, float rotated) {
    const int8_t value = columns[column - run.lane].quantize(rotated);
    memcpy(panel + (k / 4 * width + column) * 4 + k % 4, &value, sizeof value);
  });
  for (int64_t column = run.lane; column < run.lane + run.end - run.begin; ++column) {
    const ColumnScale &found = columns[column - run.lane];
    const int32_t offset = -128 * found.sum;
    memcpy(panel + (steps * width + column) * 4, &found.scale, sizeof found.scale);
    memcpy(panel + ((steps + 1) * width + column) * 4, &offset, sizeof offset);
  }
}

/// How a kind of panel is packed.
struct PanelKind {
  int64_t elementsPerWord; ///< k of one column that share four bytes.
  int64_t columnWords;     ///< Of each column, behind its elements.
  void (*pack)(const Run &run, uint8_t *panel);
};

PanelKind panelKindOf(attnc_pack_kind kind) {
  if (kind == ATTNC_PACK_PANEL_BF16)
    return {2, 0, packBfloats};
  if (kind == ATTNC_PACK_PANEL_I8 || kind == ATTNC_PACK_PANEL_I8_BALANCED)
    return {4, 2, packIntegers};
  return {1, 0, packFloats};
}

void packPanels(const attnc_pack_step &step, const uint8_t *source, const uint8_t *balance, uint8_t *destination) {
  const PanelKind kind = panelKindOf(step.kind);
  const auto size = static_cast<int64_t>(panelBytes(step));
  for (int64_t begin = 0; begin < step.rows;) {
    const int64_t packedRow = step.first + begin, lane = packedRow % step.panel;
    const int64_t end = smaller(begin + smaller(step.panel - lane, kMostColumns), step.rows);
    kind.pack({step, source, balance, begin, end, lane}, destination + packedRow / step.panel * size);
    begin = end;
  }
}

} // namespace

uint64_t panelBytes(const attnc_pack_step &step) {
  const PanelKind kind = panelKindOf(step.kind);
  const int64_t words = (step.cols + kind.elementsPerWord - 1) / kind.elementsPerWord + kind.columnWords;
  return static_cast<uint64_t>(words * step.panel * 4);
}

void packWeights(const attnc_pack_step *steps, int32_t count, const void *const *weightData, const void *constants,
                 uint8_t *image) {
  for (int32_t i = 0; i < count; ++i) {
    const attnc_pack_step &step = steps[i];
    const void *data = step.weight < 0 ? constants : weightData[step.weight];
    const uint8_t *source = static_cast<const uint8_t *>(data) + step.src_offset * kElement;
    const uint8_t *balance = step.kind == ATTNC_PACK_PANEL_I8_BALANCED
                                 ? static_cast<const uint8_t *>(constants) + step.balance * kElement
                                 : nullptr;
    if (step.kind != ATTNC_PACK_COPY)
      packPanels(step, source, balance, image + step.dst);
    else if (step.rows > 0 && step.cols > 0)
      memcpy(image + step.dst, source, static_cast<size_t>(step.rows * step.cols * kElement));
  }
}

} // namespace attnc::rt
