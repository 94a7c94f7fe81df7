// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Sleeping on a word of memory: a futex where the system has one, a condition variable elsewhere.
#pragma once

#include <atomic>
#include <cstdint>

namespace attnc::rt {

/// Sleeps while `word` is `value`, until unpark(); may return at any time. Compares and goes to sleep in one step: an
/// unpark() after a change of `word` is never missed.
void parkWhile(std::atomic<int32_t> &word, int32_t value);

/// Wakes `count` or more of the threads that sleep on `word`.
void unpark(std::atomic<int32_t> &word, int32_t count);

} // namespace attnc::rt
