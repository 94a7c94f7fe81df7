// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/TargetInfo.h"

#include "ir/AttnDialect.h"

#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/TargetParser/AArch64TargetParser.h"
#include "llvm/TargetParser/Host.h"
#include "llvm/TargetParser/X86TargetParser.h"

namespace attnc {
namespace {

/// Caches of CPUs that were measured; any other CPU gets the defaults of its vector length.
struct CacheRow {
  const char *cpu;
  int64_t l1Bytes, l2Bytes;
};
constexpr CacheRow caches[] = {
    {"znver3", 32 * 1024, 512 * 1024},          {"znver4", 32 * 1024, 1024 * 1024},
    {"znver5", 48 * 1024, 1024 * 1024},         {"icelake-server", 48 * 1024, 1280 * 1024},
    {"sapphirerapids", 48 * 1024, 2048 * 1024},
};

struct VectorUnit {
  bool avx2 = false, avx512 = false, avx512Bf16 = false, avx512Vnni = false;
};

/// avx512f need not be asked for: the others imply it.
template <typename Predicate> VectorUnit unitWith(Predicate has) {
  const bool avx512 = has("avx512vl") && has("avx512dq") && has("avx512bw");
  return {has("avx2") && has("fma"), avx512, avx512 && has("avx512bf16"), avx512 && has("avx512vnni")};
}

VectorUnit unitOfHost() {
  const llvm::StringMap<bool> features = llvm::sys::getHostCPUFeatures();
  return unitWith([&](llvm::StringRef name) { return features.lookup(name); });
}

VectorUnit unitOfCpu(const std::string &cpu) {
  llvm::SmallVector<llvm::StringRef, 64> listed;
  llvm::X86::getFeaturesForCPU(cpu, listed);
  // LLVM's table of CPUs does not list what is implied: AVX-VNNI stands for AVX2 as well.
  llvm::StringMap<bool> features;
  for (llvm::StringRef name : listed) {
    features[name] = true;
    llvm::X86::updateImpliedFeatures(name, true, features);
  }
  return unitWith([&](llvm::StringRef name) { return features.lookup(name); });
}

TargetInfo describe(TargetInfo::Arch arch, const std::string &cpu, const VectorUnit &unit) {
  TargetInfo target;
  target.name = cpu;
  target.arch = arch;
  if (arch == TargetInfo::Arch::AArch64) {
    target.vectorBytes = 16;
    target.registers = 32;
  } else if (unit.avx512) {
    target.vectorBytes = 64;
    target.registers = 32;
    target.l2Bytes = 1024 * 1024;
    target.dotBf16 = unit.avx512Bf16;
    target.dotInt8 = unit.avx512Vnni;
  }
  for (const CacheRow &row : caches)
    if (cpu == row.cpu) {
      target.l1Bytes = row.l1Bytes;
      target.l2Bytes = row.l2Bytes;
    }
  return target;
}

std::string acceptedNames(TargetInfo::Arch arch) {
  std::string text;
  for (const std::string &name : namedCpus(arch))
    text += (text.empty() ? "" : ", ") + name;
  return text + " or a CPU name of LLVM";
}

std::string otherArch(const std::string &cpu, const char *arch, const char *target) {
  return "CPU '" + cpu + "' is of " + arch + ", but the target is " + target +
         "; an object holds code for one architecture";
}

std::optional<TargetInfo> findX86(const std::string &cpu, std::string &error) {
  constexpr auto arch = TargetInfo::Arch::X86_64;
  bool host = cpu == "host";
  std::string name = host ? llvm::sys::getHostCPUName().str() : cpu;
  if (!host && llvm::X86::parseArchX86(cpu, /*Only64Bit=*/true) == llvm::X86::CK_None) {
    error = llvm::AArch64::parseCpu(cpu) ? otherArch(cpu, "aarch64", "x86_64")
                                         : "unknown CPU '" + cpu + "'; accepted are " + acceptedNames(arch);
    return std::nullopt;
  }
  VectorUnit unit = host ? unitOfHost() : unitOfCpu(cpu);
  if (!unit.avx2) {
    error = "CPU '" + name + "' lacks AVX2 or FMA, which compiled models need; accepted are " + acceptedNames(arch);
    return std::nullopt;
  }
  return describe(arch, name, unit);
}

std::optional<TargetInfo> findAArch64(const std::string &cpu, std::string &error) {
  constexpr auto arch = TargetInfo::Arch::AArch64;
  std::string name = cpu == "host" ? llvm::sys::getHostCPUName().str() : cpu;
  if (cpu != "host" && name != "generic" && !llvm::AArch64::parseCpu(name)) {
    error = llvm::X86::parseArchX86(cpu, /*Only64Bit=*/true) != llvm::X86::CK_None
                ? otherArch(cpu, "x86_64", "aarch64")
                : "unknown CPU '" + cpu + "'; accepted are " + acceptedNames(arch);
    return std::nullopt;
  }
  return describe(arch, name, VectorUnit());
}

} // namespace

DotKind dotKindOf(attn::Precision precision, const TargetInfo &target) {
  switch (precision) {
  case attn::Precision::f32:
    return DotKind::F32;
  case attn::Precision::bf16:
    return target.dotBf16 ? DotKind::Bf16 : DotKind::Bf16Widened;
  case attn::Precision::int8:
    return target.dotInt8 ? DotKind::Int8 : DotKind::Int8Widened;
  }
  llvm_unreachable("every precision has a way to multiply");
}

const std::vector<std::string> &namedCpus(TargetInfo::Arch arch) {
  static const std::vector<std::string> x86 = {"host", "x86-64-v3", "x86-64-v4"};
  static const std::vector<std::string> aarch64 = {"generic"};
  return arch == TargetInfo::Arch::X86_64 ? x86 : aarch64;
}

const TargetInfo &targetNamed(const std::vector<TargetInfo> &targets, const std::string &name) {
  for (const TargetInfo &target : targets)
    if (target.name == name)
      return target;
  return targets.front();
}

std::optional<TargetInfo> findTarget(const std::string &arch, const std::string &cpu, std::string &error) {
#if defined(__x86_64__)
  const std::string hostArch = "x86_64";
#else
  const std::string hostArch = "aarch64";
#endif
  if (cpu == "host" && arch != hostArch) {
    error = "CPU 'host' is " + hostArch + ", but the target is " + arch;
    return std::nullopt;
  }
  if (arch == "x86_64")
    return findX86(cpu, error);
  if (arch == "aarch64")
    return findAArch64(cpu, error);
  error = "unknown architecture '" + arch + "'; accepted are x86_64 and aarch64";
  return std::nullopt;
}

} // namespace attnc
