// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "frontend/MlirDiagnostics.h"

#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/Location.h"
#include "llvm/ADT/TypeSwitch.h"

namespace attnc {

namespace {

/// The first place in a file that a location holds: passes fuse and wrap locations.
mlir::FileLineColLoc findFileLoc(mlir::Location location) {
  return llvm::TypeSwitch<mlir::LocationAttr, mlir::FileLineColLoc>(location)
      .Case<mlir::FileLineColLoc>([](mlir::FileLineColLoc loc) { return loc; })
      .Case<mlir::NameLoc>([](mlir::NameLoc loc) { return findFileLoc(loc.getChildLoc()); })
      .Case<mlir::CallSiteLoc>([](mlir::CallSiteLoc loc) { return findFileLoc(loc.getCallee()); })
      .Case<mlir::FusedLoc>([](mlir::FusedLoc loc) {
        for (mlir::Location part : loc.getLocations())
          if (mlir::FileLineColLoc found = findFileLoc(part))
            return found;
        return mlir::FileLineColLoc();
      })
      .Default([](mlir::LocationAttr) { return mlir::FileLineColLoc(); });
}

} // namespace

SourceLoc sourceLocOf(mlir::Location location, const Diagnostics &diagnostics, JsonPaths &paths) {
  mlir::FileLineColLoc found = findFileLoc(location);
  const SourceFile *file = found ? diagnostics.findSource(found.getFilename().strref()) : nullptr;
  if (!file)
    return {};
  SourceLoc loc = {file, found.getLine(), found.getColumn(), ""};
  // Searching costs time, and nobody reads more messages than are printed.
  if (diagnostics.all().size() < Diagnostics::maxPrinted)
    loc.path = paths.at(*file, loc.line, loc.column);
  return loc;
}

MlirDiagnostics::MlirDiagnostics(mlir::MLIRContext &context, Diagnostics &diagnostics)
    : ScopedDiagnosticHandler(&context,
                              [&diagnostics, paths = std::make_shared<JsonPaths>()](mlir::Diagnostic &diagnostic) {
                                SourceLoc loc = sourceLocOf(diagnostic.getLocation(), diagnostics, *paths);
                                std::string message = diagnostic.str();
                                if (auto name = diagnostic.getLocation()->findInstanceOf<mlir::NameLoc>())
                                  message = name.getName().str() + ": " + message;
                                if (diagnostic.getSeverity() == mlir::DiagnosticSeverity::Error)
                                  diagnostics.error(std::move(loc), std::move(message));
                                else if (diagnostic.getSeverity() == mlir::DiagnosticSeverity::Warning)
                                  diagnostics.warning(std::move(loc), std::move(message));
                                else if (diagnostic.getSeverity() == mlir::DiagnosticSeverity::Note)
                                  diagnostics.note(std::move(loc), std::move(message));
                              }) {}

} // namespace attnc
