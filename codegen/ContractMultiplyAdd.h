// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

namespace llvm {
class Module;
} // namespace llvm

namespace attnc {

/// Makes every floating-point addition or subtraction of a product one fused multiply-add, and clears all fast-math
/// flags.
///
/// Halide compiles kernels with strict_float, so that NaN, infinities and the order of additions mean what the
/// algorithm says; that also keeps LLVM from contracting. Here contraction happens once, by a rule that looks at
/// nothing but the two instructions: a value has the same bits in a vector body, in its scalar tail and on every target
/// with fma. Where both operands are products, the first one is contracted. A product with other uses is kept for them.
void contractMultiplyAdd(llvm::Module &module);

} // namespace attnc
