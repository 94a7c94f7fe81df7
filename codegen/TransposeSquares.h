// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "Halide.h"

namespace attnc {

/// A lowering pass: squares of f32, stored transposed, are transposed in registers.
///
/// Where a stage is vectorised over both dimensions of a square, and stores along one what lies dense along the other,
/// Halide shuffles all elements at once and stores them one by one. Rows of n elements take a load each, log2(n)
/// shuffles of two registers, each of which is one instruction on x86, and a store.
class TransposeSquares : public Halide::Internal::IRMutator {
protected:
  using IRMutator::visit;
  Halide::Internal::Stmt visit(const Halide::Internal::Store *store) override;
};

} // namespace attnc
