// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "Halide.h"

namespace attnc {

/// The f32 `value`, whose Var is vectorised, times the Hadamard matrix of `count` (a power of two) neighbours along it,
/// in the order of ir/Rotation.h: element i of each group of `count` lanes becomes the i-th product of the matrix with
/// the group. Vectors must begin at a group and hold whole ones, else compilation fails.
///
/// Halide reads neighbours with a stride, and gathers whole vectors of every count-th element, which takes three
/// shuffles across a register for each vector. Lanes that change places within 16 bytes take one for each factor of 2.
Halide::Expr mixNeighbours(const Halide::Expr &value, int count);

/// A lowering pass: what mixNeighbours() means.
class LowerMixedNeighbours : public Halide::Internal::IRMutator {
protected:
  using IRMutator::visit;
  Halide::Expr visit(const Halide::Internal::Call *call) override;
};

} // namespace attnc
