// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "tools/bench/FmaPeak.h"
#include "tools/bench/PeakLoop.h"

typedef float Vector __attribute__((vector_size(64)));

double attnc::multiplyAddsAvx512(int64_t steps) { return fmaLoop<Vector, 16>(steps); }
