// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What `attnc` does between its command line and its exit code.
#pragma once

#include "codegen/Header.h"
#include "frontend/ModelDesc.h"

#include <optional>
#include <set>
#include <string>
#include <vector>

namespace attnc {

enum class Emit { Object, Header, Attn, Kernels, Halide, LLVM, Assembly };

struct DriverOptions {
  std::string input;
  std::string output; ///< Empty: kernel.o, or standard output for one text artefact.
  std::set<Emit> emit;
  DimOverrides dims;
  /// A dimension with several extents, ascending, each of which becomes a bucket; empty: none has.
  std::string bucketDim;
  std::vector<int64_t> buckets;
  std::vector<std::string> cpus = {"host"}; ///< One variant for each.
  std::string arch = "x86_64";
  /// f32, bf16 or int8: what matmuls by weights round their operands to; nothing: what the description says.
  std::optional<std::string> precision;
  /// Where the weights go; Embedded and External need a description that names them, Embedded falls back to Caller.
  WeightsPlace weights = WeightsPlace::Embedded;
  bool tokenTypeIds = false;
  /// Keys of attention's blocks, a multiple of 16, or 0 for whole score rows; nothing: by shape.
  std::optional<int64_t> blockKeys;
  /// Batch elements of a thread's share, or 0 for the whole batch at once; nothing: by cost.
  std::optional<int64_t> microbatch;
  bool profile = false; ///< The object tells an observer of its kernel calls.
  bool explain = false, printIRAfterAll = false, timePasses = false, quiet = false;
  std::string program; ///< argv[0], to find the runtime archive for shared libraries.
};

/// The name on the command line: "object", "attn" ...; null for an unknown one.
const Emit *findEmit(const std::string &name);

/// Compiles. 0; after errors on standard error 1, or 2 where the command line is what is wrong.
int runDriver(const DriverOptions &options);

} // namespace attnc
