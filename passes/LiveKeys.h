// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Which keys a query can see by conditions that the compiler can evaluate.
#pragma once

#include "passes/ScoreConditions.h"

namespace attnc {

/// A capture whose elements are known. The attribute is the op's and outlives this.
struct ConstantCapture {
  int64_t number;
  mlir::DenseElementsAttr elements;
};

/// For each query the keys that `conditions` (fixed ones of the attention's region) let it see, in runs of queries that
/// see the same. A key that no rule here decides counts as seen. Nothing where this takes more steps than a compiler
/// should spend (some tenths of a second).
std::optional<llvm::SmallVector<LiveRun>> findLiveRuns(attn::AttentionOp attention,
                                                       llvm::ArrayRef<mlir::Value> conditions,
                                                       llvm::ArrayRef<ConstantCapture> constants);

} // namespace attnc
