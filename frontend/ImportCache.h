// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Caches of keys and values: a state of the model, to which each self-attention of a module appends those of this run's
// tokens, and which it attends to.
#pragma once

#include "frontend/ImportBuilder.h"

namespace attnc {

/// The cache of one module: [batch, 2 * attentions * heads, capacity, head_dim]. Attention i has the keys of its heads
/// from slot 2 * i * heads on, and their values behind them.
class KeyValueCache {
public:
  /// What the attentions of a module are that shares one cache.
  struct Extents {
    int64_t attentions, heads, headDim;
  };

  /// Declares the module's cache as a state of the model; `query`: [batch, tokens, width], batch first. Null where the
  /// module has none, and after an error. Reports a capacity and a position that do not fit.
  static std::unique_ptr<KeyValueCache> create(ImportBuilder &builder, const ModuleDesc &module, const CacheDesc &cache,
                                               mlir::Value query, const Extents &extents);

  /// Appends the next attention's keys and values, [batch, heads, tokens, head_dim], and turns them into all that the
  /// cache has room for.
  void append(mlir::Value &key, mlir::Value &value);

  /// i32 [batch]: the tokens of each sequence before this run.
  mlir::Value position;

private:
  KeyValueCache(ImportBuilder &builder, const Extents &extents, size_t state)
      : builder(builder), extents(extents), state(state) {}

  ImportBuilder &builder;
  Extents extents;
  size_t state;     ///< Its number among builder.states.
  int64_t slot = 0; ///< Of the next attention.
};

/// Reports `position` without a cache, and what a module with a cache cannot have besides: anything of its own that
/// acts on scores but a causal mask, which a cache implies. False after an error.
bool checkCacheKeys(ImportBuilder &builder, const ModuleDesc &module, const CacheDesc &cache,
                    llvm::ArrayRef<ScoreStepDesc> score, const std::optional<RopeDesc> &rope);

} // namespace attnc
