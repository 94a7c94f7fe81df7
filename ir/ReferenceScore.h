// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The reference's evaluation of an attention's score region. Private to ir/.
#pragma once

#include "ir/Reference.h"

namespace attnc::reference {

/// What the region of attn.attention yields for one query and one key.
struct Score {
  double score;
  bool live;
};

/// Evaluates the region. `indices` are batch, head, query and key. In f32 each result of type f32 is rounded to f32,
/// which for + - * / and sqrt is what f32 arithmetic gives. Fails with a diagnostic at an op that the reference does
/// not know.
mlir::FailureOr<Score> evaluateScore(mlir::Block &region, double dot, llvm::ArrayRef<int64_t> indices,
                                     llvm::ArrayRef<const Tensor *> captures, Precision precision);

/// The region of attn.modify_scores applied to every score.
mlir::FailureOr<Tensor> modifyScores(attn::ModifyScoresOp op, const Tensor &scores,
                                     llvm::ArrayRef<const Tensor *> captures, Precision precision);

} // namespace attnc::reference
