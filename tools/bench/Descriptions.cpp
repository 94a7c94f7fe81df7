// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Workloads as attnc reads them, and as peers do.

#include "tools/bench/Workloads.h"

using nlohmann::json;

namespace attnc {
namespace {

constexpr const char *kWeightsFile = "weights.safetensors";

json moduleOf(const Workload &w) {
  if (w.kind == WorkloadKind::MultiheadAttention)
    return {{"type", "MultiheadAttention"},
            {"name", "attention"},
            {"embed_dim", w.embed},
            {"num_heads", w.heads},
            {"batch_first", true}};
  json layer = {{"d_model", w.embed},         {"nhead", w.heads},
                {"activation", w.activation}, {"dim_feedforward", w.feedforward},
                {"norm_first", w.normFirst},  {"batch_first", true}};
  if (w.causal && !w.context)
    layer["score"] = {{{"causal", "top_left"}}};
  json module = {
      {"type", "TransformerEncoder"}, {"name", "encoder"}, {"input", "x"}, {"num_layers", w.layers}, {"layer", layer}};
  if (w.normFirst)
    module["norm"] = {{"normalized_shape", w.embed}};
  if (w.trueLengths)
    module["lengths"] = "lengths";
  if (w.context) {
    module["cache"] = w.context + w.seq;
    module["position"] = "position";
  }
  return module;
}

json modelOf(const Workload &w) {
  const json batch = hasRuntimeBatch(w) ? json("batch") : json(w.batch);
  json inputs = {{"x", {{"shape", {batch, w.seq, w.embed}}}}};
  if (w.trueLengths)
    inputs["lengths"] = {{"shape", {batch}}, {"dtype", "i32"}};
  if (w.context)
    inputs["position"] = {{"shape", {batch}}, {"dtype", "i32"}};
  json modules = json::array({moduleOf(w)});
  if (w.vocabulary)
    modules.push_back({{"type", "Linear"},
                       {"name", "head"},
                       {"in_features", w.embed},
                       {"out_features", w.vocabulary},
                       {"bias", false}});
  json model = {{"name", w.name}, {"inputs", inputs}, {"weights", kWeightsFile}, {"model", modules}};
  if (hasRuntimeBatch(w))
    model["dims"] = {{"batch", {{"max", w.batch}}}};
  return model;
}

/// softmax(query key^T / sqrt(head_dim)) value, below the diagonal only where it is causal.
std::string attentionText(const Workload &w) {
  auto tensor = [&](int64_t last) {
    return "tensor<" + std::to_string(w.batch) + "x" + std::to_string(w.heads) + "x" + std::to_string(w.seq) + "x" +
           std::to_string(last) + "xf32>";
  };
  const std::string rows = tensor(w.embed / w.heads), scores = tensor(w.seq);
  std::string text = "func.func @" + w.name + "(%query: " + rows + " {attn.name = \"query\"}, %key: " + rows +
                     " {attn.name = \"key\"}, %value: " + rows + " {attn.name = \"value\"}) -> (" + rows +
                     " {attn.name = \"output\"}) {\n"
                     "  %dots = attn.matmul %query, %key {transpose_rhs} : (" +
                     rows + ", " + rows + ") -> " + scores +
                     "\n  %scaled = attn.scale %dots {factor = 0.125 : f32} : (" + scores + ") -> " + scores + "\n";
  if (w.causal)
    text += "  %scores = attn.modify_scores %scaled {\n"
            "  ^bb0(%score: f32, %b: index, %h: index, %i: index, %j: index):\n"
            "    %live = arith.cmpi sle, %j, %i : index\n    attn.score %score, %live\n  } : (" +
            scores + ") -> " + scores + "\n";
  return text + "  %weights = attn.softmax " + (w.causal ? "%scores" : "%scaled") + " {axis = 3 : i64} : (" + scores +
         ") -> " + scores + "\n  %output = attn.matmul %weights, %value : (" + scores + ", " + rows + ") -> " + rows +
         "\n  return %output : " + rows + "\n}\n";
}

} // namespace

Description describe(const Workload &workload) {
  if (workload.kind == WorkloadKind::Attention)
    return {workload.name + ".mlir", attentionText(workload)};
  return {workload.name + ".json", modelOf(workload).dump(1)};
}

json peerDescription(const Workload &w) {
  const char *const kinds[] = {"multihead_attention", "encoder", "attention"};
  return {{"kind", kinds[static_cast<int>(w.kind)]},
          {"batch", w.batch},
          {"seq", w.seq},
          {"embed", w.embed},
          {"heads", w.heads},
          {"layers", w.layers},
          {"feedforward", w.feedforward},
          {"activation", w.activation},
          {"norm_first", w.normFirst},
          {"causal", w.causal},
          {"padded", w.trueLengths}};
}

} // namespace attnc
