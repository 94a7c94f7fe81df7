// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The public header as the runtime's own sources see it: what it declares is exported, everything else in the archive
// is hidden (-fvisibility=hidden), so a shared library that holds the archive shows the C ABI alone.
#pragma once

#pragma GCC visibility push(default)
#include <attnc/runtime.h>
#pragma GCC visibility pop
