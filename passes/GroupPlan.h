// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The decision of FuseEpilogue, as plain data: which ops of a model become one kernel.
#pragma once

#include "passes/Graph.h"

namespace attnc {

/// Ops of one kernel in the order of the block.
struct PlannedGroup {
  attn::KernelKind kind;
  mlir::Operation *anchor; ///< The op that gives the kernel its kind and its label.
  llvm::SmallVector<mlir::Operation *> ops;

  /// The values that leave the kernel: the result of the last op, then the further results of the anchor.
  llvm::SmallVector<mlir::Value> results() const;
};

struct GroupPlan {
  /// In the order of their last ops, so that a group stands after all it reads. An op that is an index map (slice,
  /// split_heads, is_zero) may be in several.
  llvm::SmallVector<PlannedGroup> groups;
  /// Operands of the return that need a copy: arguments, weights and values that are returned twice.
  llvm::SmallVector<unsigned> copies;
};

struct GroupOptions {
  bool epilogue = true; ///< Take ops before and after a matmul or an attention into its kernel.
  int64_t threads = 2;
  int64_t l2Bytes = 512 * 1024;
  int64_t batch = 1; ///< The smallest batch.
};

/// The plan for a function's block; reasons for what is not taken into a kernel go to `refuse`.
GroupPlan planGroups(mlir::Block &block, const GroupOptions &options, const Refusals &refuse);

/// A constant that the weights image cannot hold (i1, i32): every kernel that reads it has its own copy.
bool isInlineConstant(mlir::Operation *op);

} // namespace attnc
