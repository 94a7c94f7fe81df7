// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "tests/codegen/Models.h"

#include <cmath>
#include <cstdio>

namespace attnc::test {

namespace {

std::string number(double value) {
  char text[40];
  std::snprintf(text, sizeof text, "%.9e", value);
  return text;
}

Value scaled(ModelWriter &w, const Value &x, double factor) {
  return w.op("attn.scale " + x.name + " {factor = " + number(factor) + " : f32}", {x}, x.shape);
}

Value masked(ModelWriter &w, const Value &scores, const Value &blocked) {
  return w.op("attn.mask " + scores.name + ", " + blocked.name, {scores, blocked}, scores.shape);
}

Value padding(ModelWriter &w, const AttentionCase &c, bool tokens) {
  Value blocked = w.input("padding", {c.batch, c.keys}, tokens ? DType::i32 : DType::i1);
  if (tokens)
    blocked = w.op("attn.is_zero " + blocked.name, {blocked}, blocked.shape, DType::i1);
  return w.op("attn.reshape " + blocked.name, {blocked}, {c.batch, 1, 1, c.keys}, DType::i1);
}

/// Bias and masks of the scores.
Value withMask(ModelWriter &w, Value scores, const AttentionCase &c) {
  if (c.mask == Mask::Bias || c.mask == Mask::KeysAndBias) {
    const Value bias = w.input("bias", {c.queries, c.keys});
    scores = w.add(scores, bias);
  }
  if (c.mask == Mask::Keys || c.mask == Mask::KeysAndBias || c.mask == Mask::KeyTokens)
    return masked(w, scores, padding(w, c, c.mask == Mask::KeyTokens));
  if (c.mask == Mask::Pairs)
    return masked(w, scores, w.input("blocked", {c.queries, c.keys}, DType::i1));
  if (c.mask == Mask::Everything)
    return masked(w, scores, w.input("blocked", scores.shape, DType::i1));
  return scores;
}

Value scoresOf(ModelWriter &w, const AttentionCase &c, const Value &query, const Value &key) {
  const Shape shape = {c.batch, c.heads, c.queries, c.keys};
  if (c.additive) {
    const Value weight = w.weight("score", {c.headDim});
    const Value scores = w.op("attn.additive_score " + query.name + ", " + key.name + " weight " + weight.name,
                              {query, key, weight}, shape);
    return c.scale != 0 ? scaled(w, scores, c.scale) : scores;
  }
  Value scores = w.op("attn.matmul " + query.name + ", " + key.name + " {transpose_rhs}", {query, key}, shape);
  return scaled(w, scores, c.scale != 0 ? c.scale : 1 / std::sqrt(static_cast<double>(c.headDim)));
}

Value causal(ModelWriter &w, const Value &scores, int64_t window) {
  std::string ops = "  %last = arith.cmpi sle, %j, %i : index\n";
  if (window >= 0)
    ops += "  %c = arith.constant " + std::to_string(-window) +
           " : index\n  %from = arith.addi %i, %c : index\n  %first = arith.cmpi sge, %j, %from : index\n"
           "  %both = arith.andi %first, %last : i1\n";
  ops += std::string("  attn.score %score, ") + (window >= 0 ? "%both" : "%last");
  return w.op("attn.modify_scores " + scores.name + scoreRegion(ops), {scores}, scores.shape);
}

Value weightsOf(ModelWriter &w, const AttentionCase &c, const Value &scores) {
  if (c.normalizer != "softmax")
    return w.op("attn.score_weights " + c.normalizer + " " + scores.name +
                    " {factor = " + number(1 / static_cast<double>(c.keys)) + " : f32}",
                {scores}, scores.shape);
  const std::string policy = c.nanWhereMasked ? "nan" : "zero";
  return w.op("attn.softmax " + scores.name + " {axis = 3, fully_masked = #attn<fully_masked " + policy + ">}",
              {scores}, scores.shape);
}

/// Of operands [batch, heads, positions, width]: the result, then the further ones.
std::vector<Value> attention(ModelWriter &w, const AttentionCase &c, const Value &query, const Value &key,
                             const Value &value) {
  Value scores = scoresOf(w, c, query, key);
  if (c.causal)
    scores = causal(w, scores, c.window);
  scores = withMask(w, scores, c);
  const Value weights = weightsOf(w, c, scores);
  std::vector<Value> results(1);
  if (c.weights)
    results.push_back(weights);
  if (c.logSumExp)
    results.push_back(w.op("attn.log_sum_exp " + scores.name, {scores}, {c.batch, c.heads, c.queries}));
  Value &result = results.front();
  result = w.op("attn.matmul " + weights.name + ", " + value.name, {weights, value},
                {c.batch, c.heads, c.queries, c.valueDim});
  if (c.merged)
    result = w.op("attn.merge_heads " + result.name, {result}, {c.batch, c.queries, c.heads * c.valueDim});
  return results;
}

} // namespace

const std::vector<std::string> &epilogues() {
  static const std::vector<std::string> names = {
      "none",    "bias",     "relu",      "gelu",    "gelu_tanh",          "silu",   "tanh",
      "sigmoid", "residual", "layernorm", "rmsnorm", "residual_layernorm", "padded", "layernorm_padded"};
  return names;
}

Model matmulModel(const MatmulCase &c) {
  ModelWriter w;
  const Value x = w.input("x", {c.rows, c.depth});
  const Value weight = w.weight("w", {c.columns, c.depth});
  Value y;
  if (c.balanced) {
    std::vector<float> factors;
    for (int64_t k = 0; k < c.depth; ++k)
      factors.push_back(static_cast<float>(1 + k * 7 % 16) / 4);
    const Value balance = w.constant(factors);
    y = w.op("attn.matmul " + x.name + ", " + weight.name + " balance " + balance.name +
                 " {precision = #attn<precision " + c.precision + ">, transpose_rhs}",
             {x, weight, balance}, {c.rows, c.columns});
  } else {
    y = w.linear(x, weight, c.precision);
  }
  if (c.epilogue != "none")
    y = w.add(y, w.weight("b", {c.columns}));
  if (c.epilogue == "residual" || c.epilogue == "residual_layernorm")
    y = w.add(y, w.input("residual", y.shape));
  const bool padded = c.epilogue == "padded" || c.epilogue == "layernorm_padded";
  if (c.epilogue == "layernorm" || c.epilogue == "residual_layernorm" || c.epilogue == "layernorm_padded")
    y = w.layerNorm(y, "norm");
  else if (c.epilogue == "rmsnorm")
    y = w.rmsNorm(y, "norm");
  else if (c.epilogue != "none" && c.epilogue != "bias" && c.epilogue != "residual" && !padded)
    y = w.activation(c.epilogue, y);
  if (padded) {
    const Value padding = w.input("padding", {c.rows}, DType::i1);
    const Value rows = w.op("attn.reshape " + padding.name, {padding}, {c.rows, 1}, DType::i1);
    y = w.op("attn.mask " + y.name + ", " + rows.name + " {fill = 0.0 : f32}", {y, rows}, y.shape);
  }
  return w.finish({y});
}

Model attentionModel(const AttentionCase &c) {
  ModelWriter w;
  const Value query = w.input("query", {c.batch, c.heads, c.queries, c.headDim});
  const Value key = w.input("key", {c.batch, c.heads, c.keys, c.headDim});
  const Value value = w.input("value", {c.batch, c.heads, c.keys, c.valueDim});
  return w.finish(attention(w, c, query, key, value));
}

std::string scoreRegion(const std::string &ops) {
  return " {\n ^bb0(%score: f32, %b: index, %h: index, %i: index, %j: index):\n" + ops + "\n }";
}

Model scoredModel(int64_t batch, int64_t queries, int64_t keys, int64_t width, const std::string &ops) {
  ModelWriter w;
  const Value query = w.input("query", {batch, queries, width}), key = w.input("key", {batch, keys, width}),
              value = w.input("value", {batch, keys, width});
  const Shape scores = {batch, queries, keys};
  Value s = w.op("attn.matmul " + query.name + ", " + key.name + " {transpose_rhs}", {query, key}, scores);
  s = w.op("attn.modify_scores " + s.name + scoreRegion(ops), {s}, scores);
  s = w.op("attn.softmax " + s.name + " {axis = 2 : i64}", {s}, scores);
  return w.finish({w.op("attn.matmul " + s.name + ", " + value.name, {s, value}, {batch, queries, width})});
}

Model encoderModel(int64_t tokens, int64_t embedDim, int64_t heads, int64_t hidden, const std::string &precision) {
  ModelWriter w;
  const Value x = w.input("x", {kBatch, tokens, embedDim});
  auto linear = [&](const Value &input, const std::string &name, int64_t columns) {
    const Value weight = w.weight(name + ".weight", {columns, input.shape.back()});
    return w.add(w.linear(input, weight, precision), w.weight(name + ".bias", {columns}));
  };
  auto projection = [&](const std::string &name) {
    const Value y = linear(x, name, embedDim);
    return w.op("attn.split_heads " + y.name + " {heads = " + std::to_string(heads) + "}", {y},
                {kBatch, heads, tokens, embedDim / heads});
  };
  AttentionCase c{kBatch, heads, tokens, tokens, embedDim / heads, embedDim / heads, Mask::Keys};
  c.merged = true;
  const Value query = projection("q"), key = projection("k"), value = projection("v");
  const Value mixed = linear(attention(w, c, query, key, value).front(), "out", embedDim);
  const Value first = w.layerNorm(w.add(x, mixed), "norm1");
  const Value inner = w.activation("gelu", linear(first, "linear1", hidden));
  return w.finish({w.layerNorm(w.add(first, linear(inner, "linear2", embedDim)), "norm2")});
}

} // namespace attnc::test
