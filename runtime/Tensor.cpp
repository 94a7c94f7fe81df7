// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime/Tensor.h"

#include <cinttypes>
#include <cstdio>

namespace attnc::rt {
namespace {

struct DtypeRow {
  const char *name;
  size_t size;
};

// Indexed by attnc_dtype.
const DtypeRow kDtypes[] = {{"f32", 4}, {"i32", 4},  {"i64", 8}, {"bool", 1}, {"f64", 8},
                            {"f16", 2}, {"bf16", 2}, {"i8", 1},  {"u8", 1}};

const DtypeRow *findDtype(attnc_dtype dtype) {
  const auto row = static_cast<uint32_t>(dtype);
  return row < sizeof kDtypes / sizeof kDtypes[0] ? &kDtypes[row] : nullptr;
}

} // namespace

const char *dtypeName(attnc_dtype dtype) {
  const DtypeRow *row = findDtype(dtype);
  return row ? row->name : "?";
}

bool tensorBytes(const attnc_tensor_info &info, int64_t batch, uint64_t *bytes) {
  uint64_t size = attnc_dtype_size(info.dtype);
  if (size == 0 || info.rank < 0 || info.rank > ATTNC_MAX_RANK)
    return false;
  for (int32_t axis = 0; axis < info.rank; ++axis) {
    const int64_t extent = info.shape[axis] == -1 ? batch : info.shape[axis];
    if (extent < 0 || __builtin_mul_overflow(size, static_cast<uint64_t>(extent), &size))
      return false;
  }
  *bytes = size;
  return true;
}

ShapeText::ShapeText(attnc_dtype dtype, int32_t rank, const int64_t *shape) {
  if (rank < 0 || rank > ATTNC_MAX_RANK) {
    snprintf(text, sizeof text, "%s of rank %" PRId32, dtypeName(dtype), rank);
    return;
  }
  size_t length = static_cast<size_t>(snprintf(text, sizeof text, "%s [", dtypeName(dtype)));
  for (int32_t axis = 0; axis < rank && length < sizeof text; ++axis)
    length += static_cast<size_t>(
        snprintf(text + length, sizeof text - length, axis ? ", %" PRId64 : "%" PRId64, shape[axis]));
  if (length < sizeof text)
    snprintf(text + length, sizeof text - length, "]");
}

} // namespace attnc::rt

size_t attnc_dtype_size(attnc_dtype dtype) {
  const attnc::rt::DtypeRow *row = attnc::rt::findDtype(dtype);
  return row ? row->size : 0;
}
