// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The score region of attn.attention and attn.modify_scores as Halide expressions.
#pragma once

#include "codegen/Tensor.h"
#include "passes/ScoreConditions.h"

namespace attnc {

/// A score and whether its key takes part, at one (batch, head, query, key).
struct Score {
  Halide::Expr value; ///< Times `factor`: the score.
  Halide::Expr live;
  Halide::Expr liveInBand; ///< Of `live`: what has to hold inside the limits that keyLimits() reports.
  /// A positive factor common to all scores of the kernel, taken out so that keys or the exponential can apply it;
  /// else 1.
  double factor = 1.0;
  /// Whether a condition occurs twice, so that Halide gives it a name. Choices by `live` are selectBits() then: Halide
  /// moves the condition of a select outwards, to skip stages that the select does not need. Out of a let whose value
  /// it may not move (one with a promise) it does so by taking the name for a value without bounds, and of a
  /// condition's name that is an error, "Can't do arithmetic on opaque pointer types" (Halide 21).
  bool namesConditions = false;
};

struct ScorePosition {
  Halide::Expr batch, head, query, key;
};

/// Evaluates the region for a dot product; `captures` in the op's order.
Score evaluateScore(mlir::Block &region, const Halide::Expr &dot, const ScorePosition &position,
                    const std::vector<Tensor> &captures);

} // namespace attnc
