// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <nlohmann/json.hpp>

namespace attnc {

/// What stands beside every figure: the CPU's name, its vector extensions, logical CPUs, caches and memory in bytes,
/// and the time in UTC. Keys: cpu, extensions, logical_cpus, caches {L1d, L2, L3}, memory_bytes, date.
nlohmann::json describeMachine();

/// `AMD EPYC, AVX-512 (bf16, VNNI), 2 logical CPUs, L1d 32 KiB, L2 1 MiB, L3 32 MiB`.
std::string machineText(const nlohmann::json &machine);

} // namespace attnc
