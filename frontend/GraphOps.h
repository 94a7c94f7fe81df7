// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The ops that a Graph may use: the core ops of the attn dialect under their names, with their attributes, and two that
// bring values in: `weight` (a parameter) and `constant`.
#pragma once

#include "frontend/KeyTable.h"

namespace attnc {

struct GraphOp {
  std::string op;
  size_t minInputs = 1, maxInputs = 1;
  ObjectSpec spec; ///< Named `node <op>`; its keys are op, name, inputs and the attributes.
};

const std::vector<GraphOp> &graphOps();

/// The op of that name, or null.
const GraphOp *findGraphOp(const std::string &op);

} // namespace attnc
