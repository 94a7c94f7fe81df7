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

/// The parts of one layer, on batch-first tensors.
class LayerImporter {
public:
  /// `local` goes before the layer's parameter names: "" or "layers.<i>.".
  LayerImporter(ImportBuilder &builder, const ModuleDesc &module, const TransformerLayerDesc &layer, std::string local)
      : builder(builder), module(module), layer(layer), local(std::move(local)) {}

  Value encoderLayer(Value x, const ScoreArguments &arguments) {
    x = residual("norm1", x, [&](Value y) { return attention("self_attn", layer.score, y, y, arguments); });
    return residual("norm2", x, [&](Value y) { return feedForward(y); });
  }

private:
  void at(const std::string &part) { builder.setPlace(*module.name + "." + local + part, layer.loc); }

  /// x + sublayer(x), normalised before or after.
  Value residual(const std::string &normName, Value x, llvm::function_ref<Value(Value)> sublayer) {
    if (*layer.normFirst) {
      Value change = sublayer(norm(normName, x));
      return change ? builder.add(x, change) : Value();
    }
    Value change = sublayer(x);
    return change ? norm(normName, builder.add(x, change)) : Value();
  }

  Value norm(const std::string &name, Value x) {
    at(name);
    return importNorm(builder, module, local + name + ".", x, *layer.layerNormEps, true, *layer.bias);
  }

  Value attention(const std::string &name, ArrayRef<ScoreStepDesc> score, Value query, Value memory,
                  const ScoreArguments &arguments) {
    MultiheadAttentionDesc attention;
    attention.embedDim = layer.dModel;
    attention.numHeads = layer.nhead;
    attention.bias = layer.bias;
    attention.fullyMasked = layer.fullyMasked;
    attention.score = score;
    at(name);
    return importAttention(builder, module, attention, local + name + ".", query, memory, memory, arguments);
  }

  Value feedForward(Value x) {
    at("linear1");
    x = importLinear(builder, module, local + "linear1.", x, *layer.dimFeedforward, *layer.bias);
    x = builder.activation(x, *layer.activation);
    at("linear2");
    return importLinear(builder, module, local + "linear2.", x, *layer.dModel, *layer.bias);
  }

  ImportBuilder &builder;
  const ModuleDesc &module;
  const TransformerLayerDesc &layer;
  std::string local;
};

/// The layers of a stack, then its norm. `importLayer` maps a value and the layer's local name to a value.
Value importStack(ImportBuilder &builder, const ModuleDesc &module, const TransformerStackDesc &stack,
                  const Located<int64_t> &dModel, Value x,
                  llvm::function_ref<Value(Value, const std::string &)> importLayer) {
  for (int64_t i = 0; x && i < *stack.numLayers; ++i)
    x = importLayer(x, "layers." + std::to_string(*stack.shareWeights ? 0 : i) + ".");
  if (!x || !stack.norm)
    return x;
  builder.setPlace(*module.name + ".norm", stack.normLoc);
  const LayerNormDesc &norm = *stack.norm;
  if (*norm.normalizedShape != *dModel)
    return builder.failAt(norm.normalizedShape.loc, "normalized_shape " + std::to_string(*norm.normalizedShape) +
                                                        " is not d_model " + std::to_string(*dModel));
  return importNorm(builder, module, "norm.", x, *norm.eps, *norm.elementwiseAffine, *norm.bias);
}

/// A module's input, checked and with the batch first, and what acts on its scores.
struct EncoderInput {
  Value value;
  ScoreArguments arguments;
};

std::optional<EncoderInput> encoderInput(ImportBuilder &builder, const ModuleDesc &module,
                                         const TransformerLayerDesc &layer, const char *mask) {
  Value input = builder.values.at(*module.inputs[0]);
  if (!input)
    return std::nullopt;
  AttentionOperand operand{"input", module.inputs[0], input, layer.dModel, "d_model"};
  auto extents = AttentionShapes(builder, *layer.batchFirst).check(operand, operand, operand, *layer.nhead);
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
  Value result = LayerImporter(builder, module, layer, "").encoderLayer(input->value, input->arguments);
  return *layer.batchFirst ? result : swapBatch(builder, result);
}

Value importEncoder(ImportBuilder &builder, const ModuleDesc &module, const TransformerEncoderDesc &encoder) {
  std::optional<EncoderInput> input = encoderInput(builder, module, encoder.layer, "mask");
  if (!input)
    return {};
  Value result =
      importStack(builder, module, encoder, encoder.layer.dModel, input->value, [&](Value x, const std::string &local) {
        return LayerImporter(builder, module, encoder.layer, local).encoderLayer(x, input->arguments);
      });
  return *encoder.layer.batchFirst ? result : swapBatch(builder, result);
}

} // namespace attnc
