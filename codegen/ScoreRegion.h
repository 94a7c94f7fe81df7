// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The score region of attn.attention as Halide expressions.
#pragma once

#include "codegen/Tensor.h"
#include "ir/AttnDialect.h"

namespace attnc {

/// A score and whether its key takes part, at one (batch, head, query, key).
struct Score {
  Halide::Expr value; ///< Times `factor`: the score.
  Halide::Expr live;
  /// A positive factor common to all scores of the kernel, taken out so that the exponential can apply it; else 1.
  double factor = 1.0;
};

struct ScorePosition {
  Halide::Expr batch, head, query, key;
};

/// Evaluates the region for a dot product; `captures` in the op's order.
Score evaluateScore(attn::AttentionOp op, const Halide::Expr &dot, const ScorePosition &position,
                    const std::vector<Tensor> &captures);

/// Whether any key may be left out at all.
bool mayBlockKeys(attn::AttentionOp op);

/// Whether `live` is the same for all queries (and does not depend on the score), as key padding is.
bool liveDependsOnKeyOnly(attn::AttentionOp op);

/// Whether `live` differs between the keys of a query.
bool liveDependsOnKey(attn::AttentionOp op);

} // namespace attnc
