// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the score region of attn.attention and attn.modify_scores says about keys, without evaluating it.
#pragma once

#include "ir/AttnDialect.h"

namespace attnc {

/// Keys that the region lets a query i see by comparing indices alone: those in [i + first, i + last]. A causal mask
/// has last = 0, a window both. Undefined where the region sets no such bound; keys inside may be blocked all the same.
struct KeyBand {
  std::optional<int64_t> first, last;
};
KeyBand keyBand(mlir::Block &region);

/// `live` taken apart: the band, "key < lengths[batch]", and the other conditions that have to hold.
struct LiveConditions {
  KeyBand band;
  std::optional<unsigned> lengths; ///< The number of the capture that holds the lengths.
  llvm::SmallVector<mlir::Value> others;
};
LiveConditions liveConditions(mlir::Block &region);

/// c where the score is dot * c with a constant c > 0.
std::optional<double> constantFactor(mlir::Block &region);

/// Whether any key may be left out at all.
bool mayBlockKeys(mlir::Block &region);

/// Whether, inside the band and the lengths, `live` is the same for all queries (and does not depend on the score), as
/// key padding is.
bool liveInBandDependsOnKeyOnly(mlir::Block &region);

/// Whether `live` is a function of the score itself.
bool liveDependsOnScore(mlir::Block &region);

/// Whether `live` differs between the keys of a query.
bool liveDependsOnKey(mlir::Block &region);

/// Tiles of `tileQueries` x `tileKeys` scores, and those among them that the band leaves out.
struct TileCount {
  int64_t tiles = 0, skipped = 0;
};
TileCount countTiles(const KeyBand &band, int64_t queries, int64_t keys, int64_t tileQueries, int64_t tileKeys);

} // namespace attnc
