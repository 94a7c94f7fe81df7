// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "frontend/KeyTable.h"

namespace attnc {

/// The keys of a mask that is an object.
const ObjectSpec &maskSpec();

/// Reads an attention mask that is no name of a value: an object of maskSpec(), or a list of rows. None after an error.
std::optional<MaskConstant> readMask(const JsonValue &value, const std::string &key, Diagnostics &diagnostics);

} // namespace attnc
