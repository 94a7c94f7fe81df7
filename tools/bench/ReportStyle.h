// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

namespace attnc {

/// The style sheet of the HTML report, for light and for dark screens.
extern const char *const reportStyle;

} // namespace attnc
