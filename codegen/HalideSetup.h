// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

namespace attnc {

/// Prepares Halide for this process, before its first compilation; further calls do nothing. What Halide reports as an
/// error arrives as a Halide::Error, and so does its warning that an assertion is bound to fail, by which it says that
/// a kernel reads outside a buffer: kernels are compiled without assertions, so nothing would notice at run time. Other
/// warnings go to stderr.
void setUpHalide();

} // namespace attnc
