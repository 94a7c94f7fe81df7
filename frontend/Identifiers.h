// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Names that the generated C header is made of.
#pragma once

#include "frontend/Diagnostic.h"
#include "frontend/ModelDesc.h"

#include <set>
#include <string>

namespace attnc {

/// A C identifier made of the last component of a path without its extension, for a model that has no name.
std::string modelNameFor(const std::string &path);

/// Checks that a name can stand in the generated C header: a C identifier of at most 64 characters that neither C nor
/// C++ nor the headers that it includes use. Reports what is wrong with it otherwise.
bool checkIdentifier(const Located<std::string> &name, const std::string &what, Diagnostics &diagnostics);

/// Checks an input's or output's name against those `seen` before it: the header makes constants of them in upper case,
/// so they may not differ in case alone.
bool checkTensorName(const Located<std::string> &name, std::set<std::string> &seen, Diagnostics &diagnostics);

/// checkIdentifier for a model's name, which is the prefix of its functions, as "attnc" is of the runtime's.
bool checkModelName(const Located<std::string> &name, Diagnostics &diagnostics);

} // namespace attnc
