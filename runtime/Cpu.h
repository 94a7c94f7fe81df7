// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Which instruction sets this CPU has, by the names that attnc_variant.cpu_features uses.
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

/// What of a list of features is not here.
struct MissingFeatures {
  size_t count = 0;
  bool unknown = false; ///< One of them is of another architecture.
  char text[100];       ///< Their names, separated by spaces; the first ones where there are many.
};

/// Looks up each name of a space-separated list.
MissingFeatures missingFeatures(const char *features);

} // namespace attnc::rt
