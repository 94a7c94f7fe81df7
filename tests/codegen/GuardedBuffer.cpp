// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "tests/codegen/GuardedBuffer.h"

#include <cstring>
#include <stdexcept>
#include <sys/mman.h>
#include <unistd.h>

namespace attnc::test {

constexpr uint8_t kCanary = 0xA5;

GuardedBuffer::GuardedBuffer(size_t bytes, size_t alignment, Placement placement, size_t offset) : bytes(bytes) {
  const size_t page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
  usableBytes = (bytes + offset + alignment + page - 1) / page * page;
  mapped = usableBytes + 2 * page;
  void *memory = mmap(nullptr, mapped, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED)
    throw std::runtime_error("no memory for a guarded buffer");
  mapping = static_cast<uint8_t *>(memory);
  usable = mapping + page;
  if (mprotect(usable, usableBytes, PROT_READ | PROT_WRITE) != 0)
    throw std::runtime_error("no memory for a guarded buffer");
  std::memset(usable, kCanary, usableBytes);
  size_t at = offset;
  if (placement == Placement::AtEnd)
    at = (usableBytes - bytes - offset) / alignment * alignment;
  begin = usable + at;
}

GuardedBuffer::~GuardedBuffer() { munmap(mapping, mapped); }

bool GuardedBuffer::surroundingsUntouched() const {
  for (const uint8_t *byte = usable; byte < usable + usableBytes; ++byte)
    if ((byte < begin || byte >= begin + bytes) && *byte != kCanary)
      return false;
  return true;
}

void GuardedBuffer::makeReadOnly() { mprotect(usable, usableBytes, PROT_READ); }

} // namespace attnc::test
