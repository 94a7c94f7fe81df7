// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "codegen/ModelPlan.h"

namespace attnc {

/// Where a program finds the weights of a model.
enum class WeightsPlace {
  Embedded, ///< In the object.
  External, ///< In a file beside the object, which it maps.
  Caller    ///< Handed over at init.
};

/// The C99 header of a compiled model: its tensors with shapes and layout, and inline functions to initialise and run
/// it.
std::string headerText(const ModelPlan &plan, WeightsPlace place);

/// Whether a name can be a C identifier as it is.
bool isIdentifier(const std::string &name);

/// `name` with every character that C does not allow replaced by an underscore.
std::string identifier(const std::string &name);

} // namespace attnc
