// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "Halide.h"

namespace attnc {

/// Where a column of a weight lies in its panels (passes/Panels.h).
struct PanelColumn {
  Halide::Expr column, panel;
};

/// Column n of `count` panels of `width` columns. A register tile of two panels may go one beyond the last: it reads
/// the last one again, and its columns are masked at the store.
inline PanelColumn panelColumnOf(const Halide::Expr &n, int width, int count) {
  const Halide::Expr panel = n / width;
  return {n % width, count % 2 && count > 1 ? min(panel, count - 1) : panel};
}

} // namespace attnc
