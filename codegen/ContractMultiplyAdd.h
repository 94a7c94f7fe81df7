// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

namespace llvm {
class Module;
} // namespace llvm

namespace attnc {

/// A function without arguments or definition whose calls stand for an integer 0. What is computed with it is hidden
/// from the optimiser until contractMultiplyAdd() (StoredProducts.h says what for).
inline constexpr const char *kOpaqueZero = "attnc_opaque_zero";

/// Makes every floating-point addition or subtraction of a product one fused multiply-add, and clears all fast-math
/// flags.
///
/// Halide compiles kernels with strict_float, so that NaN, infinities and the order of additions mean what the
/// algorithm says; that also keeps LLVM from contracting. Here contraction happens once, by a rule that looks at
/// nothing but the two instructions: a value has the same bits in a vector body, in its scalar tail and on every target
/// with fma. Where both operands are products, neither is contracted. A product with other uses is kept for them.
/// Afterwards the calls of kOpaqueZero become 0, and what that simplifies is simplified.
void contractMultiplyAdd(llvm::Module &module);

} // namespace attnc
