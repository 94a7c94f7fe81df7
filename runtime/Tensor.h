// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Types and shapes of tensors: sizes in checked arithmetic, and their text for messages.
#pragma once

#include "runtime/Api.h"

namespace attnc::rt {

/// "f32", "i64" ..., or "?" for a value that is no dtype.
const char *dtypeName(attnc_dtype dtype);

/// Sets *bytes to the size of a tensor with this batch. False where the rank is out of range, a dimension is negative
/// (but for -1, the batch), the dtype is none, or the size does not fit.
bool tensorBytes(const attnc_tensor_info &info, int64_t batch, uint64_t *bytes);

/// A dtype and a shape as text, "f32 [2, 384]", cut where it gets too long.
struct ShapeText {
  ShapeText(attnc_dtype dtype, int32_t rank, const int64_t *shape);
  char text[96];
};

} // namespace attnc::rt
