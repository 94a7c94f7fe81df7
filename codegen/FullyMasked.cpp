// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "codegen/FullyMasked.h"

#include "codegen/Object.h"

#include <limits>

using namespace Halide;

namespace attnc {

Expr unlessEmpty(const Expr &sum, const Expr &quotient, attn::FullyMasked policy) {
  using Internal::Call;
  const Expr isEmpty = sum == 0.f;
  if (policy == attn::FullyMasked::zero)
    return select(isEmpty, 0.f, quotient);
  if (policy == attn::FullyMasked::nan)
    return select(isEmpty, std::numeric_limits<float>::quiet_NaN(), quotient);
  // Not a select, which computes both sides.
  const Expr report = Call::make(Float(32), kFullyMaskedCall, {}, Call::Extern);
  return Call::make(Float(32), Call::if_then_else, {isEmpty, report, quotient}, Call::PureIntrinsic);
}

} // namespace attnc
