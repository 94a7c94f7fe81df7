// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Rows of scores without any key that takes part.
#pragma once

#include "Halide.h"
#include "ir/AttnDialect.h"

namespace attnc {

/// `quotient`, of a divisor `sum` that is 0 where all scores of a row are -inf: there 0 or NaN, or the run fails. To be
/// stored once a row: a value that may fail is no part of a larger expression. ObjectBuilder makes what it calls a call
/// of the runtime.
Halide::Expr unlessEmpty(const Halide::Expr &sum, const Halide::Expr &quotient, attn::FullyMasked policy);

} // namespace attnc
