// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "tools/run/Array.h"

#include "frontend/WeightStore.h"

#include <cstring>
#include <limits>
#include <new>

namespace attnc {

AlignedBytes::AlignedBytes(size_t size) : bytes(size) {
  void *pointer = nullptr;
  if (posix_memalign(&pointer, ATTNC_ALIGNMENT, size ? size : 1) != 0)
    throw std::bad_alloc();
  memory.reset(static_cast<uint8_t *>(pointer));
  std::memset(pointer, 0, size);
}

const char *dtypeText(attnc_dtype dtype) {
  switch (dtype) {
  case ATTNC_F32:
    return "f32";
  case ATTNC_I32:
    return "i32";
  case ATTNC_I64:
    return "i64";
  case ATTNC_BOOL:
    return "bool";
  case ATTNC_F64:
    return "f64";
  case ATTNC_F16:
    return "f16";
  case ATTNC_BF16:
    return "bf16";
  case ATTNC_I8:
    return "i8";
  case ATTNC_U8:
    return "u8";
  }
  return "unknown";
}

std::string shapeText(const std::vector<int64_t> &shape) {
  std::string text;
  for (int64_t extent : shape)
    text += (text.empty() ? "" : ", ") + (extent == -1 ? "batch" : std::to_string(extent));
  return "[" + text + "]";
}

std::optional<size_t> byteSize(attnc_dtype dtype, const std::vector<int64_t> &shape) {
  size_t bytes = attnc_dtype_size(dtype);
  bool empty = false, tooLarge = false;
  for (int64_t extent : shape) {
    if (extent < 0)
      return std::nullopt;
    empty |= extent == 0;
    tooLarge |= __builtin_mul_overflow(bytes, static_cast<size_t>(extent), &bytes);
  }
  if (tooLarge && !empty)
    return std::nullopt;
  return empty ? 0 : bytes;
}

namespace {

std::string positionText(size_t flat, const std::vector<int64_t> &shape) {
  std::vector<int64_t> position(shape.size());
  for (size_t axis = shape.size(); axis-- > 0; flat /= static_cast<size_t>(shape[axis]))
    position[axis] = static_cast<int64_t>(flat % static_cast<size_t>(shape[axis]));
  return shapeText(position);
}

bool isInteger(attnc_dtype dtype) {
  return dtype == ATTNC_I32 || dtype == ATTNC_I64 || dtype == ATTNC_I8 || dtype == ATTNC_U8 || dtype == ATTNC_BOOL;
}

int64_t integerAt(const Array &array, size_t index) {
  switch (array.dtype) {
  case ATTNC_I32:
    return array.as<int32_t>()[index];
  case ATTNC_I64:
    return array.as<int64_t>()[index];
  case ATTNC_I8:
    return array.as<int8_t>()[index];
  case ATTNC_BOOL:
    return array.as<uint8_t>()[index] != 0;
  default:
    return array.as<uint8_t>()[index];
  }
}

template <typename T>
bool convertIntegers(const Array &from, Array &to, int64_t lowest, int64_t highest, std::string &error) {
  const size_t count = from.elements();
  for (size_t i = 0; i < count; ++i) {
    const int64_t value = integerAt(from, i);
    if (value < lowest || value > highest) {
      error = "value " + std::to_string(value) + " at " + positionText(i, from.shape) + " is not a value of " +
              dtypeText(to.dtype);
      return false;
    }
    to.as<T>()[i] = static_cast<T>(value);
  }
  return true;
}

template <typename T> bool convertIntegers(const Array &from, Array &to, std::string &error) {
  return convertIntegers<T>(from, to, std::numeric_limits<T>::min(), std::numeric_limits<T>::max(), error);
}

bool convertIntegers(const Array &from, Array &to, std::string &error) {
  switch (to.dtype) {
  case ATTNC_I32:
    return convertIntegers<int32_t>(from, to, error);
  case ATTNC_I64:
    return convertIntegers<int64_t>(from, to, error);
  case ATTNC_I8:
    return convertIntegers<int8_t>(from, to, error);
  case ATTNC_BOOL:
    return convertIntegers<uint8_t>(from, to, 0, 1, error);
  default:
    return convertIntegers<uint8_t>(from, to, error);
  }
}

void convertToFloats(const Array &from, Array &to) {
  const size_t count = from.elements();
  for (size_t i = 0; i < count; ++i)
    to.as<float>()[i] = from.dtype == ATTNC_F16    ? floatFromHalf(from.as<uint16_t>()[i])
                        : from.dtype == ATTNC_BF16 ? floatFromBfloat(from.as<uint16_t>()[i])
                                                   : static_cast<float>(from.as<double>()[i]);
}

} // namespace

bool convertTo(attnc_dtype dtype, bool round, Array &array, std::string &error) {
  if (array.dtype == dtype)
    return true;
  const bool floats = dtype == ATTNC_F32 &&
                      (array.dtype == ATTNC_F16 || array.dtype == ATTNC_BF16 || (array.dtype == ATTNC_F64 && round));
  const bool integers = isInteger(dtype) && isInteger(array.dtype);
  if (!floats && !integers) {
    error = std::string("is ") + dtypeText(array.dtype) + ", but the model takes " + dtypeText(dtype);
    if (dtype == ATTNC_F32 && array.dtype == ATTNC_F64)
      error += "; save it as float32, or round it with --convert";
    return false;
  }
  Array result{array.name, dtype, array.shape, AlignedBytes(array.elements() * attnc_dtype_size(dtype))};
  if (integers && !convertIntegers(array, result, error)) {
    error = std::string("is ") + dtypeText(array.dtype) + ", but the model takes " + dtypeText(dtype) + ": " + error;
    return false;
  }
  if (floats)
    convertToFloats(array, result);
  array = std::move(result);
  return true;
}

} // namespace attnc
