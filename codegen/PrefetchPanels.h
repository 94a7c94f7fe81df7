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
/// peak (Zen 4). The next panel lies behind this one, and is fetched line by line in the loops over k, spread over the
/// block's first tiles, so that a line costs one instruction among some 40 multiply-adds. A tile narrower than the
/// panel fetches what the next tile reads of each row: of the same panel, or after its last part of the next one. A
/// fetch beyond the weights has no effect.
class PrefetchPanels : public Halide::Internal::IRMutator {
public:
  /// `accumulator` is the Func whose update runs over k, `weight` the buffer of the panels. In its elements: what a
  /// step of k has in a panel and in a tile, and the whole panel.
  PrefetchPanels(const std::string &accumulator, std::string weight, int panelRow, int tileRow, int panelSize)
      : update(accumulator + ".s1."), weight(std::move(weight)), panelRow(panelRow), tileRow(tileRow),
        panelSize(panelSize) {}

protected:
  using IRMutator::visit;
  Halide::Internal::Stmt visit(const Halide::Internal::For *loop) override;

private:
  /// The fetches of one step of the loop over k.
  Halide::Internal::Stmt fetches(const Halide::Internal::For *loop) const;

  /// `statement` behind fetches of the vectors, of biases say, that the next column tile will read as this one does.
  Halide::Internal::Stmt withVectors(const Halide::Internal::For *tiles, const Halide::Internal::Stmt &statement) const;

  std::string update, weight;
  int panelRow, tileRow, panelSize;
  std::vector<const Halide::Internal::For *> enclosing;
};

} // namespace attnc
