// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What a matmul of a precision other than f32 does to its operands before it multiplies them.
#pragma once

#include "ir/Reference.h"

namespace attnc::reference {

/// Each element as f32, rounded to the nearest bfloat16, ties to even. NaN stays NaN.
Tensor roundedToBfloat(Tensor tensor);

/// Vectors of integers in [-127, 127], each with the scale that makes them elements of a rotated vector again.
struct Quantized {
  Tensor integers;
  std::vector<double> scales; ///< f32 values.
};

/// Element k of a vector, as f32, times or over element k of a balance.
using Balance = llvm::function_ref<float(float, int64_t k)>;

/// Balances, rotates (ir/Rotation.h, in f32) and quantizes the vectors of `length` elements that lie `stride` apart:
/// the rows (stride 1) or the columns of a matrix. With a the largest magnitude of a rotated vector, its scale is a /
/// 127 and x becomes the integer nearest to x * (127 / a), ties to even; both quotients are rounded to f32. A vector
/// with a below 2^-100 is 0, and one with a NaN or an infinity gets the scale NaN.
Quantized quantizedToInt8(Tensor tensor, int64_t length, int64_t stride, Balance balance);

} // namespace attnc::reference
