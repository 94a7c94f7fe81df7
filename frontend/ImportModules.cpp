// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The modules that are not attention: each a function from the module's struct to its value.
#include "frontend/ImportBuilder.h"
#include "ir/Shape.h"

#include <cmath>

using namespace mlir;

namespace attnc {

namespace {

/// Imports one module by its kind.
class ModuleVisitor {
public:
  ModuleVisitor(ImportBuilder &builder, const ModuleDesc &module) : builder(builder), module(module) {}

  Value operator()(const LinearDesc &linear) {
    if (!checkInput(linear.inFeatures, "in_features"))
      return {};
    return builder.activation(importLinear(builder, module, "", input(), *linear.outFeatures, *linear.bias),
                              *linear.activation);
  }

  Value operator()(const LayerNormDesc &norm) {
    if (!checkInput(norm.normalizedShape, "normalized_shape"))
      return {};
    bool affine = *norm.elementwiseAffine;
    Value weight = affine ? parameter("weight", {*norm.normalizedShape}) : Value();
    Value bias = affine && *norm.bias ? parameter("bias", {*norm.normalizedShape}) : Value();
    return builder.layerNorm(input(), weight, bias, *norm.eps);
  }

  Value operator()(const EmbeddingDesc &embedding) {
    Value table = parameter("weight", {*embedding.numEmbeddings, *embedding.embeddingDim});
    if (*embedding.row >= 0)
      return table ? builder.reshape(builder.slice(table, 0, *embedding.row, 1), {*embedding.embeddingDim}) : Value();
    if (!input() || !table)
      return {};
    Type element = cast<RankedTensorType>(input().getType()).getElementType();
    if (!element.isInteger(32) && !element.isInteger(64))
      return builder.failAt(module.inputs[0].loc,
                            "input " + inQuotes(*module.inputs[0]) + " of an Embedding must have dtype i32 or i64");
    builder.limitIndices(input(), *embedding.numEmbeddings);
    return builder.emit<attn::EmbeddingOp>({table, input()});
  }

  Value operator()(const PositionalEncodingDesc &encoding) {
    if (!checkInput(encoding.dModel, "d_model"))
      return {};
    ArrayRef<int64_t> shape = ImportBuilder::shapeOf(input());
    if (shape.size() != 2 && shape.size() != 3)
      return builder.fail("a PositionalEncoding needs an input of rank 2 or 3, but " + inQuotes(*module.inputs[0]) +
                          " is " + builder.describe(input()));
    bool sequenceFirst = shape.size() == 3 && !*encoding.batchFirst;
    int64_t length = shape[sequenceFirst ? 0 : shape.size() - 2];
    if (ShapedType::isDynamic(length))
      return builder.fail("positions would run along the run-time dimension of " + builder.describe(input()),
                          "set \"batch_first\": true, or fix the dimension with --dim");
    if (length > *encoding.maxLen || *encoding.offset > *encoding.maxLen - length)
      return builder.failAt(encoding.maxLen.loc, "a sequence of " + std::to_string(length) + " positions from offset " +
                                                     std::to_string(*encoding.offset) + " needs more than max_len " +
                                                     std::to_string(*encoding.maxLen) + " positions");
    Value table =
        *encoding.kind == PositionKind::Learned
            ? builder.slice(parameter("weight", {*encoding.maxLen, *encoding.dModel}), 0, *encoding.offset, length)
            : sinusoidalTable(*encoding.offset, length, *encoding.dModel);
    if (sequenceFirst)
      table = builder.reshape(table, {length, 1, *encoding.dModel});
    return builder.add(input(), table);
  }

  Value operator()(const MultiheadAttentionDesc &attention) { return importMultihead(builder, module, attention); }
  Value operator()(const AdditiveAttentionDesc &attention) { return importAdditive(builder, module, attention); }
  Value operator()(const ScaledDotProductAttentionDesc &attention) {
    return importScaledDotProduct(builder, module, attention);
  }
  Value operator()(const TransformerEncoderLayerDesc &layer) { return importEncoderLayer(builder, module, layer); }
  Value operator()(const TransformerEncoderDesc &encoder) { return importEncoder(builder, module, encoder); }
  Value operator()(const TransformerDecoderLayerDesc &layer) { return importDecoderLayer(builder, module, layer); }
  Value operator()(const TransformerDecoderDesc &decoder) { return importDecoder(builder, module, decoder); }
  Value operator()(const TransformerDesc &transformer) { return importTransformer(builder, module, transformer); }
  Value operator()(const ActivationDesc &activation) {
    return isFloat() ? builder.activation(input(), *activation.function) : Value();
  }

  Value operator()(const PoolingDesc &pooling) {
    if (!isFloat())
      return {};
    Value x = input();
    if (ImportBuilder::shapeOf(x).size() != 3)
      return builder.fail("Pooling needs an input of rank 3, but " + inQuotes(*module.inputs[0]) + " is " +
                          builder.describe(x));
    if (!*pooling.batchFirst)
      x = builder.transpose(x, {1, 0, 2});
    SmallVector<Value> operands = {x};
    if (const Located<std::string> *mask = module.argument("padding_mask")) {
      Value blocked = builder.blockedMask(*mask);
      if (ImportBuilder::shapeOf(blocked) != ImportBuilder::shapeOf(x).drop_back())
        return builder.failAt(mask->loc, "the padding mask is " + builder.describe(blocked) +
                                             ", but must be (batch, seq), as the input " + builder.describe(x) +
                                             " (batch first) is");
      operands.push_back(blocked);
    }
    std::optional<attn::PoolKind> kind = attn::symbolizePoolKind(spelling(*pooling.mode));
    return builder.emitWith<attn::PoolOp>(operands, [&](attn::PoolOp::Properties &properties) {
      properties.kind = attn::PoolKindAttr::get(builder.builder.getContext(), *kind);
    });
  }

  Value operator()(const NormalizeDesc &normalize) {
    if (!isFloat())
      return {};
    return builder.emitWith<attn::L2NormOp>({input()}, [&](attn::L2NormOp::Properties &properties) {
      properties.eps = builder.builder.getF64FloatAttr(*normalize.eps);
    });
  }

  Value operator()(const AddDesc &) {
    Value sum;
    for (const Located<std::string> &name : module.inputs) {
      Value term = builder.values.at(*name);
      if (!term || !checkTerm(name, term, sum))
        return {};
      sum = sum ? builder.add(sum, term) : term;
    }
    return sum;
  }

  Value operator()(const IdentityDesc &) { return input(); }
  Value operator()(const GraphDesc &graph) { return importGraph(builder, module, graph); }

private:
  bool checkTerm(const Located<std::string> &name, Value term, Value sum) {
    std::string what = "input " + inQuotes(*name);
    if (!cast<RankedTensorType>(term.getType()).getElementType().isF32())
      builder.failAt(name.loc, what + " must have dtype f32");
    else if (sum && !attn::broadcastShapes(ImportBuilder::shapeOf(sum), ImportBuilder::shapeOf(term)))
      builder.failAt(name.loc,
                     what + " is " + builder.describe(term) + ", which does not broadcast with the inputs before it, " +
                         builder.describe(sum),
                     "shapes are aligned at the last dimension; there an extent is equal, 1 or missing");
    else
      return true;
    return false;
  }

  Value input() const { return builder.values.at(*module.inputs[0]); }
  Value parameter(const char *local, ArrayRef<int64_t> shape) {
    return builder.parameter(module.parameterName(local), shape);
  }

  bool isFloat() {
    if (!input())
      return false;
    if (cast<RankedTensorType>(input().getType()).getElementType().isF32())
      return true;
    builder.failAt(module.inputs[0].loc, "input " + inQuotes(*module.inputs[0]) + " must have dtype f32");
    return false;
  }

  /// The input is f32 and its last dimension is that of the key.
  bool checkInput(const Located<int64_t> &width, const char *key) {
    if (!isFloat())
      return false;
    if (ImportBuilder::shapeOf(input()).back() == *width)
      return true;
    builder.failAt(width.loc, "input " + inQuotes(*module.inputs[0]) + " is " + builder.describe(input()) +
                                  ", but its last dimension must be " + key + " " + std::to_string(*width));
    return false;
  }

  /// sin and cos of position / 10000^(2i / d_model) in columns 2i and 2i+1, worked out in f64.
  Value sinusoidalTable(int64_t offset, int64_t length, int64_t width) {
    std::optional<int64_t> elements = checkedProduct({length, width}, maxTableElements - builder.tableElements);
    if (!elements)
      return builder.fail("sinusoidal tables of more than " + std::to_string(maxTableElements) + " elements",
                          "a learned encoding has no such limit");
    builder.tableElements += *elements;
    std::vector<float> table((size_t)(length * width));
    for (int64_t row = 0; row < length; ++row)
      for (int64_t i = 0; i < width; i += 2) {
        double angle = (double)(offset + row) * std::exp(-std::log(10000.0) * (double)i / (double)width);
        table[row * width + i] = (float)std::sin(angle);
        table[row * width + i + 1] = (float)std::cos(angle);
      }
    return builder.constant(table, {length, width});
  }

  ImportBuilder &builder;
  const ModuleDesc &module;
};

} // namespace

Value importLinear(ImportBuilder &builder, const ModuleDesc &module, const std::string &local, Value input,
                   int64_t rows, bool bias) {
  if (!input)
    return {};
  Value weight =
      builder.parameter(module.parameterName(local + "weight"), {rows, ImportBuilder::shapeOf(input).back()});
  Value result = builder.matmul(input, weight, /*transposeRhs=*/true);
  return bias && result ? builder.add(result, builder.parameter(module.parameterName(local + "bias"), {rows})) : result;
}

Value importModule(ImportBuilder &builder, const ModuleDesc &module) {
  builder.setPlace(*module.name, module.loc);
  return std::visit(ModuleVisitor(builder, module), module.kind);
}

} // namespace attnc
