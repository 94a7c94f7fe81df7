// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "Halide.h"

#include <string>

namespace attnc {

/// A lowering pass: while a matmul rounds a row of lhs, it fetches the next one into the cache.
///
/// Rows are rounded one after the other, each read once, in fewer cycles than their lines take to come from the last
/// level cache, where what the previous kernel made lies when its weights have gone through the second level: of the
/// time for a row of 384 elements in int8, two thirds were waiting (Zen 4). Beside the loads of a loop's first store,
/// which read the whole of a row, stand fetches one row ahead. A fetch beyond the last row has no effect.
class PrefetchRows : public Halide::Internal::IRMutator {
public:
  /// `lhs` is the buffer of the rows, which are `depth` elements long.
  PrefetchRows(std::string lhs, int depth) : lhs(std::move(lhs)), depth(depth) {}

protected:
  using IRMutator::visit;
  Halide::Internal::Stmt visit(const Halide::Internal::For *loop) override;
  Halide::Internal::Stmt visit(const Halide::Internal::LetStmt *let) override;
  Halide::Internal::Stmt visit(const Halide::Internal::Store *store) override;

private:
  /// `statement` behind fetches for the vectors of lhs that `value` loads.
  Halide::Internal::Stmt withFetches(const Halide::Expr &value, const Halide::Internal::Stmt &statement) const;

  std::string lhs;
  int depth;
  bool stored = false; ///< The innermost loop's first store is done.
};

} // namespace attnc
