// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "codegen/ModelPlan.h"

namespace attnc {

/// The C99 header of a compiled model: its tensors with shapes and layout, and inline functions to initialise and run
/// it. `embedded`: whether the object holds the weights.
std::string headerText(const ModelPlan &plan, bool embedded);

/// Whether a name can be a C identifier as it is.
bool isIdentifier(const std::string &name);

/// `name` with every character that C does not allow replaced by an underscore.
std::string identifier(const std::string &name);

} // namespace attnc
