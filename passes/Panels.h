// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The panels in which the weight [n, k] of a matmul lies in the image: [n / width][k][width], the last one padded with
// zeros.
#pragma once

#include <cstdint>

namespace attnc {

/// Columns of a panel, the same for every CPU, so that one image serves them all: a row of 16 f32 is a cache line. The
/// tile of AVX2 is a panel; that of AVX-512 reads two, which lie one behind the other; narrower tiles read their part
/// of each row. Where it was 32, AVX2 read every other line of a panel, and W4a took 10 % longer with its code, the
/// same with AVX-512 (Zen 4).
constexpr int64_t panelColumns = 16;

} // namespace attnc
