// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// How the runtime reports failure: a status, and one line of text where the caller handed over a place for it.
#pragma once

#include "runtime/Api.h"

namespace attnc::rt {

/// Fills *error (unless NULL) and returns status. The message is cut to fit and kept on one line: control characters,
/// which names handed over by a caller may hold, become '?'. Allocates nothing.
attnc_status fail(attnc_error *error, attnc_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/// Fails with ATTNC_ERROR_ABI: nothing but the version of such a model may be read.
attnc_status failAbi(const attnc_model &model, attnc_error *error);

/// Clears *error (unless NULL) and returns ATTNC_OK.
attnc_status succeed(attnc_error *error);

} // namespace attnc::rt
