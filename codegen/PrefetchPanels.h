// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "Halide.h"

#include <string>
#include <vector>

namespace attnc {

/// A lowering pass: while a matmul works on the weights of a column tile, it fetches those of the next one into the
/// cache.
///
/// A panel is read by as many register tiles as there are in a block of rows. The first of them finds it in memory, and
/// waits: with 20 rows, where a panel serves two tiles, a matmul whose weights are not in the cache held 75 % of the
/// peak (Zen 4). The panels of the next tile lie behind those of this one, and are fetched line by line in the loops
/// over k, evenly over the tiles of the block: lines that come as fast as they are used in one tile exceed what memory
/// delivers. With 6 rows and AVX2, 120 x 768 by 768 x 32768, all lines in the first two tiles of 20 held 84 % of the
/// peak, evenly 94 %; with AVX-512 95 and 96 %. Where several steps of k share a line, they become an inner loop. A
/// tile narrower than the panel fetches the next panel too. A fetch beyond the weights has no effect.
class PrefetchPanels : public Halide::Internal::IRMutator {
public:
  /// `accumulator` is the Func whose update runs over k, `weight` the buffer of the panels, of `panelSize` of its
  /// elements each. A register tile reads `tilePanels` of them.
  PrefetchPanels(const std::string &accumulator, std::string weight, int tilePanels, int panelSize)
      : update(accumulator + ".s1."), weight(std::move(weight)), tilePanels(tilePanels), panelSize(panelSize) {}

protected:
  using IRMutator::visit;
  Halide::Internal::Stmt visit(const Halide::Internal::For *loop) override;

private:
  /// What to fetch once for each `group` iterations of a loop over k, which divides their number.
  struct Ahead {
    Halide::Internal::Stmt fetches; ///< Undefined where there is nothing to fetch.
    int group = 1;
  };
  Ahead aheadOf(const Halide::Internal::For *loop) const;

  /// `statement` behind fetches of the vectors, of biases say, that the next column tile will read as this one does.
  Halide::Internal::Stmt withVectors(const Halide::Internal::For *tiles, const Halide::Internal::Stmt &statement) const;

  std::string update, weight;
  int64_t tilePanels, panelSize;
  std::vector<const Halide::Internal::For *> enclosing;
};

} // namespace attnc
