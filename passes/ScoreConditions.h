// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the score region of attn.attention and attn.modify_scores says about keys, without evaluating it.
#pragma once

#include "ir/AttnDialect.h"

namespace attnc {

/// Positions of a score region's arguments: the scalars, then the captured tensors.
enum ScoreArgument : unsigned { kDot, kBatch, kHead, kQuery, kKey, kFirstCapture };

/// Keys that the region lets a query i see by comparing key - query with a number: those in [i + first, i + last]. A
/// causal mask has last = 0, a window both. Undefined where the region sets no such bound; keys inside may be blocked
/// all the same.
struct KeyBand {
  std::optional<int64_t> first, last;
};

/// "key < capture[batch] + offset": how many keys a batch element has.
struct KeyLengths {
  unsigned capture = 0; ///< Its number.
  int64_t offset = 0;   ///< >= 0.
};

/// `live` taken apart: the band, the lengths, the fixed conditions that live_keys sums up, and the other
/// conditions that have to hold.
struct LiveConditions {
  KeyBand band;
  std::optional<KeyLengths> lengths;
  llvm::SmallVector<mlir::Value> fixed, others;
};
LiveConditions liveConditions(mlir::Block &region);

/// Those of `others` that are fixed where the captures numbered `constants` are known: they depend on indices and on
/// these captures alone.
llvm::SmallVector<mlir::Value> fixedConditions(mlir::Block &region, llvm::ArrayRef<int64_t> constants);

/// Whether `live` has conditions of indices alone beside the band, whether live_keys sums them up or not.
bool hasIndexConditions(mlir::Block &region);

/// What live_keys says of queries side by side, from `query` on.
struct LiveRun {
  int64_t query, begin, end; ///< No key outside [begin, end) takes part.
  bool all;                  ///< All inside do, by the fixed conditions.
};

/// What is known at compile time of the keys that each query sees.
struct KeyLimits {
  KeyBand band;
  llvm::SmallVector<LiveRun> runs; ///< Of the fixed conditions; none where live_keys is not set.

  bool any() const { return band.first || band.last || !runs.empty(); }
};
KeyLimits keyLimits(attn::AttentionOp attention);

/// Keys of `rows` queries: none outside [begin, end) takes part for any of them; all in [allBegin, allEnd), which is
/// in the first range, do for each, by what the limits know. Empty ranges have equal ends.
struct KeySpan {
  int64_t begin = 0, end = 0, allBegin = 0, allEnd = 0;
};
KeySpan keysOf(const KeyLimits &limits, int64_t firstQuery, int64_t rows, int64_t keys);

/// c where the score is dot * c with a constant c > 0.
std::optional<double> constantFactor(mlir::Block &region);

/// Whether any key may be left out at all.
bool mayBlockKeys(mlir::Block &region);

/// Whether, inside the limits and the lengths, `live` is the same for all queries (and does not depend on the score),
/// as key padding is.
bool liveInBandDependsOnKeyOnly(mlir::Block &region);

/// Whether `live` is a function of the score itself.
bool liveDependsOnScore(mlir::Block &region);

/// Whether `live` differs between the keys of a query.
bool liveDependsOnKey(mlir::Block &region);

/// Tiles of `tileQueries` x `tileKeys` scores, and those among them that the limits leave out.
struct TileCount {
  int64_t tiles = 0, skipped = 0;
};
TileCount countTiles(const KeyLimits &limits, int64_t queries, int64_t keys, int64_t tileQueries, int64_t tileKeys);

} // namespace attnc
