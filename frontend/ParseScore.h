// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "frontend/ModuleTypes.h"

namespace attnc {

/// The keys of one step of "score".
const ObjectSpec &scoreSpec();

/// The keys of a step's "relative_bias".
const ObjectSpec &relativeBiasSpec();

/// A key whose value is a CausalAlignment.
KeySpec alignmentKey(const char *name, const char *fallback = "");

/// Reads `key` of a module: the constant modifications of its scores, in the order in which they apply.
std::vector<ScoreStepDesc> readScore(const JsonValue &object, Diagnostics &diagnostics, const char *key = "score");

} // namespace attnc
