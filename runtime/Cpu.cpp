// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime/Cpu.h"

#include <cstring>

namespace attnc::rt {
namespace {

bool same(const char *name, size_t length, const char *literal) {
  return strlen(literal) == length && memcmp(name, literal, length) == 0;
}

} // namespace

#if defined(__x86_64__) || defined(__i386__)

// A list in a macro, because __builtin_cpu_supports takes a literal only.
#define ATTNC_X86_FEATURES(X)                                                                                          \
  X("sse3")                                                                                                            \
  X("ssse3")                                                                                                           \
  X("sse4.1")                                                                                                          \
  X("sse4.2")                                                                                                          \
  X("sse4a")                                                                                                           \
  X("popcnt")                                                                                                          \
  X("avx")                                                                                                             \
  X("avx2")                                                                                                            \
  X("fma")                                                                                                             \
  X("fma4")                                                                                                            \
  X("xop")                                                                                                             \
  X("f16c")                                                                                                            \
  X("bmi")                                                                                                             \
  X("bmi2")                                                                                                            \
  X("avx512f")                                                                                                         \
  X("avx512cd")                                                                                                        \
  X("avx512dq")                                                                                                        \
  X("avx512bw")                                                                                                        \
  X("avx512vl")                                                                                                        \
  X("avx512ifma")                                                                                                      \
  X("avx512vbmi")                                                                                                      \
  X("avx512vbmi2")                                                                                                     \
  X("avx512vnni")                                                                                                      \
  X("avx512bitalg")                                                                                                    \
  X("avx512vpopcntdq")                                                                                                 \
  X("avx512bf16")

CpuFeature cpuFeature(const char *name, size_t length) {
  __builtin_cpu_init();
#define ATTNC_CHECK(literal)                                                                                           \
  if (same(name, length, literal))                                                                                     \
    return __builtin_cpu_supports(literal) ? CpuFeature::Present : CpuFeature::Absent;
  ATTNC_X86_FEATURES(ATTNC_CHECK)
#undef ATTNC_CHECK
  // Part of the x86-64 baseline; not every compiler's __builtin_cpu_supports has the two names.
  if (same(name, length, "sse") || same(name, length, "sse2"))
    return CpuFeature::Present;
  return CpuFeature::Unknown;
}

#elif defined(__aarch64__)

// Part of the AArch64 baseline.
CpuFeature cpuFeature(const char *name, size_t length) {
  return same(name, length, "neon") ? CpuFeature::Present : CpuFeature::Unknown;
}

#else

CpuFeature cpuFeature(const char *, size_t) { return CpuFeature::Unknown; }

#endif

MissingFeatures missingFeatures(const char *features) {
  MissingFeatures missing;
  size_t used = 0;
  for (const char *name = features + strspn(features, " "); *name; name += strspn(name, " ")) {
    const size_t length = strcspn(name, " ");
    const CpuFeature feature = cpuFeature(name, length);
    if (feature != CpuFeature::Present) {
      ++missing.count;
      missing.unknown |= feature == CpuFeature::Unknown;
      if (used + length + 1 < sizeof missing.text) {
        if (used > 0)
          missing.text[used++] = ' ';
        memcpy(missing.text + used, name, length);
        used += length;
      }
    }
    name += length;
  }
  missing.text[used] = '\0';
  return missing;
}

} // namespace attnc::rt
