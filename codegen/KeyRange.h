// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The keys that a tile of queries looks at.
#pragma once

#include "codegen/ScoreRegion.h"

namespace attnc {

/// The keys that a tile of queries can see, by the region's comparisons of indices and by the sequence's length. Keys
/// outside are skipped, which changes no value: their scores would be -inf, their weights 0. Inside, keys that all
/// queries of the tile can see lie between those that only some can.
class KeyRange {
public:
  /// Of the tile of `tileRows` queries that holds query `q`. `length`: the keys that the sequence has, in 0 to `keys`;
  /// undefined where all of them take part.
  KeyRange(const KeyBand &band, const Halide::Var &q, int tileRows, int keys, const Halide::Expr &length);

  bool isPartial() const { return partial; }

  /// Leaves out the steps of `step` keys that hold no key of the range.
  void restrict(Halide::RDom &steps, int step) const;

  /// The keys of the range in ascending order, in pieces: with each, whether only some of the tile's queries can see
  /// its keys.
  std::vector<std::pair<Halide::RDom, bool>> pieces() const;

  /// `key`, which a loop over restricted steps makes, with what is known of its range: whole steps that hold a key of
  /// it. What is read there needs to be computed there only.
  Halide::Expr within(const Halide::Expr &key, int step) const;

  /// `key`, or the last one that there is.
  Halide::Expr lastOr(const Halide::Expr &key) const { return min(key, max(length, 1) - 1); }

  /// `key`, of a range, with what is known of its place among all keys.
  Halide::Expr withinLength(const Halide::Expr &key) const;

  /// The number of a panel of `width` keys, with what Halide's own bounds lose: it is one of those that there are. A
  /// range rounded up by a step reaches one panel further than the keys.
  Halide::Expr panel(const Halide::Expr &number, int width) const;

  /// `value(key)` for a key of the range, 0 for any other. Read in whole steps, which stay loads of whole vectors.
  Halide::Expr orZero(const Halide::Expr &key, int step,
                      const std::function<Halide::Expr(const Halide::Expr &)> &value) const;

private:
  Halide::Expr firstStep(int step) const { return begin / step * step; }
  /// Behind the last one.
  Halide::Expr endOfSteps(int step) const { return (end + (step - 1)) / step * step; }

  bool banded, hasLength, partial;
  int keys;
  Halide::Expr length; ///< `keys` where all take part.
  Halide::Expr begin, end, fullBegin, fullEnd;
};

} // namespace attnc
