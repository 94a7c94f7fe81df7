// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <string>

namespace attnc {

/// What printf() would print.
__attribute__((format(printf, 1, 2))) std::string format(const char *pattern, ...);

} // namespace attnc
