// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "Halide.h"

namespace attnc {

/// The f32 value, of which LLVM knows nothing until the contraction. For values that are constant in one copy of a loop
/// and not in another: LLVM would fold what is computed from them, rounding each step, where the other copy fuses
/// steps.
Halide::Expr opaque(const Halide::Expr &value);

/// A lowering pass: hides from LLVM that a stored value is a product.
///
/// What a kernel stores and loads again is rounded. LLVM may hand a stored product on to an addition that loads it, in
/// one copy of a loop and not in another (a full task is unrolled, the last one is not), and contractMultiplyAdd()
/// would then fuse it there: a row's bits would depend on the task it falls into. So a product is stored as its bits or
/// a 0 that nobody sees through before the contraction, and that folds away after it. Of a value that is hidden twice
/// LLVM drops one of the two; of two times xor it would drop both. A stored 0 is hidden too: 0 + x*x, the first step of
/// a sum, would become the product x*x.
///
/// The 0 of opaque() is put back to where it is used: Halide moves it out of loops, and out of a parallel one it would
/// reach its users through memory, and not fold away.
class HideStoredProducts : public Halide::Internal::IRMutator {
protected:
  using IRMutator::visit;
  Halide::Internal::Stmt visit(const Halide::Internal::Store *store) override;
  Halide::Internal::Stmt visit(const Halide::Internal::LetStmt *let) override;
};

} // namespace attnc
