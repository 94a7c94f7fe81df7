// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Places buffers with known lifetimes in one piece of memory.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

namespace attnc {

/// What one buffer needs: `bytes`, live from step `first` to step `last`, both included.
struct Lifetime {
  int64_t bytes = 0;
  int64_t first = 0, last = 0;
};

struct ArenaPlan {
  std::vector<int64_t> offsets; ///< One for each lifetime, multiples of 64.
  int64_t bytes = 0;            ///< The arena's size, a multiple of 64.
};

/// Places the largest buffers first, each in the smallest gap that holds it among those that are live at the same time.
/// Two buffers that share a step never overlap. Nothing where a size exceeds 64 bits.
std::optional<ArenaPlan> planArena(const std::vector<Lifetime> &lifetimes);

/// The smallest multiple of `unit` that is >= value; nothing where it exceeds 64 bits. value >= 0.
std::optional<int64_t> roundUp(int64_t value, int64_t unit);

} // namespace attnc
