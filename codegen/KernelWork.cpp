// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "codegen/KernelWork.h"

#include "ir/AttnDialect.h"
#include "passes/Costs.h"
#include "passes/ScoreConditions.h"

#include <algorithm>

namespace attnc {

double pairsInBand(int64_t queries, int64_t keys, int64_t first, int64_t last) {
  double pairs = 0;
  for (int64_t query = 0; query < queries; ++query) {
    const int64_t from = std::max<int64_t>(query + first, 0), to = std::min(query + last, keys - 1);
    pairs += static_cast<double>(std::max<int64_t>(to - from + 1, 0));
  }
  return pairs;
}

/// The share of all pairs of query and key that the op's region lets through by their indices.
static double shareInBand(attn::AttentionOp attention) {
  const KeyBand band = keyBand(attention.getScore().front());
  const int64_t queries = attention.getQuery().getType().getShape().drop_back().back();
  const int64_t keys = attention.getKey().getType().getShape().drop_back().back();
  // Beyond these no bound matters, and sums stay in range.
  const int64_t first = std::clamp(band.first.value_or(-queries), -queries, keys);
  const int64_t last = std::clamp(band.last.value_or(keys), -queries, keys);
  return pairsInBand(queries, keys, first, last) / (static_cast<double>(queries) * static_cast<double>(keys));
}

KernelWork workOf(mlir::func::FuncOp kernel, int64_t batch) {
  KernelWork work;
  for (mlir::Operation &op : kernel.getBody().front()) {
    double flops = flopsOf(&op, batch);
    if (auto attention = mlir::dyn_cast<attn::AttentionOp>(op))
      flops *= shareInBand(attention);
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
