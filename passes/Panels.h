// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The panels in which the weight [n, k] of a matmul lies in the image: [n / width][k][width], the last one padded with
// zeros.
#pragma once

#include <cstdint>

namespace attnc {

/// Columns of a panel for a weight with n rows: a rule of n alone, so that one image serves every CPU. 32 is the widest
/// register tile (two zmm); narrower tiles read their part of each row of the panel. Every tile's width divides it.
constexpr int64_t panelWidth(int64_t n) { return n <= 16 ? 16 : 32; }

} // namespace attnc
