// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Matmuls whose operands are bfloat16 or 8-bit integers.
//
// Weights are rounded when they are packed (runtime/Pack.cpp). Rows of lhs are rounded here, into scratch, once a task:
// operand(k, m). bf16: to the nearest bfloat16, ties to even. int8: a row is rotated (ir/Rotation.h); with the largest
// magnitude a, it becomes the integers nearest to x * (127 / a), ties to even. A row with a < 2^-100 becomes zeros, one
// with a NaN or an infinity is NaN in every element of the result.
//
// bf16 sums in f32: natively in pairs, in the order that the CPU's instruction has, denormals as 0; widened as one
// chain of multiply-adds over k. int8 sums are exact, so every target has the same bits.
#pragma once

#include "codegen/Algorithm.h"
#include "codegen/OpAlgorithms.h"

namespace attnc {

/// The parameters that hold a rounded weight: algorithm.matmul.panels, and .columns for int8.
void defineRoundedPanels(mlir::RankedTensorType weight, const std::string &name, Algorithm &algorithm);

/// Translates the matmul by such a weight: algorithm.matmul, and the tensor of its result.
void translateDot(attn::MatmulOp op, OpTranslator &translator, Algorithm &algorithm);

/// Halide finds dot products of bfloat16 only where it may reorder sums. Makes everything else in the algorithm strict,
/// for a target without StrictFloat.
void makeStrictButAccumulator(Algorithm &algorithm);

} // namespace attnc
