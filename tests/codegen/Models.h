// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The models that several tests share, as the frontend would spell them.
#pragma once

#include "tests/codegen/Model.h"

namespace attnc::test {

struct MatmulCase {
  int64_t rows = 1; ///< kBatch: the run-time batch.
  int64_t columns = 1, depth = 1;
  /// One of epilogues().
  std::string epilogue = "none";
  std::string precision = "f32"; ///< bf16, int8
  bool balanced = false;         ///< int8: by factors of 1/4 to 4.
};

/// none, bias, each activation, residual, layernorm, rmsnorm, residual_layernorm, padded, layernorm_padded.
const std::vector<std::string> &epilogues();
/// y(x[, residual][, padding]) with the weights w and b.
Model matmulModel(const MatmulCase &c);

enum class Mask {
  None,
  Keys,        ///< padding [batch, keys], bool, true = blocked
  KeyTokens,   ///< padding [batch, keys], i32, 0 = blocked
  Pairs,       ///< blocked [queries, keys], bool
  Bias,        ///< bias [queries, keys], added to the scores
  KeysAndBias, ///< both
  Everything   ///< blocked [batch, heads, queries, keys], bool
};

struct AttentionCase {
  int64_t batch = kBatch, heads = 1, queries = 1, keys = 1, headDim = 1, valueDim = 1;
  Mask mask = Mask::None;
  bool nanWhereMasked = false;             ///< fully_masked = nan instead of zero
  bool merged = false;                     ///< the heads side by side in the result
  float scale = 0;                         ///< 0: 1 / sqrt(headDim), or 1 of additive scores
  std::string normalizer = "softmax";      ///< or a kind of attn.score_weights, with the factor 1 / keys
  bool additive = false;                   ///< scores by attn.additive_score with the weight "score"
  bool causal = false;                     ///< query i sees the keys up to i
  int64_t window = -1;                     ///< >= 0, and causal: those from i - window on
  bool weights = false, logSumExp = false; ///< further results, in this order
};

/// softmax(q k^T * scale + bias, masked) v, and the further results.
Model attentionModel(const AttentionCase &c);

/// The region of attn.modify_scores with these ops over %score, %b, %h, %i and %j; they end in attn.score.
std::string scoreRegion(const std::string &ops);

/// softmax of the scores that scoreRegion(ops) makes of query key^T, times value; three dimensions, all of one width.
Model scoredModel(int64_t batch, int64_t queries, int64_t keys, int64_t width, const std::string &ops);

/// A post-norm encoder layer with padding: every kind of kernel.
Model encoderModel(int64_t tokens, int64_t embedDim, int64_t heads, int64_t hidden,
                   const std::string &precision = "f32");

} // namespace attnc::test
