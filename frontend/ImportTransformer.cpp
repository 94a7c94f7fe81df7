// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// nn.TransformerEncoderLayer, nn.TransformerDecoderLayer, their stacks and nn.Transformer in core ops.
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
  LayerImporter(ImportBuilder &builder, const ModuleDesc &module, const TransformerLayerDesc &layer, std::string local,
                KeyValueCache *cache = nullptr)
      : builder(builder), module(module), layer(layer), local(std::move(local)), cache(cache) {}

  Value encoderLayer(Value x, const ScoreArguments &arguments) {
    x = residual("norm1", x, [&](Value y) { return selfAttention(y, arguments); });
    return residual("norm2", x, [&](Value y) { return feedForward(y); });
  }

  Value decoderLayer(Value x, Value memory, ArrayRef<ScoreStepDesc> memoryScore, const ScoreArguments &own,
                     const ScoreArguments &cross) {
    auto toMemory = [&](Value y) {
      return attention("multihead_attn", memoryScore, std::nullopt, y, memory, cross, nullptr);
    };
    x = residual("norm1", x, [&](Value y) { return selfAttention(y, own); });
    x = residual("norm2", x, toMemory);
    return residual("norm3", x, [&](Value y) { return feedForward(y); });
  }

private:
  void at(const std::string &part) { builder.setPlace(*module.name + "." + local + part, layer.loc); }

  /// x + sublayer(x), normalised before or after.
  Value residual(const std::string &normName, Value x, llvm::function_ref<Value(Value)> sublayer) {
    if (*layer.normFirst)
      return builder.add(x, sublayer(norm(normName, x)));
    return norm(normName, builder.add(x, sublayer(x)));
  }

  Value norm(const std::string &name, Value x) {
    at(name);
    return importNorm(builder, module, local + name + ".", x, *layer.layerNormEps, true, *layer.bias);
  }

  Value selfAttention(Value x, const ScoreArguments &arguments) {
    return attention("self_attn", layer.score, layer.rope, x, x, arguments, cache);
  }

  Value attention(const std::string &name, ArrayRef<ScoreStepDesc> score, const std::optional<RopeDesc> &rope,
                  Value query, Value memory, const ScoreArguments &arguments, KeyValueCache *cache) {
    MultiheadAttentionDesc attention;
    attention.embedDim = layer.dModel;
    attention.numHeads = layer.nhead;
    attention.bias = layer.bias;
    attention.fullyMasked = layer.fullyMasked;
    attention.score = score;
    attention.rope = rope;
    at(name);
    return importAttention(builder, module, attention, local + name + ".", query, memory, memory, arguments, {}, cache);
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
  KeyValueCache *cache; ///< Of its self-attention; may be null.
};

/// Zeros where a token is padding, whatever is there. Only masks that block and lengths say so: an f32 mask is a bias.
Value zeroPaddedRows(ImportBuilder &builder, const ModuleDesc &module, const ScoreArgumentKeys &keys, Value x) {
  if (!x)
    return {};
  SmallVector<int64_t> rows(ImportBuilder::shapeOf(x));
  rows.back() = 1;
  auto zero = [&](Value blocked) {
    x = builder.emitWith<attn::MaskOp>({x, blocked}, [&](attn::MaskOp::Properties &properties) {
      properties.fill = builder.builder.getF32FloatAttr(0);
    });
  };
  if (const Located<std::string> *padding = module.argument(keys.padding)) {
    Value mask = builder.values.at(**padding);
    if (!cast<RankedTensorType>(mask.getType()).getElementType().isF32())
      zero(builder.blockedMask(*padding, MaskConvention::Blocked, rows));
  }
  if (const Located<std::string> *lengths = module.argument(keys.lengths)) {
    Value mask = builder.emitWith<attn::PaddingMaskOp>(
        {builder.values.at(**lengths)}, [&](attn::PaddingMaskOp::Properties &properties) {
          properties.size = builder.builder.getI64IntegerAttr(*(rows.end() - 2));
        });
    zero(builder.reshape(mask, rows));
  }
  return x;
}

/// The layers of a stack, its norm, and zeros for padding, of which `keys` names the arguments; `local` goes before its
/// parameter names. `importLayer` maps a value and the layer's local name to a value.
Value importStack(ImportBuilder &builder, const ModuleDesc &module, const TransformerStackDesc &stack,
                  const std::string &local, const Located<int64_t> &dModel, const ScoreArgumentKeys &keys, Value x,
                  llvm::function_ref<Value(Value, const std::string &)> importLayer) {
  for (int64_t i = 0; x && i < *stack.numLayers; ++i)
    x = importLayer(x, local + "layers." + std::to_string(*stack.shareWeights ? 0 : i) + ".");
  if (x && stack.norm) {
    builder.setPlace(*module.name + "." + local + "norm", stack.normLoc);
    const LayerNormDesc &norm = *stack.norm;
    if (*norm.normalizedShape != *dModel)
      return builder.failAt(norm.normalizedShape.loc, "normalized_shape " + std::to_string(*norm.normalizedShape) +
                                                          " is not d_model " + std::to_string(*dModel));
    x = importNorm(builder, module, local + "norm.", x, *norm.eps, *norm.elementwiseAffine, *norm.bias);
  }
  return *stack.paddedRows == PaddedRows::Zero ? zeroPaddedRows(builder, module, keys, x) : x;
}

Value encoderStack(ImportBuilder &builder, const ModuleDesc &module, const TransformerEncoderDesc &encoder,
                   const std::string &local, const ScoreArgumentKeys &keys, Value x, const ScoreArguments &arguments,
                   KeyValueCache *cache = nullptr) {
  return importStack(builder, module, encoder, local, encoder.layer.dModel, keys, x,
                     [&](Value y, const std::string &name) {
                       return LayerImporter(builder, module, encoder.layer, name, cache).encoderLayer(y, arguments);
                     });
}

constexpr ScoreArgumentKeys tgtKeys = {"tgt_mask", "tgt_key_padding_mask", "tgt_lengths"};
constexpr ScoreArgumentKeys memoryKeys = {"memory_mask", "memory_key_padding_mask", "memory_lengths"};

/// What acts on the scores of a decoder's two attentions.
struct DecoderArguments {
  ScoreArguments own, memory;
};

Value decoderStack(ImportBuilder &builder, const ModuleDesc &module, const TransformerDecoderDesc &decoder,
                   const std::string &local, Value x, Value memory, const DecoderArguments &arguments) {
  if (!memory)
    return {};
  return importStack(builder, module, decoder, local, decoder.layer.dModel, tgtKeys, x,
                     [&](Value y, const std::string &name) {
                       return LayerImporter(builder, module, decoder.layer, name)
                           .decoderLayer(y, memory, decoder.layer.memoryScore, arguments.own, arguments.memory);
                     });
}

// -- Inputs and arguments ---------------------------------------------------------------------------------------------

/// Checks what the modules read, and imports what acts on the scores of each of their attentions.
class InputChecker {
public:
  InputChecker(ImportBuilder &builder, const ModuleDesc &module, const TransformerLayerDesc &layer)
      : builder(builder), module(module), layer(layer) {}

  /// One of the module's inputs; none where its import failed.
  std::optional<AttentionOperand> operand(int which, const char *role) {
    Value value = builder.values.at(*module.inputs[which]);
    if (!value)
      return std::nullopt;
    return AttentionOperand{role, module.inputs[which], value, layer.dModel, "d_model"};
  }

  std::optional<ScoreArguments> attention(const AttentionOperand &query, const AttentionOperand &memory,
                                          const ScoreArgumentKeys &keys) {
    auto extents = AttentionShapes(builder, *layer.batchFirst).check(query, memory, memory, *layer.nhead);
    return extents ? importScoreArguments(builder, module, keys, *extents) : std::nullopt;
  }

  std::optional<DecoderArguments> decoder(const AttentionOperand &tgt, const AttentionOperand &memory) {
    auto own = attention(tgt, tgt, tgtKeys);
    auto toMemory = attention(tgt, memory, memoryKeys);
    return own && toMemory ? std::optional<DecoderArguments>({*own, *toMemory}) : std::nullopt;
  }

  /// To the layout that the layers have, and back.
  Value swap(Value value) { return *layer.batchFirst ? value : swapBatch(builder, value); }

private:
  ImportBuilder &builder;
  const ModuleDesc &module;
  const TransformerLayerDesc &layer;
};

KeyValueCache::Extents extentsOfCache(const TransformerLayerDesc &layer, int64_t layers) {
  return {layers, *layer.nhead, *layer.dModel / *layer.nhead};
}

/// What `body` makes of tgt and memory, batch first, in the module's layout; null where they do not fit.
Value onDecoderInputs(ImportBuilder &builder, const ModuleDesc &module, const TransformerLayerDesc &layer,
                      llvm::function_ref<Value(Value, Value, const DecoderArguments &)> body) {
  InputChecker checker(builder, module, layer);
  auto tgt = checker.operand(0, "tgt"), memory = checker.operand(1, "memory");
  if (!tgt || !memory)
    return {};
  auto arguments = checker.decoder(*tgt, *memory);
  if (!arguments)
    return {};
  Value x = checker.swap(tgt->tensor), keys = checker.swap(memory->tensor);
  return checker.swap(body(x, keys, *arguments));
}

} // namespace

Value importEncoderLayer(ImportBuilder &builder, const ModuleDesc &module, const TransformerEncoderLayerDesc &layer) {
  InputChecker checker(builder, module, layer);
  auto input = checker.operand(0, "input");
  if (!input)
    return {};
  auto arguments = checker.attention(*input, *input, {"src_mask", "src_key_padding_mask", "lengths"});
  if (!arguments || !checkCacheKeys(builder, module, layer.cache, layer.score, layer.rope))
    return {};
  Value x = checker.swap(input->tensor);
  auto cache = KeyValueCache::create(builder, module, layer.cache, x, extentsOfCache(layer, 1));
  if (*layer.cache.capacity && !cache)
    return {};
  return checker.swap(LayerImporter(builder, module, layer, "", cache.get()).encoderLayer(x, *arguments));
}

Value importEncoder(ImportBuilder &builder, const ModuleDesc &module, const TransformerEncoderDesc &encoder) {
  InputChecker checker(builder, module, encoder.layer);
  auto input = checker.operand(0, "input");
  if (!input)
    return {};
  const ScoreArgumentKeys keys = {"mask", "src_key_padding_mask", "lengths"};
  auto arguments = checker.attention(*input, *input, keys);
  if (!arguments || !checkCacheKeys(builder, module, encoder.cache, encoder.layer.score, encoder.layer.rope))
    return {};
  Value x = checker.swap(input->tensor);
  auto cache =
      KeyValueCache::create(builder, module, encoder.cache, x, extentsOfCache(encoder.layer, *encoder.numLayers));
  if (*encoder.cache.capacity && !cache)
    return {};
  return checker.swap(encoderStack(builder, module, encoder, "", keys, x, *arguments, cache.get()));
}

Value importDecoderLayer(ImportBuilder &builder, const ModuleDesc &module, const TransformerDecoderLayerDesc &layer) {
  return onDecoderInputs(builder, module, layer, [&](Value tgt, Value memory, const DecoderArguments &arguments) {
    return LayerImporter(builder, module, layer, "")
        .decoderLayer(tgt, memory, layer.memoryScore, arguments.own, arguments.memory);
  });
}

Value importDecoder(ImportBuilder &builder, const ModuleDesc &module, const TransformerDecoderDesc &decoder) {
  return onDecoderInputs(builder, module, decoder.layer,
                         [&](Value tgt, Value memory, const DecoderArguments &arguments) {
                           return decoderStack(builder, module, decoder, "", tgt, memory, arguments);
                         });
}

Value importTransformer(ImportBuilder &builder, const ModuleDesc &module, const TransformerDesc &transformer) {
  InputChecker checker(builder, module, transformer.encoder.layer);
  auto src = checker.operand(0, "src"), tgt = checker.operand(1, "tgt");
  if (!src || !tgt)
    return {};
  // The memory has the shape of src.
  const ScoreArgumentKeys srcKeys = {"src_mask", "src_key_padding_mask", "src_lengths"};
  auto ofEncoder = checker.attention(*src, *src, srcKeys);
  auto ofDecoder = checker.decoder(*tgt, *src);
  if (!ofEncoder || !ofDecoder)
    return {};
  Value x = checker.swap(tgt->tensor);
  Value memory =
      encoderStack(builder, module, transformer.encoder, "encoder.", srcKeys, checker.swap(src->tensor), *ofEncoder);
  return checker.swap(decoderStack(builder, module, transformer.decoder, "decoder.", x, memory, *ofDecoder));
}

} // namespace attnc
