// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Memory between two pages that nobody may touch: an access past the end (or before the beginning) of what lies there
// ends the test program.
#pragma once

#include <cstddef>
#include <cstdint>

namespace attnc::test {

/// Where the bytes lie between the guards: the last ones before the second, or the first ones after the first.
enum class Placement { AtEnd, AtBegin };

class GuardedBuffer {
public:
  /// `alignment` of the address, a power of two up to a page; `offset` moves it further from the guard. Throws
  /// std::runtime_error where there is no memory.
  GuardedBuffer(size_t bytes, size_t alignment, Placement placement, size_t offset = 0);
  ~GuardedBuffer();
  GuardedBuffer(const GuardedBuffer &) = delete;
  GuardedBuffer &operator=(const GuardedBuffer &) = delete;

  uint8_t *data() const { return begin; }
  size_t size() const { return bytes; }
  /// Whether nothing was written between the guards but the bytes themselves.
  bool surroundingsUntouched() const;
  /// From here on a write to it ends the program.
  void makeReadOnly();

private:
  uint8_t *mapping = nullptr, *usable = nullptr, *begin = nullptr;
  size_t mapped = 0, usableBytes = 0, bytes = 0;
};

} // namespace attnc::test
