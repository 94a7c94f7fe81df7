// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What happens to scores between the product of query and key and the softmax, after their scaling: the constant steps
// of "score", lengths and constant masks in one attn.modify_scores, then float masks as attn.add, then bool masks as
// attn.mask.
#pragma once

#include "frontend/ImportBuilder.h"

namespace attnc {

/// The scores are [batch, heads, queries, keys], or [heads, queries, keys] where not batched.
struct ScoreExtents {
  bool batched = false;
  int64_t batch = 1, heads = 1, queries = 1, keys = 1;
};

/// The keys of the arguments that act on the scores of one attention; null for one that its module does not have.
struct ScoreArgumentKeys {
  const char *mask;    ///< attn_mask
  const char *padding; ///< key_padding_mask
  const char *lengths;
};

/// Their values, in shapes that broadcast to the scores.
struct ScoreArguments {
  llvm::SmallVector<mlir::Value> added;     ///< f32
  llvm::SmallVector<mlir::Value> blocked;   ///< i1
  std::vector<ScoreStepDesc> steps;         ///< Constant causal masks; they follow those of "score".
  llvm::SmallVector<mlir::Value> constants; ///< f32 (queries, keys), not 0 where blocked.
  mlir::Value lengths;                      ///< i32 [batch], or [1] where not batched; may be null.
  mlir::Value position;                     ///< i32 [batch]: the key of each sequence's first query; may be null. Then
                                            ///< a query sees that of its own place and those before it.
  const SinkDesc *sink = nullptr;           ///< The last key is a sink, whose score this says.
};

/// Checks and shapes the arguments that a module gives; none after an error. (ImportScoreArguments.cpp)
std::optional<ScoreArguments> importScoreArguments(ImportBuilder &builder, const ModuleDesc &module,
                                                   const ScoreArgumentKeys &keys, const ScoreExtents &extents);

/// How far a step of this alignment moves a query's place among the keys.
int64_t shiftOf(const ScoreStepDesc &step, int64_t queries, int64_t keys);

/// The first query that sees no key whatever the inputs hold, as far as steps and constant masks tell.
std::optional<int64_t> firstBlindQuery(llvm::ArrayRef<ScoreStepDesc> steps, const ScoreArguments &arguments,
                                       int64_t queries, int64_t keys);

/// Applies steps and arguments to scaled scores. Those of the keys from `realKeys` on, which add_bias_kv and
/// add_zero_attn append, stay as they are, but for that of a sink.
mlir::Value modifyScores(ImportBuilder &builder, mlir::Value scores, llvm::ArrayRef<ScoreStepDesc> steps,
                         const ScoreArguments &arguments, int64_t realKeys);

} // namespace attnc
