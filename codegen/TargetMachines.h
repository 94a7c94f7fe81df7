// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// LLVM's view of a target: its code generator, and the instruction sets that the runtime checks for before it runs code
// for that target.
#pragma once

#include <memory>
#include <string>
#include <vector>

namespace llvm {
class TargetMachine;
} // namespace llvm

namespace attnc {

struct TargetInfo;

/// The code generator for a target; null with the reason in `error`.
std::unique_ptr<llvm::TargetMachine> machineFor(const TargetInfo &target, std::string &error);

/// What attnc_variant.cpu_features lists for a target: "sse3 ssse3 ... avx2 fma", "neon".
std::string runtimeFeatures(const TargetInfo &target);

/// Puts the most demanding target first, as attnc_init() wants the variants: one that needs all that another needs and
/// more stands before it; otherwise the order stays. False with the reason in `error` where the runtime could not tell
/// two of them apart.
bool orderTargets(std::vector<TargetInfo> &targets, std::string &error);

} // namespace attnc
