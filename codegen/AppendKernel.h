// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The kernel that appends rows to a cache, in place.
#pragma once

#include "codegen/Algorithm.h"

namespace attnc {

/// The algorithm of a kernel function of kind append: its output is the cache, of which it stores the new rows alone
/// and reads nothing. The kernel's argument for the cache is there, and not read either.
Algorithm buildAppendAlgorithm(mlir::func::FuncOp kernel);

/// Its schedule: rows in order, in vectors of `lanes` where a row is whole vectors. Few rows are copied, on the calling
/// thread.
void scheduleAppend(Algorithm &algorithm, int lanes);

} // namespace attnc
