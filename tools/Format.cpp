// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "tools/Format.h"

#include <cstdarg>
#include <cstdio>

namespace attnc {

std::string format(const char *pattern, ...) {
  va_list arguments, again;
  va_start(arguments, pattern);
  va_copy(again, arguments);
  std::string text(static_cast<size_t>(vsnprintf(nullptr, 0, pattern, arguments)), ' ');
  vsnprintf(text.data(), text.size() + 1, pattern, again);
  va_end(again);
  va_end(arguments);
  return text;
}

} // namespace attnc
