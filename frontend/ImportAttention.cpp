// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// nn.MultiheadAttention, nn.TransformerEncoderLayer and nn.TransformerEncoder in core ops. The dialect's attention
// reads the batch first; a module with batch_first = false is transposed where it begins and ends, once, since
// everything else in it works by token.
#include "frontend/ImportBuilder.h"

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

/// Swaps batch and sequence of [a, b, width]; leaves [length, width] alone.
Value swapBatch(ImportBuilder &builder, Value input) {
  return input && ImportBuilder::shapeOf(input).size() == 3 ? builder.transpose(input, {1, 0, 2}) : input;
}

/// Reports, in the module's words, query, key, value and mask that do not go together.
class AttentionShapes {
public:
  AttentionShapes(ImportBuilder &builder, const ModuleDesc &module, bool batchFirst)
      : builder(builder), module(module), batchFirst(batchFirst) {}

  bool check(Value query, Value key, Value value, const Located<int64_t> (&widths)[3],
             const char *const (&widthNames)[3]) {
    Value tensors[] = {query, key, value};
    rank = ImportBuilder::shapeOf(query).size();
    for (int i = 0; i < 3; ++i)
      if (!checkTensor(i, tensors[i], widths[i], widthNames[i]))
        return false;
    if (lengthOf(key) != lengthOf(value))
      return fail(2, "key and value must have the same length, but are " + builder.describe(key) + " and " +
                         builder.describe(value));
    if (rank == 3 && (batchOf(key) != batchOf(query) || batchOf(value) != batchOf(query)))
      return fail(1, "query, key and value must have the same batch, but are " + builder.describe(query) + ", " +
                         builder.describe(key) + " and " + builder.describe(value));
    return true;
  }

  /// The mask is (batch, keys), or (keys) without a batch, whatever batch_first says.
  bool checkMask(Value blocked, Value key) {
    if (!blocked)
      return true;
    SmallVector<int64_t> expected;
    if (rank == 3)
      expected.push_back(batchOf(key));
    expected.push_back(lengthOf(key));
    if (ImportBuilder::shapeOf(blocked) == ArrayRef<int64_t>(expected))
      return true;
    builder.failAt(module.mask.loc,
                   "the padding mask is " + builder.describe(blocked) + ", but the keys " + builder.describe(key) +
                       " need " + builder.describeShape(expected),
                   "a padding mask is (batch, keys)");
    return false;
  }

private:
  bool fail(int which, const std::string &message, const std::string &hint = "") {
    builder.failAt(module.inputs[std::min<size_t>(which, module.inputs.size() - 1)].loc, message, hint);
    return false;
  }
  bool checkTensor(int which, Value tensor, const Located<int64_t> &width, const char *widthName) {
    static const char *const roles[] = {"query", "key", "value"};
    std::string name = module.inputs.size() == 3 ? roles[which] : "input";
    name += " " + inQuotes(*module.inputs[std::min<size_t>(which, module.inputs.size() - 1)]);
    ArrayRef<int64_t> shape = ImportBuilder::shapeOf(tensor);
    if (!cast<RankedTensorType>(tensor.getType()).getElementType().isF32())
      return fail(which, name + " must have dtype f32");
    if (shape.size() != rank || (rank != 2 && rank != 3))
      return fail(which, name + " is " + builder.describe(tensor) +
                             "; attention needs rank 3, or rank 2 without a batch, the same for all it reads");
    if (shape.back() != *width) {
      builder.failAt(width.loc, name + " is " + builder.describe(tensor) + ", but its last dimension must be " +
                                    widthName + " " + std::to_string(*width));
      return false;
    }
    if (ShapedType::isDynamic(lengthOf(tensor)))
      return fail(which,
                  "attention would run along the run-time dimension of " + name + ", " + builder.describe(tensor),
                  "with batch_first false the first dimension is the sequence: set \"batch_first\": true, or fix the "
                  "dimension with --dim");
    return true;
  }
  int64_t lengthOf(Value tensor) const { return ImportBuilder::shapeOf(tensor)[rank == 3 && batchFirst ? 1 : 0]; }
  int64_t batchOf(Value tensor) const { return ImportBuilder::shapeOf(tensor)[batchFirst ? 0 : 1]; }

  ImportBuilder &builder;
  const ModuleDesc &module;
  bool batchFirst;
  size_t rank = 0;
};

/// softmax(query key^T / sqrt(head_dim), without the blocked keys) value, on [.., heads, length, head_dim].
Value attend(ImportBuilder &builder, Value query, Value key, Value value, Value blocked) {
  if (!query || !key || !value)
    return {};
  ArrayRef<int64_t> shape = ImportBuilder::shapeOf(query);
  double headDim = shape.back();
  builder.virtualResults = true;
  Value scores = builder.matmul(query, key, /*transposeRhs=*/true);
  scores = builder.emitWith<attn::ScaleOp>({scores}, [&](attn::ScaleOp::Properties &properties) {
    properties.factor = builder.builder.getF32FloatAttr((float)(1.0 / std::sqrt(headDim)));
  });
  if (blocked) {
    ArrayRef<int64_t> mask = ImportBuilder::shapeOf(blocked);
    if (mask.size() == 2)
      blocked = builder.reshape(blocked, {mask[0], 1, 1, mask[1]});
    scores = builder.emit<attn::MaskOp>({scores, blocked});
  }
  Value weights = builder.emitWith<attn::SoftmaxOp>({scores}, [&](attn::SoftmaxOp::Properties &properties) {
    properties.axis = builder.builder.getI64IntegerAttr((int64_t)shape.size() - 1);
    properties.fully_masked = attn::FullyMaskedAttr::get(builder.builder.getContext(), attn::FullyMasked::zero);
  });
  builder.virtualResults = false;
  return builder.matmul(weights, value, /*transposeRhs=*/false);
}

Value splitHeads(ImportBuilder &builder, Value input, int64_t heads) {
  return builder.emitWith<attn::SplitHeadsOp>({input}, [&](attn::SplitHeadsOp::Properties &properties) {
    properties.heads = builder.builder.getI64IntegerAttr(heads);
  });
}

Value importNorm(ImportBuilder &builder, const ModuleDesc &module, const std::string &local, Value input, double eps,
                 bool affine, bool bias) {
  if (!input)
    return {};
  int64_t width = ImportBuilder::shapeOf(input).back();
  Value weight = affine ? builder.parameter(module.parameterName(local + "weight"), {width}) : Value();
  Value shift = affine && bias ? builder.parameter(module.parameterName(local + "bias"), {width}) : Value();
  return builder.layerNorm(input, weight, shift, eps);
}

/// One encoder layer on a batch-first tensor; `local` is "" or "layers.<i>.".
Value encoderLayer(ImportBuilder &builder, const ModuleDesc &module, const TransformerEncoderLayerDesc &layer,
                   const std::string &local, Value input, Value blocked) {
  MultiheadAttentionDesc attention;
  attention.embedDim = layer.dModel;
  attention.numHeads = layer.nhead;
  attention.bias = layer.bias;
  auto at = [&](const char *part) { builder.setPlace(*module.name + "." + local + part, layer.loc); };
  auto selfAttention = [&](Value x) {
    at("self_attn");
    return importAttention(builder, module, attention, local + "self_attn.", x, x, x, blocked);
  };
  auto feedForward = [&](Value x) {
    at("linear1");
    x = importLinear(builder, module, local + "linear1.", x, *layer.dimFeedforward, *layer.bias);
    x = builder.activation(x, *layer.activation);
    at("linear2");
    return importLinear(builder, module, local + "linear2.", x, *layer.dModel, *layer.bias);
  };
  auto norm = [&](const char *name, Value x) {
    at(name);
    return importNorm(builder, module, local + name + ".", x, *layer.layerNormEps, true, *layer.bias);
  };
  if (*layer.normFirst) {
    input = builder.add(input, selfAttention(norm("norm1", input)));
    return builder.add(input, feedForward(norm("norm2", input)));
  }
  input = norm("norm1", builder.add(input, selfAttention(input)));
  return norm("norm2", builder.add(input, feedForward(input)));
}

/// The module's input, checked and with the batch first.
Value encoderInput(ImportBuilder &builder, const ModuleDesc &module, const TransformerEncoderLayerDesc &layer,
                   Value blocked) {
  Value input = builder.values.at(*module.inputs[0]);
  if (!input)
    return {};
  AttentionShapes shapes(builder, module, *layer.batchFirst);
  if (!shapes.check(input, input, input, {layer.dModel, layer.dModel, layer.dModel},
                    {"d_model", "d_model", "d_model"}) ||
      !shapes.checkMask(blocked, input))
    return {};
  return *layer.batchFirst ? input : swapBatch(builder, input);
}

} // namespace

Value importAttention(ImportBuilder &builder, const ModuleDesc &module, const MultiheadAttentionDesc &attention,
                      const std::string &local, Value query, Value key, Value value, Value blocked) {
  if (!query || !key || !value)
    return {};
  InputProjections projections(builder, module, attention, local);
  Value heads[3];
  Value inputs[] = {query, key, value};
  for (int i = 0; i < 3; ++i)
    heads[i] = splitHeads(builder, projections.project(i, inputs[i]), *attention.numHeads);
  Value context = builder.emit<attn::MergeHeadsOp>({attend(builder, heads[0], heads[1], heads[2], blocked)});
  return importLinear(builder, module, local + "out_proj.", context, *attention.embedDim, *attention.bias);
}

Value importMultihead(ImportBuilder &builder, const ModuleDesc &module, const MultiheadAttentionDesc &attention) {
  Value tensors[3];
  for (int i = 0; i < 3; ++i) {
    tensors[i] = builder.values.at(*module.inputs[i]);
    if (!tensors[i])
      return {};
  }
  Value blocked = builder.blockedMask(module.mask);
  AttentionShapes shapes(builder, module, *attention.batchFirst);
  if (!shapes.check(tensors[0], tensors[1], tensors[2],
                    {attention.embedDim, *attention.kdim ? attention.kdim : attention.embedDim,
                     *attention.vdim ? attention.vdim : attention.embedDim},
                    {"embed_dim", "kdim", "vdim"}) ||
      !shapes.checkMask(blocked, tensors[1]))
    return {};
  Value inputs[3];
  for (int i = 0; i < 3; ++i) {
    bool repeated = i > 0 && tensors[i] == tensors[i - 1]; // One input read three times is transposed once.
    inputs[i] = repeated ? inputs[i - 1] : *attention.batchFirst ? tensors[i] : swapBatch(builder, tensors[i]);
  }
  Value result = importAttention(builder, module, attention, "", inputs[0], inputs[1], inputs[2], blocked);
  return *attention.batchFirst ? result : swapBatch(builder, result);
}

Value importEncoderLayer(ImportBuilder &builder, const ModuleDesc &module, const TransformerEncoderLayerDesc &layer) {
  Value blocked = builder.blockedMask(module.mask);
  Value input = encoderInput(builder, module, layer, blocked);
  Value result = input ? encoderLayer(builder, module, layer, "", input, blocked) : Value();
  return *layer.batchFirst ? result : swapBatch(builder, result);
}

Value importEncoder(ImportBuilder &builder, const ModuleDesc &module, const TransformerEncoderDesc &encoder) {
  Value blocked = builder.blockedMask(module.mask);
  Value x = encoderInput(builder, module, encoder.layer, blocked);
  for (int64_t i = 0; x && i < *encoder.numLayers; ++i) {
    std::string local = "layers." + std::to_string(*encoder.shareWeights ? 0 : i) + ".";
    x = encoderLayer(builder, module, encoder.layer, local, x, blocked);
  }
  if (x && encoder.norm) {
    builder.setPlace(*module.name + ".norm", encoder.normLoc);
    const LayerNormDesc &norm = *encoder.norm;
    if (*norm.normalizedShape != *encoder.layer.dModel)
      return builder.failAt(norm.normalizedShape.loc, "normalized_shape " + std::to_string(*norm.normalizedShape) +
                                                          " is not d_model " + std::to_string(*encoder.layer.dModel));
    x = importNorm(builder, module, "norm.", x, *norm.eps, *norm.elementwiseAffine, *norm.bias);
  }
  return *encoder.layer.batchFirst ? x : swapBatch(builder, x);
}

} // namespace attnc
