// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "tools/bench/Workloads.h"

#include <cstdio>

namespace attnc {
namespace {

using Kind = WorkloadKind;

Workload attentionOfModule(const char *name, int64_t batch, int64_t seq, double target) {
  Workload w{name, "MultiheadAttention, 256 wide, 8 heads", Kind::MultiheadAttention, batch, seq, 256, 8};
  w.target = target;
  return w;
}

Workload encoder(const char *name, const char *model, int64_t layers, int64_t embed, int64_t batch, int64_t seq,
                 std::optional<double> target) {
  Workload w{name, model, Kind::Encoder, batch, seq, embed, 12, layers, 4 * embed};
  w.target = target;
  return w;
}

Workload preNorm(Workload w) {
  w.normFirst = true;
  return w;
}

Workload gpt2(Workload w) {
  w.causal = true;
  w.activation = "gelu_tanh";
  return preNorm(w);
}

Workload padded(Workload w) {
  w.trueLengths = true;
  return w;
}

/// A token a step, with GPT-2's head.
Workload decoding(Workload w, int64_t context) {
  w.context = context;
  w.vocabulary = 50257;
  return w;
}

Workload attention(const char *name, int64_t seq, bool causal, double target) {
  Workload w{name, causal ? "causal attention alone" : "attention alone", Kind::Attention, 1, seq, 768, 12};
  w.causal = causal;
  w.target = target;
  return w;
}

std::vector<Workload> makeWorkloads() {
  const char *minilm = "MiniLM-L6 encoder", *bert = "BERT-base encoder";
  std::vector<Workload> all = {
      attentionOfModule("W1", 32, 20, 1.15),
      attentionOfModule("W2", 1, 20, 1.35),
      attentionOfModule("W2b", 1, 128, 1.15),
      encoder("W3a", minilm, 6, 384, 1, 20, 1.35),
      encoder("W3b", minilm, 6, 384, 1, 128, 1.15),
      encoder("W3c", minilm, 6, 384, 32, 128, 1.08),
      encoder("W4a", bert, 12, 768, 1, 128, 1.08),
      encoder("W4b", bert, 12, 768, 8, 128, 1.08),
      encoder("W4c", bert, 12, 768, 1, 384, 1.08),
      padded(encoder("W5", "BERT-base encoder, padded, true lengths 16 to 128", 12, 768, 8, 128, 1.25)),
      preNorm(encoder("W6", "ViT-B encoder, pre-norm", 12, 768, 1, 197, 1.08)),
      gpt2(encoder("W7", "GPT-2 124M prefill, causal", 12, 768, 1, 512, std::nullopt)),
      // 85 % of the read bandwidth.
      decoding(gpt2(encoder("W8", "GPT-2 124M decoding, 512 tokens before", 12, 768, 1, 1, 1.18)), 512),
      attention("W9", 4096, false, 1.22),
      attention("W9c", 4096, true, 1.3),
      attention("W9d", 512, false, 1.22),
      attention("W9e", 128, false, 1.3),
      attention("W10", 16384, true, 1.22),
  };
  for (Workload &w : all)
    w.title +=
        ", batch " + std::to_string(w.batch) + ", " + std::to_string(w.seq) + (w.context ? " token a step" : " tokens");
  return all;
}

} // namespace

const std::vector<Workload> &allWorkloads() {
  static const std::vector<Workload> all = makeWorkloads();
  return all;
}

std::vector<Workload> findWorkloads(const std::string &name) {
  std::vector<Workload> family;
  for (const Workload &workload : allWorkloads()) {
    if (workload.name == name)
      return {workload};
    const std::string &candidate = workload.name;
    if (candidate.size() == name.size() + 1 && candidate.compare(0, name.size(), name) == 0 && candidate.back() >= 'a')
      family.push_back(workload);
  }
  return family;
}

std::vector<int64_t> lengthsOf(const Workload &workload) {
  std::vector<int64_t> lengths;
  for (int64_t i = 1; i <= workload.batch; ++i)
    lengths.push_back(workload.trueLengths ? workload.seq * i / workload.batch : workload.seq);
  return lengths;
}

bool hasRuntimeBatch(const Workload &workload) { return workload.kind == Kind::Encoder && workload.batch > 1; }

TrueShare shareOf(const Workload &workload) {
  double tokens = 0, pairs = 0;
  for (int64_t length : lengthsOf(workload)) {
    tokens += static_cast<double>(length);
    pairs += static_cast<double>(length * length);
  }
  const auto seq = static_cast<double>(workload.seq), all = static_cast<double>(workload.batch) * seq;
  return {tokens / all, pairs / (all * seq)};
}

double flopsOf(const Workload &workload) {
  const auto d = static_cast<double>(workload.embed), ff = static_cast<double>(workload.feedforward);
  const double projections = workload.kind == Kind::Attention ? 0 : 2 * (4 * d * d + 2 * d * ff);
  double flops = 0;
  for (int64_t length : lengthsOf(workload)) {
    const auto tokens = static_cast<double>(length);
    const double pairs = (workload.causal ? tokens * (tokens + 1) / 2 : tokens * tokens) +
                         tokens * static_cast<double>(workload.context);
    flops += tokens * projections + 4 * pairs * d;
  }
  const auto rows = static_cast<double>(workload.batch * workload.seq),
             logits = static_cast<double>(workload.vocabulary);
  return flops * static_cast<double>(workload.layers) + 2 * rows * d * logits;
}

std::string workloadList() {
  std::string text;
  for (const Workload &workload : allWorkloads()) {
    char line[200];
    std::string target = "-";
    if (workload.target) {
      std::snprintf(line, sizeof line, "%.2f", *workload.target);
      target = line;
    }
    std::snprintf(line, sizeof line, "%-4s  %9.4g GFLOP  target %4s x floor  %s", workload.name.c_str(),
                  flopsOf(workload) * 1e-9, target.c_str(), workload.title.c_str());
    text += std::string(line) + "\n";
  }
  return text;
}

} // namespace attnc
