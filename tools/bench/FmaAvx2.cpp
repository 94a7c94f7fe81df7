// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "tools/bench/FmaPeak.h"
#include "tools/bench/PeakLoop.h"

typedef float Vector __attribute__((vector_size(32)));

// A latency of 4 on 2 units needs 8 sums; 12 and two operands fit in 16 registers.
double attnc::multiplyAddsAvx2(int64_t steps) { return fmaLoop<Vector, 12>(steps); }
