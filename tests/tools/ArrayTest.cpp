// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "tools/run/Array.h"

#include <gtest/gtest.h>

#include <cstring>

namespace attnc {
namespace {

template <typename T> Array arrayOf(attnc_dtype dtype, const std::vector<T> &values) {
  Array array{"x", dtype, {static_cast<int64_t>(values.size())}, AlignedBytes(values.size() * sizeof(T))};
  std::memcpy(array.data.data(), values.data(), values.size() * sizeof(T));
  return array;
}

TEST(Array, KeepsIntegersThatFit) {
  Array array = arrayOf<int64_t>(ATTNC_I64, {-2147483648LL, 0, 2147483647LL});
  std::string error;
  ASSERT_TRUE(convertTo(ATTNC_I32, false, array, error)) << error;
  EXPECT_EQ(array.dtype, ATTNC_I32);
  EXPECT_EQ(array.as<int32_t>()[0], -2147483647 - 1);
  EXPECT_EQ(array.as<int32_t>()[2], 2147483647);
  ASSERT_TRUE(convertTo(ATTNC_I64, false, array, error)) << error;
  EXPECT_EQ(array.as<int64_t>()[0], -2147483648LL);
}

TEST(Array, RefusesIntegersThatDoNotFit) {
  Array array = arrayOf<int64_t>(ATTNC_I64, {0, 1, 2147483648LL, 7});
  array.shape = {2, 2};
  std::string error;
  EXPECT_FALSE(convertTo(ATTNC_I32, false, array, error));
  EXPECT_EQ(error, "is i64, but the model takes i32: value 2147483648 at [1, 0] is not a value of i32");
  EXPECT_EQ(array.dtype, ATTNC_I64);
}

TEST(Array, MakesBoolOfZeroAndOneOnly) {
  std::string error;
  Array array = arrayOf<int32_t>(ATTNC_I32, {0, 1});
  ASSERT_TRUE(convertTo(ATTNC_BOOL, false, array, error)) << error;
  EXPECT_EQ(array.as<uint8_t>()[1], 1);
  array = arrayOf<uint8_t>(ATTNC_U8, {0, 2});
  EXPECT_FALSE(convertTo(ATTNC_BOOL, false, array, error));
  EXPECT_EQ(error, "is u8, but the model takes bool: value 2 at [1] is not a value of bool");
  array = arrayOf<uint8_t>(ATTNC_BOOL, {1, 0});
  ASSERT_TRUE(convertTo(ATTNC_I64, false, array, error)) << error;
  EXPECT_EQ(array.as<int64_t>()[0], 1);
}

TEST(Array, WidensHalves) {
  std::string error;
  Array array = arrayOf<uint16_t>(ATTNC_F16, {0x3C00, 0x0001});
  ASSERT_TRUE(convertTo(ATTNC_F32, false, array, error)) << error;
  EXPECT_EQ(array.as<float>()[0], 1.0f);
  EXPECT_EQ(array.as<float>()[1], 0x1p-24f);
  array = arrayOf<uint16_t>(ATTNC_BF16, {0x4049});
  ASSERT_TRUE(convertTo(ATTNC_F32, false, array, error)) << error;
  EXPECT_EQ(array.as<float>()[0], 3.140625f);
}

TEST(Array, RoundsDoublesWhenAsked) {
  std::string error;
  Array array = arrayOf<double>(ATTNC_F64, {0.1});
  EXPECT_FALSE(convertTo(ATTNC_F32, false, array, error));
  EXPECT_EQ(error, "is f64, but the model takes f32; save it as float32, or round it with --convert");
  ASSERT_TRUE(convertTo(ATTNC_F32, true, array, error)) << error;
  EXPECT_EQ(array.as<float>()[0], 0.1f);
}

TEST(Array, RefusesToMixIntegersAndReals) {
  std::string error;
  Array array = arrayOf<int32_t>(ATTNC_I32, {1});
  EXPECT_FALSE(convertTo(ATTNC_F32, true, array, error));
  EXPECT_EQ(error, "is i32, but the model takes f32");
  array = arrayOf<float>(ATTNC_F32, {1});
  EXPECT_FALSE(convertTo(ATTNC_I64, true, array, error));
  EXPECT_EQ(error, "is f32, but the model takes i64");
}

TEST(Array, ChecksSizes) {
  EXPECT_EQ(byteSize(ATTNC_F32, {2, 3}), 24u);
  EXPECT_EQ(byteSize(ATTNC_F32, {}), 4u);
  EXPECT_EQ(byteSize(ATTNC_F32, {int64_t(1) << 62, 0, int64_t(1) << 62}), 0u);
  EXPECT_EQ(byteSize(ATTNC_F32, {int64_t(1) << 32, int64_t(1) << 32}), std::nullopt); // wraps to 0
  EXPECT_EQ(byteSize(ATTNC_F32, {int64_t(1) << 62}), std::nullopt);
  EXPECT_EQ(byteSize(ATTNC_F32, {-1}), std::nullopt);
}

TEST(Array, AlignsItsData) {
  for (size_t size : {0, 1, 63, 4097})
    EXPECT_EQ(reinterpret_cast<uintptr_t>(AlignedBytes(size).data()) % ATTNC_ALIGNMENT, 0u);
}

} // namespace
} // namespace attnc
