// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Additive attention: one head, whose scores are v . tanh(W_q query + W_k key + b), in core ops.
#include "frontend/ImportAttention.h"

using namespace mlir;

namespace attnc {

namespace {

/// Drops the head dimension, of extent 1, of a value that there may not be.
void dropHead(ImportBuilder &builder, Value *value, bool batched) {
  if (!value || !*value)
    return;
  SmallVector<int64_t> shape(ImportBuilder::shapeOf(*value));
  shape.erase(shape.begin() + (batched ? 1 : 0));
  *value = builder.reshape(*value, shape);
}

} // namespace

Value importAdditive(ImportBuilder &builder, const ModuleDesc &module, const AdditiveAttentionDesc &attention) {
  FurtherValues further = furtherValuesOf(builder, module, attention);
  auto inputs = readAttentionInputs(
      builder, module, *attention.batchFirst,
      {attention.queryDim, attention.keyDim, *attention.valueDim ? attention.valueDim : attention.keyDim},
      {"query_dim", "key_dim", "value_dim"}, 1);
  if (!inputs)
    return {};
  int64_t width = *attention.attentionDim;
  Value query = importLinear(builder, module, "query_proj.", inputs->query, width, /*bias=*/false);
  Value key = importLinear(builder, module, "key_proj.", inputs->key, width, /*bias=*/false);
  if (*attention.bias && query)
    query = builder.add(query, builder.parameter(module.parameterName("bias"), {width}));
  AttentionFunction function;
  function.scoreWeight =
      builder.reshape(builder.parameter(module.parameterName("score_proj.weight"), {1, width}), {width});
  if (!query || !key || !function.scoreWeight)
    return {};
  ArrayRef<int64_t> keyShape = ImportBuilder::shapeOf(inputs->key);
  function.realKeys = keyShape[keyShape.size() - 2];
  function.configure(attention, function.realKeys);
  function.further = further;
  Value context = builder.emit<attn::MergeHeadsOp>(
      {function.emit(builder, splitHeads(builder, query, 1), splitHeads(builder, key, 1),
                     splitHeads(builder, inputs->value, 1), inputs->arguments)});
  bool batched = keyShape.size() == 3;
  dropHead(builder, further.weights, batched);
  dropHead(builder, further.logSumExp, batched);
  return *attention.batchFirst ? context : swapBatch(builder, context);
}

} // namespace attnc
