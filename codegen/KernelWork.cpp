// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "codegen/KernelWork.h"

#include "ir/AttnDialect.h"
#include "passes/Costs.h"
#include "passes/ScoreConditions.h"

#include <algorithm>

namespace attnc {

double pairsWithin(const KeyLimits &limits, int64_t queries, int64_t keys) {
  double pairs = 0;
  for (int64_t query = 0; query < queries; ++query) {
    const KeySpan span = keysOf(limits, query, 1, keys);
    pairs += static_cast<double>(span.end - span.begin);
  }
  return pairs;
}

/// The share of all pairs of query and key that the op's region lets through by their indices.
static double shareWithinLimits(attn::AttentionOp attention) {
  const int64_t queries = attention.getQuery().getType().getShape().drop_back().back();
  const int64_t keys = attention.getKey().getType().getShape().drop_back().back();
  return pairsWithin(keyLimits(attention), queries, keys) / (static_cast<double>(queries) * static_cast<double>(keys));
}

KernelWork workOf(mlir::func::FuncOp kernel, int64_t batch) {
  KernelWork work;
  for (mlir::Operation &op : kernel.getBody().front()) {
    double flops = flopsOf(&op, batch);
    if (auto attention = mlir::dyn_cast<attn::AttentionOp>(op))
      flops *= shareWithinLimits(attention);
    work.flops += flops;
    if (mlir::isa<attn::AttentionOp, attn::MatmulOp>(op))
      work.matmulFlops += flops;
  }
  work.bytes = costOf(kernel, batch).bytes;
  for (mlir::Type type : kernel.getResultTypes())
    if (!attn::hasAllRows(mlir::cast<mlir::RankedTensorType>(type)))
      work.share = kernel.getOps<attn::AttentionOp>().empty() ? ATTNC_WORK_TOKENS : ATTNC_WORK_PAIRS;
  return work;
}

} // namespace attnc
