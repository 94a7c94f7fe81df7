// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The score region of an attention as a line that a person reads.
#pragma once

#include "ir/AttnDialect.h"

#include <string>

namespace attnc {

/// "dot * 0.125 + bias0[head, key] where key <= query and not mask1[batch, key]". Captures are numbered in the op's
/// order; what is too long ends in "...".
std::string describeScore(attn::AttentionOp attention);

} // namespace attnc
