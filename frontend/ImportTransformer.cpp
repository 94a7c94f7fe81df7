// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// nn.TransformerEncoderLayer and nn.TransformerEncoder in core ops.
#include "frontend/ImportAttention.h"

using namespace mlir;

namespace attnc {

namespace {

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
                   const std::string &local, Value input, const ScoreArguments &arguments) {
  MultiheadAttentionDesc attention;
  attention.embedDim = layer.dModel;
  attention.numHeads = layer.nhead;
  attention.bias = layer.bias;
  attention.fullyMasked = layer.fullyMasked;
  attention.score = layer.score;
  auto at = [&](const char *part) { builder.setPlace(*module.name + "." + local + part, layer.loc); };
  auto selfAttention = [&](Value x) {
    at("self_attn");
    return importAttention(builder, module, attention, local + "self_attn.", x, x, x, arguments);
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

/// A module's input, checked and with the batch first, and what acts on its scores.
struct EncoderInput {
  Value value;
  ScoreArguments arguments;
};

std::optional<EncoderInput> encoderInput(ImportBuilder &builder, const ModuleDesc &module,
                                         const TransformerEncoderLayerDesc &layer, const char *mask) {
  Value input = builder.values.at(*module.inputs[0]);
  if (!input)
    return std::nullopt;
  auto extents = AttentionShapes(builder, module, *layer.batchFirst)
                     .check(input, input, input, {layer.dModel, layer.dModel, layer.dModel},
                            {"d_model", "d_model", "d_model"}, *layer.nhead);
  if (!extents)
    return std::nullopt;
  auto arguments = importScoreArguments(builder, module, {mask, "src_key_padding_mask", "lengths"}, *extents);
  if (!arguments)
    return std::nullopt;
  return EncoderInput{*layer.batchFirst ? input : swapBatch(builder, input), *arguments};
}

} // namespace

Value importEncoderLayer(ImportBuilder &builder, const ModuleDesc &module, const TransformerEncoderLayerDesc &layer) {
  std::optional<EncoderInput> input = encoderInput(builder, module, layer, "src_mask");
  if (!input)
    return {};
  Value result = encoderLayer(builder, module, layer, "", input->value, input->arguments);
  return *layer.batchFirst ? result : swapBatch(builder, result);
}

Value importEncoder(ImportBuilder &builder, const ModuleDesc &module, const TransformerEncoderDesc &encoder) {
  std::optional<EncoderInput> input = encoderInput(builder, module, encoder.layer, "mask");
  if (!input)
    return {};
  Value x = input->value;
  for (int64_t i = 0; x && i < *encoder.numLayers; ++i) {
    std::string local = "layers." + std::to_string(*encoder.shareWeights ? 0 : i) + ".";
    x = encoderLayer(builder, module, encoder.layer, local, x, input->arguments);
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
