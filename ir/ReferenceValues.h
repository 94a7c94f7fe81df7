// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the reference knows while it evaluates a block.
#pragma once

#include "ir/Reference.h"

#include "llvm/ADT/DenseMap.h"

namespace attnc::reference {

/// The values of a block so far, and the extent that stands for each run-time one.
class BlockValues {
public:
  explicit BlockValues(int64_t batch) : batch(batch) {}

  /// Of an argument of the block or a result that was set before. The reference holds until the next set().
  const Tensor &get(mlir::Value value) const { return values.find(value)->second; }
  void set(mlir::Value value, Tensor tensor) { values[value] = std::move(tensor); }

  bool has(mlir::Value value) const { return values.contains(value); }
  void drop(mlir::Value value) { values.erase(value); }
  /// The extent that stands for each run-time one.
  int64_t extent() const { return batch; }

  llvm::SmallVector<int64_t> shapeOf(mlir::Type type) const {
    llvm::SmallVector<int64_t> shape(mlir::cast<mlir::RankedTensorType>(type).getShape());
    llvm::replace(shape, mlir::ShapedType::kDynamic, batch);
    return shape;
  }

  /// A tensor of a value's type.
  Tensor zeros(mlir::Value value) const {
    auto type = mlir::cast<mlir::RankedTensorType>(value.getType());
    return Tensor(shapeOf(type), dtypeOf(type.getElementType()));
  }

private:
  int64_t batch;
  llvm::DenseMap<mlir::Value, Tensor> values;
};

} // namespace attnc::reference
