// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "frontend/ModuleTypes.h"

namespace attnc {

/// Reads "model" into model.modules; dims and inputs have been read. Checks every name that a module refers to.
void parseModules(const JsonValue &list, ModelDesc &model, Diagnostics &diagnostics);

/// Checks that every output names an input, a module or a node.
void resolveOutputs(const ModelDesc &model, Diagnostics &diagnostics);

/// The names of a module's parameters within it, `*` for a layer's index; both forms of an attention's projections.
std::vector<std::string> parameterNamesOf(const ModuleKind &kind);

} // namespace attnc
