// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What every op means, as plain loops. The oracle of all tests: it is written to be read, shares no code with codegen/,
// and knows nothing of speed.
//
// f64 is the reference: the whole model in double from the f32 weights, no intermediate rounding. f32 is the second
// reference of the numeric policy: each op with f32 accumulators in index order, each result rounded to f32.
#pragma once

#include "ir/AttnDialect.h"

#include "llvm/ADT/StringMap.h"

#include <vector>

namespace attnc::reference {

enum class DType { f32, i32, i64, i1 };
enum class Precision { f64, f32 };

/// A dense row-major tensor. Integers are exact up to 2^53, true is 1.
struct Tensor {
  llvm::SmallVector<int64_t> shape;
  DType dtype = DType::f32;
  std::vector<double> values;

  Tensor() = default;
  /// Zeros.
  Tensor(llvm::ArrayRef<int64_t> shape, DType dtype);

  int64_t rank() const { return shape.size(); }
  /// The position in `values` of an element.
  int64_t position(llvm::ArrayRef<int64_t> index) const;
  double at(llvm::ArrayRef<int64_t> index) const { return values[position(index)]; }
  double &at(llvm::ArrayRef<int64_t> index) { return values[position(index)]; }
  /// The element that NumPy's broadcasting pairs with `index` of a tensor of the same or a higher rank.
  double atBroadcast(llvm::ArrayRef<int64_t> index) const;
};

/// True where the reference is willing to hold a tensor of this shape: 2^28 elements are 2 GiB.
bool isHoldable(llvm::ArrayRef<int64_t> shape);

/// Calls `visit` for each index of a shape, in row-major order.
void forEachIndex(llvm::ArrayRef<int64_t> shape, llvm::function_ref<void(llvm::ArrayRef<int64_t>)> visit);

/// The values of attn.parameter ops by name.
using ParameterValues = llvm::StringMap<Tensor>;

/// The dtype of an element type of the dialect. f64 counts as f32, so that a test may state expected values exactly.
DType dtypeOf(mlir::Type element);

/// The values of a constant of an element type of the dialect, or of f64.
Tensor tensorFromElements(mlir::DenseElementsAttr elements);

/// Runs `main` on `inputs`; `batch` stands for each run-time extent. Fails, with a diagnostic at the op, where inputs
/// or parameters do not fit, or an embedding's index lies outside its table.
mlir::FailureOr<llvm::SmallVector<Tensor>> runReference(mlir::func::FuncOp main, llvm::ArrayRef<Tensor> inputs,
                                                        const ParameterValues &params, int64_t batch,
                                                        Precision precision = Precision::f64);

class BlockValues;

/// Evaluates one op of a block, and sets its results among the values, which hold its operands (ReferenceValues.h).
/// f64 and diagnostics as above; attn.weight needs its parameter among `params`.
llvm::LogicalResult evaluateOp(mlir::Operation *op, const ParameterValues &params, BlockValues &values);

} // namespace attnc::reference
