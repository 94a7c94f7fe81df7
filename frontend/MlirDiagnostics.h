// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "frontend/Json.h"

#include "mlir/IR/Diagnostics.h"

namespace attnc {

/// While it lives, what MLIR reports is added to a Diagnostics: with line, column and JSON path of model.json where the
/// op's location leads there, and with the module's name. Remarks are dropped.
class MlirDiagnostics : public mlir::ScopedDiagnosticHandler {
public:
  MlirDiagnostics(mlir::MLIRContext &context, Diagnostics &diagnostics);
};

/// The place in an input file that an MLIR location stands for; none where the file is not one of `diagnostics`.
SourceLoc sourceLocOf(mlir::Location location, const Diagnostics &diagnostics, JsonPaths &paths);

} // namespace attnc
