// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "frontend/ImportAttention.h"

#include <cmath>

using namespace mlir;

namespace attnc {

namespace {

/// The weights and biases of the three input projections, of whichever form the parameters have.
class InputProjections {
public:
  InputProjections(ImportBuilder &builder, const ModuleDesc &module, const MultiheadAttentionDesc &attention,
                   std::string local)
      : builder(builder), module(module), local(std::move(local)), embedDim(*attention.embedDim),
        bias(*attention.bias) {
    widths[0] = embedDim;
    widths[1] = *attention.kdim ? *attention.kdim : embedDim;
    widths[2] = *attention.vdim ? *attention.vdim : embedDim;
    splitWeights = widths[1] != embedDim || widths[2] != embedDim || module.renames(this->local + "q_proj_weight");
    splitBiases = module.renames(this->local + "q_proj_bias");
  }

  /// Projects the query (0), key (1) or value (2).
  Value project(int which, Value input) {
    Value result = builder.matmul(input, weight(which), /*transposeRhs=*/true);
    return bias ? builder.add(result, biasOf(which)) : result;
  }

private:
  Value parameter(const std::string &name, ArrayRef<int64_t> shape) {
    return builder.parameter(module.parameterName(local + name), shape);
  }
  Value weight(int which) {
    static const char *const names[] = {"q_proj_weight", "k_proj_weight", "v_proj_weight"};
    if (splitWeights)
      return parameter(names[which], {embedDim, widths[which]});
    return builder.slice(parameter("in_proj_weight", {3 * embedDim, embedDim}), 0, which * embedDim, embedDim);
  }
  Value biasOf(int which) {
    static const char *const names[] = {"q_proj_bias", "k_proj_bias", "v_proj_bias"};
    if (splitBiases)
      return parameter(names[which], {embedDim});
    return builder.slice(parameter("in_proj_bias", {3 * embedDim}), 0, which * embedDim, embedDim);
  }

  ImportBuilder &builder;
  const ModuleDesc &module;
  std::string local;
  int64_t embedDim;
  int64_t widths[3];
  bool bias, splitWeights, splitBiases;
};

/// Turns heads, [.., length, head_dim], by their positions. One table serves all that are of one length.
class Rotation {
public:
  Rotation(ImportBuilder &builder, const RopeDesc &rope) : builder(builder), rope(rope) {}

  Value apply(Value heads) {
    if (!heads)
      return {};
    ArrayRef<int64_t> shape = ImportBuilder::shapeOf(heads).take_back(2);
    if (!tables[0] || ImportBuilder::shapeOf(tables[0])[0] != shape[0])
      makeTables(shape[0], shape[1] / 2);
    return builder.emitWith<attn::RotaryOp>({heads, tables[0], tables[1]}, [&](attn::RotaryOp::Properties &properties) {
      if (*rope.interleaved)
        properties.interleaved = builder.builder.getUnitAttr();
    });
  }

private:
  /// The angles are worked out in f64.
  void makeTables(int64_t length, int64_t pairs) {
    tables[0] = tables[1] = {};
    std::optional<int64_t> elements = checkedProduct({2, length, pairs}, maxTableElements - builder.tableElements);
    if (!elements) {
      builder.failAt(rope.loc, "tables of positions of more than " + std::to_string(maxTableElements) + " elements");
      return;
    }
    builder.tableElements += *elements;
    std::vector<float> cosines, sines;
    for (int64_t position = *rope.offset; position < *rope.offset + length; ++position)
      for (int64_t pair = 0; pair < pairs; ++pair) {
        double angle = (double)position * std::pow(*rope.theta, -(double)pair / (double)pairs);
        cosines.push_back((float)std::cos(angle));
        sines.push_back((float)std::sin(angle));
      }
    tables[0] = builder.constant(cosines, {length, pairs});
    tables[1] = builder.constant(sines, {length, pairs});
  }

  ImportBuilder &builder;
  const RopeDesc &rope;
  Value tables[2]; ///< Cosines and sines.
};

/// A row of zeros for each head, as [.., heads, length, head_dim].
Value zeroRow(ImportBuilder &builder, Value heads) {
  SmallVector<int64_t> row(ImportBuilder::shapeOf(heads));
  row[row.size() - 2] = 1;
  return builder.broadcast(builder.constant({0.0f}, {1}), row);
}

/// Appends bias_k or bias_v, as `isKey` says, then a zero row for each head, to [.., heads, length, head_dim].
Value appendKeys(ImportBuilder &builder, const ModuleDesc &module, const MultiheadAttentionDesc &attention,
                 const std::string &local, bool isKey, Value heads) {
  if (!heads)
    return {};
  SmallVector<int64_t> row(ImportBuilder::shapeOf(heads));
  size_t axis = row.size() - 2;
  row[axis] = 1;
  SmallVector<Value> parts = {heads};
  if (*attention.addBiasKv) {
    Value parameter =
        builder.parameter(module.parameterName(local + (isKey ? "bias_k" : "bias_v")), {1, 1, *attention.embedDim});
    parts.push_back(builder.broadcast(builder.reshape(parameter, {row[axis - 1], 1, row.back()}), row));
  }
  if (*attention.addZeroAttn)
    parts.push_back(zeroRow(builder, heads));
  return parts.size() == 1 ? heads : builder.concat(parts, (int64_t)axis);
}

} // namespace

Value splitHeads(ImportBuilder &builder, Value input, int64_t heads) {
  return builder.emitWith<attn::SplitHeadsOp>({input}, [&](attn::SplitHeadsOp::Properties &properties) {
    properties.heads = builder.builder.getI64IntegerAttr(heads);
  });
}

Value swapBatch(ImportBuilder &builder, Value input) {
  return input && ImportBuilder::shapeOf(input).size() == 3 ? builder.transpose(input, {1, 0, 2}) : input;
}

std::optional<ScoreExtents> AttentionShapes::check(const AttentionOperand &query, const AttentionOperand &key,
                                                   const AttentionOperand &value, int64_t heads) {
  rank = ImportBuilder::shapeOf(query.tensor).size();
  if (!checkTensor(query) || !checkTensor(key) || !checkTensor(value))
    return std::nullopt;
  if (lengthOf(key.tensor) != lengthOf(value.tensor)) {
    fail(value, "key and value must have the same length, but are " + builder.describe(key.tensor) + " and " +
                    builder.describe(value.tensor));
    return std::nullopt;
  }
  if (rank == 3 && (batchOf(key.tensor) != batchOf(query.tensor) || batchOf(value.tensor) != batchOf(query.tensor))) {
    bool three = std::string(value.role) != key.role;
    fail(key, three ? "query, key and value must have the same batch, but are " + builder.describe(query.tensor) +
                          ", " + builder.describe(key.tensor) + " and " + builder.describe(value.tensor)
                    : std::string(query.role) + " and " + key.role + " must have the same batch, but are " +
                          builder.describe(query.tensor) + " and " + builder.describe(key.tensor));
    return std::nullopt;
  }
  return ScoreExtents{rank == 3, rank == 3 ? batchOf(query.tensor) : 1, heads, lengthOf(query.tensor),
                      lengthOf(key.tensor)};
}

bool AttentionShapes::fail(const AttentionOperand &operand, const std::string &message, const std::string &hint) {
  builder.failAt(operand.name.loc, message, hint);
  return false;
}

bool AttentionShapes::checkTensor(const AttentionOperand &operand) {
  std::string name = operand.role + (" " + inQuotes(*operand.name));
  std::string shape = builder.describe(operand.tensor);
  ArrayRef<int64_t> extents = ImportBuilder::shapeOf(operand.tensor);
  if (!cast<RankedTensorType>(operand.tensor.getType()).getElementType().isF32())
    return fail(operand, name + " must have dtype f32");
  if (extents.size() != rank || (rank != 2 && rank != 3))
    return fail(operand, name + " is " + shape +
                             "; attention needs rank 3, or rank 2 without a batch, the same for all it reads");
  if (extents.back() != *operand.width) {
    builder.failAt(operand.width.loc, name + " is " + shape + ", but its last dimension must be " + operand.widthName +
                                          " " + std::to_string(*operand.width));
    return false;
  }
  if (ShapedType::isDynamic(lengthOf(operand.tensor)))
    return fail(operand, "attention would run along the run-time dimension of " + name + ", " + shape,
                "with batch_first false the first dimension is the sequence: set \"batch_first\": true, or fix the "
                "dimension with --dim");
  return true;
}

void AttentionFunction::configure(const AttentionWeightsDesc &desc, int64_t keys) {
  steps = desc.score;
  fullyMasked = desc.fullyMasked;
  sink = desc.sink ? &*desc.sink : nullptr;
  normalizer = *desc.normalizer;
  normalizerScale = desc.scaledByKeys ? 1.0f / (float)keys : (float)desc.normalizerScale;
}

Value AttentionFunction::emitScores(ImportBuilder &builder, Value query, Value key) const {
  if (scoreWeight)
    return builder.emit<attn::AdditiveScoreOp>({query, key, scoreWeight});
  Value scores = builder.matmul(query, key, /*transposeRhs=*/true);
  return builder.emitWith<attn::ScaleOp>({scores}, [&](attn::ScaleOp::Properties &properties) {
    properties.factor = builder.builder.getF32FloatAttr(factor);
  });
}

Value AttentionFunction::emitWeights(ImportBuilder &builder, Value scores) const {
  MLIRContext *context = builder.builder.getContext();
  if (normalizer != Normalizer::Softmax)
    return builder.emitWith<attn::ScoreWeightsOp>({scores}, [&](attn::ScoreWeightsOp::Properties &properties) {
      properties.kind = attn::NormalizerAttr::get(context, *attn::symbolizeNormalizer(spelling(normalizer)));
      properties.factor = builder.builder.getF32FloatAttr(normalizerScale);
    });
  return builder.emitWith<attn::SoftmaxOp>({scores}, [&](attn::SoftmaxOp::Properties &properties) {
    properties.axis = builder.builder.getI64IntegerAttr((int64_t)ImportBuilder::shapeOf(scores).size() - 1);
    properties.fully_masked = attn::FullyMaskedAttr::get(context, *attn::symbolizeFullyMasked(spelling(*fullyMasked)));
  });
}

bool AttentionFunction::checkQueries(ImportBuilder &builder, const ScoreArguments &arguments, int64_t queries,
                                     int64_t keys) const {
  if (*fullyMasked != FullyMaskedRows::Error || keys > realKeys)
    return true;
  auto blind = firstBlindQuery(steps, arguments, queries, keys);
  if (blind)
    builder.failAt(
        fullyMasked.loc, "fully_masked is \"error\", but query " + std::to_string(*blind) + " sees no key in any run",
        "its keys are all blocked by what the description says: score, lengths of queries and keys, constant "
        "masks");
  return !blind;
}

Value AttentionFunction::emit(ImportBuilder &builder, Value query, Value key, Value value,
                              const ScoreArguments &given) const {
  if (!query || !key || !value)
    return {};
  ScoreArguments arguments = given;
  int64_t keys = *(ImportBuilder::shapeOf(key).end() - 2);
  if (sink) {
    arguments.sink = sink;
    int64_t axis = (int64_t)ImportBuilder::shapeOf(key).size() - 2;
    key = builder.concat({key, zeroRow(builder, key)}, axis);
    value = builder.concat({value, zeroRow(builder, value)}, axis);
  }
  if (!key || !value || !checkQueries(builder, arguments, *(ImportBuilder::shapeOf(query).end() - 2), keys + !!sink))
    return {};
  builder.virtualResults = true; // Fused scores never get to memory; weights that somebody wants do.
  Value scores = modifyScores(builder, emitScores(builder, query, key), steps, arguments, realKeys);
  builder.virtualResults = !further.weights;
  Value weights = scores ? emitWeights(builder, scores) : Value();
  builder.virtualResults = false;
  if (further.weights)
    *further.weights = weights && sink
                           ? builder.slice(weights, (int64_t)ImportBuilder::shapeOf(weights).size() - 1, 0, keys)
                           : weights;
  if (further.logSumExp)
    *further.logSumExp = builder.emit<attn::LogSumExpOp>({scores});
  return builder.matmul(weights, value, /*transposeRhs=*/false);
}

std::optional<AttentionInputs> readAttentionInputs(ImportBuilder &builder, const ModuleDesc &module, bool batchFirst,
                                                   const Located<int64_t> (&widths)[3],
                                                   const char *const (&widthNames)[3], int64_t heads) {
  Value tensors[3], inputs[3];
  for (int i = 0; i < 3; ++i) {
    tensors[i] = builder.values.at(*module.inputs[i]);
    if (!tensors[i])
      return std::nullopt;
  }
  static const char *const roles[] = {"query", "key", "value"};
  auto operand = [&](int which) {
    return AttentionOperand{roles[which], module.inputs[which], tensors[which], widths[which], widthNames[which]};
  };
  auto extents = AttentionShapes(builder, batchFirst).check(operand(0), operand(1), operand(2), heads);
  if (!extents)
    return std::nullopt;
  auto arguments = importScoreArguments(builder, module, {"attn_mask", "key_padding_mask", "lengths"}, *extents);
  if (!arguments)
    return std::nullopt;
  for (int i = 0; i < 3; ++i) {
    bool repeated = i > 0 && tensors[i] == tensors[i - 1]; // One input read three times is transposed once.
    inputs[i] = repeated ? inputs[i - 1] : batchFirst ? tensors[i] : swapBatch(builder, tensors[i]);
  }
  return AttentionInputs{inputs[0], inputs[1], inputs[2], std::move(*arguments)};
}

FurtherValues furtherValuesOf(ImportBuilder &builder, const ModuleDesc &module, const AttentionWeightsDesc &desc) {
  auto value = [&](bool wanted, const char *name) { return wanted ? &builder.values[*module.name + name] : nullptr; };
  return {value(*desc.needWeights, ".attn_weights"), value(*desc.needLse, ".log_sum_exp")};
}

Value importAttention(ImportBuilder &builder, const ModuleDesc &module, const MultiheadAttentionDesc &attention,
                      const std::string &local, Value query, Value key, Value value, const ScoreArguments &given,
                      const FurtherValues &further, KeyValueCache *cache) {
  if (!query || !key || !value)
    return {};
  ScoreArguments arguments = given;
  InputProjections projections(builder, module, attention, local);
  Value heads[3];
  Value inputs[] = {query, key, value};
  for (int i = 0; i < 3; ++i)
    heads[i] = splitHeads(builder, projections.project(i, inputs[i]), *attention.numHeads);
  if (attention.rope) {
    Rotation rotation(builder, *attention.rope);
    heads[0] = rotation.apply(heads[0]);
    heads[1] = rotation.apply(heads[1]);
  }
  if (cache) {
    cache->append(heads[1], heads[2]);
    if (!heads[1] || !heads[2])
      return {};
    arguments.position = cache->position;
    arguments.steps.clear(); // A causal mask, which the position says.
  }
  AttentionFunction function;
  function.factor = (float)(1.0 / std::sqrt((double)(*attention.embedDim / *attention.numHeads)));
  function.realKeys = cache ? *(ImportBuilder::shapeOf(heads[1]).end() - 2) : *(ImportBuilder::shapeOf(key).end() - 2);
  function.configure(attention, function.realKeys + *attention.addBiasKv + *attention.addZeroAttn);
  if (cache)
    function.steps = {};
  function.further = further;
  heads[1] = appendKeys(builder, module, attention, local, /*isKey=*/true, heads[1]);
  heads[2] = appendKeys(builder, module, attention, local, /*isKey=*/false, heads[2]);
  Value context = builder.emit<attn::MergeHeadsOp>({function.emit(builder, heads[0], heads[1], heads[2], arguments)});
  return importLinear(builder, module, local + "out_proj.", context, *attention.embedDim, *attention.bias);
}

/// Reports what a MultiheadAttention with a cache cannot have.
static bool checkMultiheadCache(ImportBuilder &builder, const ModuleDesc &module,
                                const MultiheadAttentionDesc &attention) {
  if (!checkCacheKeys(builder, module, attention.cache, attention.score, attention.rope))
    return false;
  if (*attention.cache.capacity == 0)
    return true;
  auto refuse = [&](const SourceLoc &loc, const char *what) {
    builder.failAt(loc, std::string(what) + " does not go with a cache");
    return false;
  };
  if (*module.inputs[1] != *module.inputs[0] || *module.inputs[2] != *module.inputs[0])
    return refuse(module.inputs[1].loc, "a key or value that is not the query");
  if (*attention.addBiasKv)
    return refuse(attention.addBiasKv.loc, "add_bias_kv");
  if (*attention.addZeroAttn)
    return refuse(attention.addZeroAttn.loc, "add_zero_attn");
  if (attention.sink)
    return refuse(attention.sink->loc, "sink");
  if (*attention.normalizer != Normalizer::Softmax)
    return refuse(attention.normalizer.loc, "a normalizer other than softmax");
  if (*attention.needWeights)
    return refuse(attention.needWeights.loc, "need_weights");
  if (*attention.needLse)
    return refuse(attention.needLse.loc, "need_lse");
  return true;
}

Value importMultihead(ImportBuilder &builder, const ModuleDesc &module, const MultiheadAttentionDesc &attention) {
  FurtherValues further = furtherValuesOf(builder, module, attention);
  auto inputs = readAttentionInputs(builder, module, *attention.batchFirst,
                                    {attention.embedDim, *attention.kdim ? attention.kdim : attention.embedDim,
                                     *attention.vdim ? attention.vdim : attention.embedDim},
                                    {"embed_dim", "kdim", "vdim"}, *attention.numHeads);
  if (!inputs || !checkMultiheadCache(builder, module, attention))
    return {};
  auto cache = KeyValueCache::create(builder, module, attention.cache, inputs->query,
                                     {1, *attention.numHeads, *attention.embedDim / *attention.numHeads});
  if (*attention.cache.capacity && !cache)
    return {};
  Value result = importAttention(builder, module, attention, "", inputs->query, inputs->key, inputs->value,
                                 inputs->arguments, further, cache.get());
  if (further.weights && *further.weights && *attention.averageAttnWeights)
    *further.weights = builder.emitWith<attn::MeanOp>({*further.weights}, [&](attn::MeanOp::Properties &properties) {
      properties.axis = builder.builder.getI64IntegerAttr((int64_t)ImportBuilder::shapeOf(*further.weights).size() - 3);
    });
  return *attention.batchFirst ? result : swapBatch(builder, result);
}

} // namespace attnc
