// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the passes know about the machine that the model is compiled for: plain numbers, found once by the driver and
// handed to the pipeline. Passes ask nobody else.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace attnc {

namespace attn {
enum class Precision : uint32_t;
} // namespace attn

/// How a matmul multiplies and adds: one f32 fma a product, or what a precision becomes on a target. Widened: bfloat16
/// as f32 fma, int8 as products of 16-bit integers.
enum class DotKind { F32, Bf16, Bf16Widened, Int8, Int8Widened };

struct TargetInfo {
  enum class Arch { X86_64, AArch64 };

  std::string name = "x86-64-v3"; ///< What LLVM calls the CPU; never "host".
  Arch arch = Arch::X86_64;
  int64_t vectorBytes = 32; ///< Bytes of a vector register that f32 arithmetic uses: 64 AVX-512, 32 AVX2, 16 NEON.
  int64_t registers = 16;   ///< Vector registers.
  bool dotBf16 = false;     ///< Dot products of pairs of bfloat16 into f32: AVX512_BF16.
  bool dotInt8 = false;     ///< Dot products of four u8 and four s8 into i32: AVX512_VNNI.
  int64_t l1Bytes = 32 * 1024;
  int64_t l2Bytes = 512 * 1024;
  int64_t threads =
      2; ///< How many threads a plan is balanced for. Results do not depend on it, nor on the run-time count.

  int64_t floats() const { return vectorBytes / 4; }
};

/// The machine that `cpu` names on an architecture ("x86_64" or "aarch64"): x86-64-v3, x86-64-v4, a CPU name of LLVM,
/// or "host" where the compiler runs on that architecture. Nothing where the name is unknown or the CPU lacks AVX2 with
/// FMA; then `error` says so and what is accepted.
std::optional<TargetInfo> findTarget(const std::string &arch, const std::string &cpu, std::string &error);

DotKind dotKindOf(attn::Precision precision, const TargetInfo &target);

/// The target of that name among several; the first one where the name is empty.
const TargetInfo &targetNamed(const std::vector<TargetInfo> &targets, const std::string &name);

/// The short names that findTarget documents, for --help and messages.
const std::vector<std::string> &namedCpus(TargetInfo::Arch arch);

} // namespace attnc
