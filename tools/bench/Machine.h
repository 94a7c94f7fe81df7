// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <nlohmann/json.hpp>

namespace attnc {

/// What stands beside every figure: the CPU's name, its vector extensions, logical CPUs, caches and memory in bytes,
/// the time in UTC, and how many processes kept the machine busy in the last minute. Keys: cpu, extensions,
/// logical_cpus, caches {L1d, L2, L3}, memory_bytes, date, load.
nlohmann::json describeMachine();

/// What to say where others keep the machine so busy that times say little; else empty.
std::string busyText(const nlohmann::json &machine);

/// `AMD EPYC, avx2, fma, 2 logical CPUs, L1d 32 KiB, L2 1 MiB, L3 32 MiB`.
std::string machineText(const nlohmann::json &machine);

} // namespace attnc
