// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The score region of attn.attention and attn.modify_scores as Halide expressions.
#pragma once

#include "codegen/Tensor.h"
#include "ir/AttnDialect.h"

namespace attnc {

/// A score and whether its key takes part, at one (batch, head, query, key).
struct Score {
  Halide::Expr value; ///< Times `factor`: the score.
  Halide::Expr live;
  Halide::Expr liveInBand; ///< `live` without the comparisons that keyBand() reports.
  /// A positive factor common to all scores of the kernel, taken out so that the exponential can apply it; else 1.
  double factor = 1.0;
};

struct ScorePosition {
  Halide::Expr batch, head, query, key;
};

/// Evaluates the region for a dot product; `captures` in the op's order.
Score evaluateScore(mlir::Block &region, const Halide::Expr &dot, const ScorePosition &position,
                    const std::vector<Tensor> &captures);

/// Whether any key may be left out at all.
bool mayBlockKeys(mlir::Block &region);

/// Whether, inside the band, `live` is the same for all queries (and does not depend on the score), as key padding is.
bool liveInBandDependsOnKeyOnly(mlir::Block &region);

/// Keys that the region lets a query i see by comparing indices alone: those in [i + first, i + last]. A causal mask
/// has last = 0, a window both. Undefined where the region sets no such bound; keys inside may be blocked all the same.
struct KeyBand {
  std::optional<int64_t> first, last;
};
KeyBand keyBand(mlir::Block &region);

/// Whether `live` is a function of the score itself.
bool liveDependsOnScore(mlir::Block &region);

/// Whether `live` differs between the keys of a query.
bool liveDependsOnKey(mlir::Block &region);

} // namespace attnc
