// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The keys that a tile of queries looks at.
#pragma once

#include "codegen/ScoreRegion.h"

namespace attnc {

/// The block of keys that a function of the block `number` is about: `keys` of them, fewer in the last one.
struct KeyBlock {
  Halide::Expr number;
  int keys = 0; ///< 0: no blocks.
};

/// How queries are cut into tiles; the last one may have fewer.
struct QueryTiles {
  int queries = 0, rows = 0;
  int count() const { return (queries + rows - 1) / rows; }
};

/// The keys that a tile of queries can see, by what is known at compile time and by the sequence's length, in one block
/// where there are blocks. Keys outside are skipped, which changes no value: their scores would be -inf, their weights
/// 0. Inside, keys that all queries of the tile can see lie between those that only some can.
///
/// Places are counted from the first key that there is, of the block or at all.
class KeyRange {
public:
  /// Of the tile number `tile` of `tiles`, of `rows` queries each. `length`: the keys that the sequence has, in 0 to
  /// `keys`; undefined where all of them take part, and with blocks.
  KeyRange(const KeyLimits &limits, const Halide::Expr &tile, const QueryTiles &tiles, int keys,
           const Halide::Expr &length, const KeyBlock &block = {});

  /// Whether it differs from tile to tile, or from block to block.
  bool isPartial() const { return partial; }

  /// The most keys of a range.
  int most() const { return places; }

  /// The key at a place of the range, with what is known of it.
  Halide::Expr key(const Halide::Expr &place) const;

  /// Leaves out the steps of `step` places that hold no key of the range.
  void restrict(Halide::RDom &steps, int step) const;

  /// All places in pieces of `width`, (place in the piece, number of the piece), but for the pieces that no step of
  /// `step` places is in that holds a key of the range.
  Halide::RDom tiles(int width, int step, const std::string &name) const;

  /// Places in ascending order.
  struct Piece {
    Halide::Expr place;
    bool someBlocked;  ///< Only some of the tile's queries can see these keys.
    Halide::RVar loop; ///< The loop over them, or over pairs of them.
    bool isPairs = false;
    Halide::RVar inPair = {}; ///< The loop over a pair.
  };
  /// The range in ascending order.
  std::vector<Piece> pieces() const;

  /// The key at `place`, which a loop over restricted steps makes, with what is known of its range: whole steps that
  /// hold a key of it. What is read there needs to be computed there only.
  Halide::Expr within(const Halide::Expr &place, int step) const;

  /// The number of a step, which a loop over restricted steps makes, with what is known of it.
  Halide::Expr step(const Halide::Expr &number, int step) const;

  /// `key`, or the last one that there is.
  Halide::Expr lastOr(const Halide::Expr &key) const { return min(key, lastKey()); }

  /// The number of a panel of `width` keys, with what Halide's own bounds lose: it is one of those that there are. A
  /// range rounded up by a step reaches one panel further than the keys.
  Halide::Expr panel(const Halide::Expr &number, int width) const;

  /// `value(key)` for a key of the range, 0 for any other; without blocks. Read in whole steps, which stay loads of
  /// whole vectors.
  Halide::Expr orZero(const Halide::Expr &key, int step,
                      const std::function<Halide::Expr(const Halide::Expr &)> &value) const;

private:
  /// 0 where there is none.
  Halide::Expr lastKey() const { return max(length, 1) - 1; }
  Halide::Expr firstStep(int step) const { return begin / step * step; }
  /// Behind the last one.
  Halide::Expr endOfSteps(int step) const { return (end + (step - 1)) / step * step; }

  void useBand(const KeyBand &band, const Halide::Expr &tileStart, int rows, const Halide::Expr &count);
  void useTable(const KeyLimits &limits, const Halide::Expr &tile, const QueryTiles &tiles, int keys);

  bool hasLimits, hasLength, partial;
  int places;
  Halide::Expr length; ///< All keys where all take part.
  Halide::Expr origin; ///< The block's first key; undefined without blocks.
  Halide::Expr begin, end, fullBegin, fullEnd;
};

} // namespace attnc
