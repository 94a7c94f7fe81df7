// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What ops and kernels cost: rows, FLOPs and bytes at a given batch.
#pragma once

#include "ir/AttnDialect.h"

namespace attnc {

/// The number of elements at this batch, clamped to the largest int64_t.
int64_t elementsAt(mlir::RankedTensorType type, int64_t batch);

/// The product of all extents but the last at this batch; 1 for rank 0 and 1.
int64_t rowsAt(mlir::RankedTensorType type, int64_t batch);

/// Bytes of one element as it lies in memory; an i1 takes a byte.
int64_t elementBytes(mlir::Type elementType);

/// Arithmetic operations of one op; 0 for ops that only move data. Transcendental functions count as ten.
double flopsOf(mlir::Operation *op, int64_t batch);

struct KernelCost {
  double flops = 0;
  double bytes = 0; ///< Arguments read once and results written once.
};

KernelCost costOf(mlir::func::FuncOp kernel, int64_t batch);

/// Bytes that a kernel reads of an argument. Of a table only the rows that are looked up are read.
double bytesRead(mlir::BlockArgument argument, int64_t batch);

} // namespace attnc
