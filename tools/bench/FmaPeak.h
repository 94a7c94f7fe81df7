// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <cstdint>

namespace attnc {

/// Does fused multiply-adds in f32 and nothing else, on as many independent sums as hide their latency, in the widest
/// vectors that this CPU has; a CPU of x86-64 needs AVX2. Returns how many FLOPs that were, two a multiply-add.
double multiplyAdds(int64_t steps);

double multiplyAddsAvx2(int64_t steps);
double multiplyAddsAvx512(int64_t steps);

} // namespace attnc
