// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "codegen/TargetMachines.h"

#include "passes/TargetInfo.h"

#include "llvm/MC/MCSubtargetInfo.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Support/TargetSelect.h"
#include "llvm/Target/TargetMachine.h"
#include "llvm/Target/TargetOptions.h"

#include <algorithm>
#include <set>
#include <sstream>

using namespace llvm;

namespace attnc {

namespace {

/// What the runtime can check, in its spelling, which is LLVM's too.
constexpr const char *kCheckedFeatures[] = {"sse3",         "ssse3",
                                            "sse4.1",       "sse4.2",
                                            "popcnt",       "avx",
                                            "avx2",         "fma",
                                            "f16c",         "bmi",
                                            "bmi2",         "avx512f",
                                            "avx512cd",     "avx512dq",
                                            "avx512bw",     "avx512vl",
                                            "avx512ifma",   "avx512vbmi",
                                            "avx512vbmi2",  "avx512vnni",
                                            "avx512bitalg", "avx512vpopcntdq",
                                            "avx512bf16"};

Triple tripleOf(const TargetInfo &target) {
  return Triple(target.arch == TargetInfo::Arch::AArch64 ? "aarch64-unknown-linux-gnu" : "x86_64-unknown-linux-gnu");
}

std::set<std::string> setOf(const std::string &features) {
  std::istringstream words(features);
  return {std::istream_iterator<std::string>(words), {}};
}

/// `more` needs all that `less` needs, and something else.
bool needsMore(const TargetInfo &more, const TargetInfo &less) {
  const auto a = setOf(runtimeFeatures(more)), b = setOf(runtimeFeatures(less));
  return a.size() > b.size() && std::includes(a.begin(), a.end(), b.begin(), b.end());
}

} // namespace

std::unique_ptr<TargetMachine> machineFor(const TargetInfo &target, std::string &error) {
  static const bool initialised = [] {
    InitializeAllTargetInfos();
    InitializeAllTargets();
    InitializeAllTargetMCs();
    InitializeAllAsmPrinters();
    return true;
  }();
  (void)initialised;
  const Triple triple = tripleOf(target);
  const Target *llvmTarget = TargetRegistry::lookupTarget(triple, error);
  if (!llvmTarget)
    return nullptr;
  TargetOptions options;
  // Contraction is explicit (ContractMultiplyAdd.h).
  options.AllowFPOpFusion = FPOpFusion::Strict;
  return std::unique_ptr<TargetMachine>(
      llvmTarget->createTargetMachine(triple, target.name, "", options, Reloc::PIC_, {}, CodeGenOptLevel::Default));
}

std::string runtimeFeatures(const TargetInfo &target) {
  if (target.arch == TargetInfo::Arch::AArch64)
    return "neon";
  std::string features, error;
  const std::unique_ptr<TargetMachine> machine = machineFor(target, error);
  if (!machine)
    return features;
  const std::unique_ptr<MCSubtargetInfo> info(
      machine->getTarget().createMCSubtargetInfo(machine->getTargetTriple(), machine->getTargetCPU(), ""));
  for (const char *feature : kCheckedFeatures)
    if (info->checkFeatures(std::string("+") + feature))
      features += (features.empty() ? "" : " ") + std::string(feature);
  return features;
}

bool orderTargets(std::vector<TargetInfo> &targets, std::string &error) {
  for (size_t i = 0; i < targets.size(); ++i)
    for (size_t j = 0; j < i; ++j)
      if (runtimeFeatures(targets[i]) == runtimeFeatures(targets[j])) {
        error = "CPUs '" + targets[j].name + "' and '" + targets[i].name +
                "' need the same instruction sets, so a program could not choose between them; name one of them";
        return false;
      }
  std::vector<TargetInfo> ordered;
  while (!targets.empty()) {
    auto next = std::find_if(targets.begin(), targets.end(), [&](const TargetInfo &target) {
      return std::none_of(targets.begin(), targets.end(),
                          [&](const TargetInfo &other) { return needsMore(other, target); });
    });
    ordered.push_back(*next);
    targets.erase(next);
  }
  targets = std::move(ordered);
  return true;
}

} // namespace attnc
