// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Runs the functions of a file through the reference and compares them with the values that the file expects: what
// `attnc-opt --run-reference` does, and the form of tests/semantics/.
//
//   attn.parameter @w {attn.value = dense<[1.0, 2.0]> : tensor<2xf32>} : tensor<2xf32>
//   func.func @name(%x: tensor<?x2xf32> {attn.value = dense<...> : tensor<3x2xf32>}) -> tensor<?x2xf32>
//       attributes {attn.expected = [dense<...> : tensor<3x2xf32>], attn.tolerance = 1.0e-6} { ... }
//
// Every public function with a body runs. Inputs and parameters without attn.value are filled with numbers that depend
// on their position or name alone. The batch is what the inputs' values say, else attn.batch of the function, else 2.
// A value x matches an expected y where |x - y| <= tolerance * max(1, |y|) (default 1e-6); NaN, infinities, integers
// and the sign of a zero must be the same. A function without attn.expected has its results printed.
#pragma once

#include "ir/Reference.h"

namespace attnc::reference {

/// Fails, with diagnostics, where a function cannot be evaluated or a result is not the expected one. `digits` is how
/// many significant digits of a printed float there are: 17 give a double's every bit.
mlir::LogicalResult evaluateModule(mlir::ModuleOp module, llvm::raw_ostream &out, Precision precision,
                                   unsigned digits = 6);

/// Numbers that look random and depend on `seed` alone: f32 in [-1, 1), about a quarter of the bools true, integers in
/// [0, 4).
Tensor fillTensor(llvm::ArrayRef<int64_t> shape, DType dtype, llvm::StringRef seed);

} // namespace attnc::reference
