// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Kernels touch nothing beside their buffers. Every run of this suite is between guard pages (Kernel.h); here every
// placement and every offset to a vector's alignment is tried on every kind of kernel.

#include "tests/codegen/Kernel.h"
#include "tests/codegen/Models.h"
#include "tests/codegen/NumericPolicy.h"

namespace attnc::test {
namespace {

void checkEveryPlacement(const Model &model, int64_t batch, int64_t blockKeys = -1) {
  for (const char *cpu : {"x86-64-v3", "x86-64-v4"}) {
    if (!canRun(cpu))
      continue;
    CompileOptions options;
    options.cpu = cpu;
    options.blockKeys = blockKeys;
    const Kernel kernel(model, options);
    const Data data = randomData(model, batch);
    const std::vector<Array> expected = kernel.run(data);
    for (Placement placement : {Placement::AtEnd, Placement::AtBegin})
      for (size_t offset = 0; offset < 64; offset += 4) {
        const std::vector<Array> results = kernel.run(data, {static_cast<int>(1 + offset / 4 % 3), placement, offset});
        for (size_t i = 0; i < results.size(); ++i)
          EXPECT_TRUE(haveSameBits(expected[i], results[i])) << cpu << ", offset " << offset;
      }
  }
}

TEST(Memory, Encoder) { checkEveryPlacement(encoderModel(7, 24, 3, 33), 3); }
TEST(Memory, MatmulOfOddExtents) { checkEveryPlacement(matmulModel({7, 33, 5, "residual"}), 1); }
/// 7 panels and nothing behind them, where a tile of AVX-512 reads two.
TEST(Memory, MatmulOfAnOddNumberOfPanels) {
  for (const char *precision : {"f32", "bf16", "int8"}) {
    MatmulCase c{30, 112, 64, "none"};
    c.precision = precision;
    checkEveryPlacement(matmulModel(c), 1);
  }
}
TEST(Memory, MatmulWithNorm) { checkEveryPlacement(matmulModel({29, 19, 3, "residual_layernorm"}), 1); }
TEST(Memory, AttentionOfOddExtents) {
  checkEveryPlacement(attentionModel({kBatch, 3, 5, 7, 3, 5, Mask::KeysAndBias}), 2);
}
TEST(Memory, AttentionInBlocks) {
  AttentionCase c{kBatch, 3, 21, 39, 3, 5, Mask::KeysAndBias};
  checkEveryPlacement(attentionModel(c), 2, 16);
  c.causal = true;
  c.window = 20;
  checkEveryPlacement(attentionModel(c), 2, 16);
}
TEST(Memory, AttentionOfWholeTiles) {
  checkEveryPlacement(attentionModel({kBatch, 1, 16, 32, 16, 32, Mask::Everything}), 2);
}
TEST(Memory, AttentionOfOneElement) { checkEveryPlacement(attentionModel({kBatch, 1, 1, 1, 1, 1, Mask::Keys}), 1); }

TEST(Memory, RowsAndCopies) {
  ModelWriter w;
  const Value x = w.input("x", {kBatch, 5, 19}), tokens = w.input("tokens", {kBatch, 5}, DType::i64);
  const Value table = w.weight("table", {2, 19});
  const Value blocked = w.op("attn.is_zero " + tokens.name, {tokens}, tokens.shape, DType::i1);
  const Value rows = w.op("attn.embedding " + table.name + ", " + tokens.name, {table, tokens}, x.shape);
  const Value moved = w.op("attn.transpose " + x.name + " {permutation = array<i64: 0, 2, 1>}", {x}, {kBatch, 19, 5});
  const Value joined = w.op("attn.concat " + x.name + ", " + rows.name + " {axis = 2}", {x, rows}, {kBatch, 5, 38});
  const Value mean = w.op("attn.pool max " + x.name + " blocked " + blocked.name, {x, blocked}, {kBatch, 19});
  const Value softmax = w.op("attn.softmax " + x.name + " {axis = 2}", {x}, x.shape);
  checkEveryPlacement(w.finish({w.layerNorm(w.add(x, rows), "norm"), moved, joined, mean, softmax}), 3);
}

using GuardedBufferDeathTest = testing::Test;

TEST(GuardedBufferDeathTest, AccessesBesideItEndTheProgram) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  const GuardedBuffer atEnd(20, 4, Placement::AtEnd), atBegin(20, 4, Placement::AtBegin);
  EXPECT_DEATH(const_cast<volatile uint8_t *>(atEnd.data())[20] = 1, "");
  EXPECT_DEATH(const_cast<volatile uint8_t *>(atBegin.data())[-1] = 1, "");
  GuardedBuffer readOnly(20, 4, Placement::AtEnd);
  readOnly.makeReadOnly();
  EXPECT_DEATH(const_cast<volatile uint8_t *>(readOnly.data())[0] = 1, "");
}

TEST(GuardedBuffer, NoticesWritesBesideIt) {
  const GuardedBuffer buffer(20, 4, Placement::AtEnd);
  buffer.data()[0] = buffer.data()[19] = 1;
  EXPECT_TRUE(buffer.surroundingsUntouched());
  buffer.data()[-1] = 1;
  EXPECT_FALSE(buffer.surroundingsUntouched());
}

} // namespace
} // namespace attnc::test
