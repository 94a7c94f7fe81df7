// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What `--explain` shows: each kernel call with its cost and schedule, of an attention its score and the tiles that it
// skips, and each fusion that did not happen with its reason.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace llvm {
class raw_ostream;
} // namespace llvm

namespace mlir {
class ModuleOp;
namespace func {
class FuncOp;
} // namespace func
} // namespace mlir

namespace attnc {

/// The reasons that passes gave for not fusing, in the order in which they were given. Handed to the pipeline by the
/// driver.
struct ExplainLog {
  struct Refusal {
    std::string pass;   ///< Its command line name without the prefix: "fuse-attention".
    std::string where;  ///< What it is about: a label such as "encoder.layers.3.linear1", or an op's name.
    std::string reason; ///< A sentence without its full stop.
  };
  std::vector<Refusal> refusals;
};

/// Prints a module that has been through the pipeline, kernel call by kernel call, for a batch of `attn.min_batch`, and
/// the refusals, equal ones together.
void printExplanation(mlir::ModuleOp module, const ExplainLog &log, llvm::raw_ostream &out);

/// "matmul + add + gelu": the ops of a kernel in their order.
std::string opsOf(mlir::func::FuncOp kernel);

} // namespace attnc
