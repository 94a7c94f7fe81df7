// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The named workloads: what is measured, how much work that is, and how close to the floor it should come.
#pragma once

#include "tools/bench/KernelTimes.h"

#include <nlohmann/json.hpp>

#include <optional>
#include <string>
#include <vector>

namespace attnc {

enum class WorkloadKind { MultiheadAttention, Encoder, Attention };

struct Workload {
  std::string name;  ///< "W4a"
  std::string title; ///< "BERT-base encoder, batch 1, 128 tokens"
  WorkloadKind kind = WorkloadKind::Encoder;
  int64_t batch = 1, seq = 1, embed = 1, heads = 1;
  int64_t layers = 1, feedforward = 0; ///< Of an encoder.
  std::string activation = "gelu";
  bool normFirst = false, causal = false;
  bool trueLengths = false;          ///< Padded; the floor counts the true lengths alone.
  int64_t context = 0;               ///< > 0: tokens that a cache of keys and values has already; 0: there is no cache.
  int64_t vocabulary = 0;            ///< Rows of the head, a Linear behind an encoder; 0: there is none.
  std::optional<double> target = {}; ///< Time over floor that is to be reached at the most threads, or better.
};

/// All, in order.
const std::vector<Workload> &allWorkloads();

/// The workload of that name, else all whose name is `name` and a letter ("W4": W4a, W4b, W4c).
std::vector<Workload> findWorkloads(const std::string &name);

/// True lengths of the batch's sequences: even steps up to seq.
std::vector<int64_t> lengthsOf(const Workload &workload);

/// What the true lengths leave of the tokens, and of the pairs of two tokens of one sequence, of padded ones.
TrueShare shareOf(const Workload &workload);

/// Multiply-adds of one run, two FLOPs each: projections, feed-forward and attention; of causal attention half, of
/// padded sequences what their true lengths need.
double flopsOf(const Workload &workload);

/// Whether the batch is known when it runs, as in a server, and not to the compiler.
bool hasRuntimeBatch(const Workload &workload);

/// The file name and text of its description: JSON, or attn IR for attention alone. Weights are in weights.safetensors.
struct Description {
  std::string file, text;
};
Description describe(const Workload &workload);

/// The same for a peer (peers.py), which makes its own model of it.
nlohmann::json peerDescription(const Workload &workload);

/// The lines of --list.
std::string workloadList();

} // namespace attnc
