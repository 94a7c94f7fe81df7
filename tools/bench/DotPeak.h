// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <cstdint>

namespace attnc {

/// What a precision multiplies with on this CPU, and nothing else, on as many independent sums as hide its latency.
/// Each returns its FLOPs, two a product.
using PeakLoopOfCpu = double (*)(int64_t steps);

/// vdpbf16ps for bfloat16; f32 multiply-adds without it, which is what bfloat16 is widened to.
PeakLoopOfCpu bfloatDots();

/// vpdpbusd for 8-bit integers; without it vpmaddwd and an addition, for 16-bit ones, in the widest vectors. f32
/// multiply-adds on other architectures than x86-64.
PeakLoopOfCpu integerDots();

double integerDotsAvx2(int64_t steps);
double integerDotsAvx512(int64_t steps);
double integerDotsVnni(int64_t steps);
double bfloatDotsAvx512(int64_t steps);

} // namespace attnc
