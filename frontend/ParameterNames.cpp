// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The names of each module's parameters, as PyTorch's state_dict has them.
#include "frontend/ParseModules.h"

namespace attnc {

namespace {

using Names = std::vector<std::string>;

const Names affine = {"weight", "bias"};
const Names attention = {"in_proj_weight", "in_proj_bias", "q_proj_weight", "k_proj_weight",   "v_proj_weight",
                         "q_proj_bias",    "k_proj_bias",  "v_proj_bias",   "out_proj.weight", "out_proj.bias"};

/// The names of several parts, each behind its prefix.
Names concatenated(const std::vector<std::pair<std::string, Names>> &parts) {
  Names all;
  for (const auto &[prefix, names] : parts)
    for (const std::string &name : names)
      all.push_back(prefix + name);
  return all;
}

Names encoderLayer() {
  return concatenated(
      {{"self_attn.", attention}, {"linear1.", affine}, {"linear2.", affine}, {"norm1.", affine}, {"norm2.", affine}});
}

Names decoderLayer() {
  return concatenated({{"", encoderLayer()}, {"multihead_attn.", attention}, {"norm3.", affine}});
}

Names stackOf(const Names &layer) { return concatenated({{"layers.*.", layer}, {"norm.", affine}}); }

struct NamesOf {
  Names operator()(const MultiheadAttentionDesc &) {
    return concatenated({{"", attention}, {"", {"bias_k", "bias_v"}}});
  }
  Names operator()(const AdditiveAttentionDesc &) {
    return {"query_proj.weight", "key_proj.weight", "bias", "score_proj.weight"};
  }
  Names operator()(const TransformerEncoderLayerDesc &) { return encoderLayer(); }
  Names operator()(const TransformerDecoderLayerDesc &) { return decoderLayer(); }
  Names operator()(const TransformerEncoderDesc &) { return stackOf(encoderLayer()); }
  Names operator()(const TransformerDecoderDesc &) { return stackOf(decoderLayer()); }
  Names operator()(const TransformerDesc &) {
    return concatenated({{"encoder.", stackOf(encoderLayer())}, {"decoder.", stackOf(decoderLayer())}});
  }
  Names operator()(const EmbeddingDesc &) { return {"weight"}; }
  Names operator()(const PositionalEncodingDesc &) { return {"weight"}; }
  template <typename Other> Names operator()(const Other &) { return affine; }
};

} // namespace

std::vector<std::string> parameterNamesOf(const ModuleKind &kind) { return std::visit(NamesOf(), kind); }

} // namespace attnc
