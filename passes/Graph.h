// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Questions that several passes ask of a model's function: straight-line code over tensors, in which weights lead.
#pragma once

#include "ir/AttnDialect.h"
#include "passes/Explain.h"

#include "llvm/ADT/SmallVector.h"

#include <string>

namespace attnc {

/// The functions that are models, not kernels. Several are variants of one model.
llvm::SmallVector<mlir::func::FuncOp> modelFunctions(mlir::ModuleOp module);

/// Of a model's function: the extent of the dimension that has several (attn.bucket), and the name of that dimension.
constexpr llvm::StringLiteral kBucket = "attn.bucket", kBucketDim = "attn.bucket_dim";

/// Of a model's function: that its batch elements are independent (a unit attribute), and how many of them are the
/// share of a thread when a run takes a part of the batch at a time (an i64 from 1 to kMaxMicrobatch).
constexpr llvm::StringLiteral kIndependentBatch = "attn.independent_batch", kMicrobatch = "attn.microbatch";
constexpr int64_t kMaxMicrobatch = 1 << 30;

/// Of an argument of a model's function: that it is a state, memory that a run reads and writes; the number of the
/// result that is the state after the run (an i64). attn.append alone makes such a result.
constexpr llvm::StringLiteral kState = "attn.state";

/// The name of the model that a function is: its own, or where it is a variant, that of attn.model.
llvm::StringRef modelName(mlir::func::FuncOp model);

/// The kernel functions that OutlineKernels made, in the order of their first call.
llvm::SmallVector<mlir::func::FuncOp> kernelFunctions(mlir::ModuleOp module);

/// Of a call: for each operand the slot of a cache (its second dimension) from which on the kernel's argument has it; a
/// result that takes the place of such an operand begins there as well. So kernels of different slots are one.
constexpr llvm::StringLiteral kFirstSlots = "attn.first_slots";

/// The operand of a call that its first result takes the place of: the cache that its kernel appends to. Null for the
/// calls of other kernels.
mlir::Value overwrittenBy(mlir::func::CallOp call);

/// The first slot that a call's kernel has of each operand.
llvm::SmallVector<int64_t> firstSlotsOf(mlir::func::CallOp call);

/// A kernel's kind; kernelFunctions() only.
attn::KernelKind kernelKind(mlir::func::FuncOp kernel);

/// The run-time batch's range, 1 where the module states none.
int64_t minBatch(mlir::ModuleOp module);

/// The value is a weight or a compiler-made f32 constant, or slices, concatenations, reshapes and transposes of such
/// that the weights image can hold: known before the first run.
bool isWeight(mlir::Value value);

/// A weight of rank 1 and this extent.
bool isVectorWeight(mlir::Value value, int64_t extent);

/// A matmul whose rhs is a weight matrix that the image can hold as panels: the only kind that becomes a matmul kernel.
bool hasWeightRhs(attn::MatmulOp matmul);

/// The only user of a value that is used once, else null.
mlir::Operation *onlyUser(mlir::Value value);

inline mlir::RankedTensorType tensorType(mlir::Value value) {
  return mlir::cast<mlir::RankedTensorType>(value.getType());
}

/// What the user knows an op by: the module of the first weight that it reads ("encoder.layers.3.linear1"), or else the
/// name in its location, or else the op's name.
std::string labelOf(mlir::Operation *op);

/// Takes note of what a pass declines to do.
struct Refusals {
  const char *pass;
  ExplainLog *log; ///< May be null.
  bool remarks;

  /// Always fails, so that a predicate can return it.
  llvm::LogicalResult operator()(mlir::Operation *op, const llvm::Twine &reason) const;
};

} // namespace attnc
