// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/Costs.h"

#include "llvm/ADT/TypeSwitch.h"
#include "llvm/Support/MathExtras.h"

#include <limits>

using namespace mlir;
using namespace attnc::attn;

namespace attnc {

static int64_t productAt(ArrayRef<int64_t> shape, int64_t batch) {
  uint64_t product = 1;
  for (int64_t extent : shape)
    product = llvm::SaturatingMultiply<uint64_t>(product, ShapedType::isDynamic(extent) ? batch : extent);
  return std::min<uint64_t>(product, std::numeric_limits<int64_t>::max());
}

int64_t elementsAt(RankedTensorType type, int64_t batch) { return productAt(type.getShape(), batch); }

int64_t rowsAt(RankedTensorType type, int64_t batch) {
  return type.getRank() < 2 ? 1 : productAt(type.getShape().drop_back(), batch);
}

int64_t elementBytes(Type elementType) { return std::max<int64_t>(elementType.getIntOrFloatBitWidth() / 8, 1); }

double flopsOf(Operation *op, int64_t batch) {
  constexpr double transcendental = 10;
  if (op->getNumResults() == 0)
    return 0;
  auto type = dyn_cast<RankedTensorType>(op->getResult(0).getType());
  if (!type)
    return 0;
  double elements = elementsAt(type, batch);
  return TypeSwitch<Operation *, double>(op)
      .Case([&](MatmulOp matmul) { return 2 * elements * matmul.getLhs().getType().getShape().back(); })
      .Case([&](AttentionOp attention) {
        RankedTensorType query = attention.getQuery().getType();
        double keys = attention.getKey().getType().getShape().drop_back().back();
        double scores = rowsAt(query, batch) * keys;
        double eachTerm = attention.getScoreWeight() ? 3 + transcendental : 2;
        return eachTerm * scores * query.getShape().back() + 2 * elements * keys;
      })
      .Case([&](AdditiveScoreOp score) {
        return (3 + transcendental) * elements * score.getQuery().getType().getShape().back();
      })
      .Case([&](ScoreWeightsOp weights) {
        return elements * (weights.getKind() == Normalizer::sigmoid ? 1 + transcendental : 2);
      })
      .Case([&](LogSumExpOp logSumExp) {
        return (2 + transcendental) * double(elementsAt(logSumExp.getInput().getType(), batch));
      })
      .Case([&](ActivationOp activation) {
        return elements * (activation.getKind() == ActivationKind::relu ? 1 : transcendental);
      })
      .Case([&](SoftmaxOp) { return elements * (3 + transcendental); })
      .Case<LayerNormOp, RMSNormOp, L2NormOp>([&](Operation *) { return elements * 7; })
      .Case([&](RotaryOp) { return elements * 3; })
      .Case([&](MeanOp mean) { return double(elementsAt(mean.getInput().getType(), batch)); })
      .Case([&](PoolOp pool) { return double(elementsAt(pool.getInput().getType(), batch)); })
      .Case<AddOp, SubOp, MulOp, DivOp, ScaleOp, ModifyScoresOp>([&](Operation *) { return elements; })
      .Default([](Operation *) { return 0.0; });
}

double bytesRead(BlockArgument argument, int64_t batch) {
  auto type = cast<RankedTensorType>(argument.getType());
  double bytes = double(elementsAt(type, batch)) * elementBytes(type.getElementType());
  if (auto panels = dyn_cast_if_present<PanelsAttr>(type.getEncoding()))
    bytes /= double(panels.getStep());
  if (llvm::all_of(argument.getUsers(), [](Operation *user) { return isa<SliceOp>(user); }) && !argument.use_empty()) {
    double sliced = 0;
    for (Operation *user : argument.getUsers())
      sliced += double(elementsAt(cast<SliceOp>(user).getType(), batch)) * elementBytes(type.getElementType());
    return std::min(bytes, sliced);
  }
  for (Operation *user : argument.getUsers())
    if (auto append = dyn_cast<AppendOp>(user); append && append.getCache() == argument)
      return 0;
  for (Operation *user : argument.getUsers())
    if (auto embedding = dyn_cast<EmbeddingOp>(user); embedding && embedding.getTable() == argument)
      return double(elementsAt(embedding.getType(), batch)) * 4;
  return bytes;
}

KernelCost costOf(func::FuncOp kernel, int64_t batch) {
  KernelCost cost;
  Block &body = kernel.getBody().front();
  for (Operation &op : body)
    cost.flops += flopsOf(&op, batch);
  for (BlockArgument argument : body.getArguments())
    cost.bytes += bytesRead(argument, batch);
  for (AppendOp append : body.getOps<AppendOp>()) { // Of the cache it writes these rows alone.
    for (Value rows : append.getRows())
      cost.bytes += double(elementsAt(cast<RankedTensorType>(rows.getType()), batch)) * 4;
    return cost;
  }
  for (Type result : kernel.getResultTypes()) {
    auto type = cast<RankedTensorType>(result);
    cost.bytes += double(elementsAt(type, batch)) * elementBytes(type.getElementType());
  }
  return cost;
}

} // namespace attnc
