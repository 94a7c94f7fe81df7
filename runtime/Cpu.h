// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Which instruction sets this CPU has, by the names that attnc_model.cpu_features uses.
#pragma once

#include <cstddef>

namespace attnc::rt {

enum class CpuFeature {
  Present, ///< the CPU has it, and the operating system saves its registers
  Absent,  ///< this architecture has it, this CPU does not
  Unknown  ///< no feature of this architecture has that name
};

/// Looks up the feature named by the first `length` characters of `name`.
CpuFeature cpuFeature(const char *name, size_t length);

} // namespace attnc::rt
