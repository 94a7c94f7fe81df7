// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Descriptions as the import sees them, for tests.
#pragma once

#include "frontend/Import.h"
#include "frontend/ParseModel.h"
#include "ir/AttnDialect.h"

#include "mlir/IR/MLIRContext.h"

#include <gtest/gtest.h>
#include <sstream>

namespace attnc {

/// The module that a description becomes; null after errors.
class Imported {
public:
  explicit Imported(const std::string &text, const DimOverrides &overrides = {})
      : context(mlir::MLIRContext::Threading::DISABLED) {
    std::optional<ModelDesc> model = parseModelText("t.json", text, overrides, diagnostics);
    if (model)
      module = importModel(*model, context, diagnostics);
  }

  std::string messages() const {
    std::ostringstream text;
    diagnostics.render(text);
    return text.str();
  }
  std::string text() {
    std::string printed;
    llvm::raw_string_ostream stream(printed);
    if (module)
      module->print(stream);
    return printed;
  }
  bool has(const std::string &piece) { return text().find(piece) != std::string::npos; }
  template <typename Op> size_t count() {
    size_t found = 0;
    module->walk([&](Op) { ++found; });
    return found;
  }
  template <typename Op> Op first() {
    Op result;
    module->walk([&](Op op) {
      if (!result)
        result = op;
    });
    return result;
  }

  Diagnostics diagnostics;
  mlir::MLIRContext context;
  mlir::OwningOpRef<mlir::ModuleOp> module;
};

/// A description of these modules; by default of one input x.
inline std::string description(const std::string &modules,
                               const std::string &inputs = "\"x\": { \"shape\": [\"batch\", 20, 64] }") {
  return "{ \"name\": \"m\", \"dims\": { \"batch\": { \"max\": 8 } }, \"inputs\": { " + inputs + " },\n\"model\": [\n" +
         modules + "\n] }";
}

} // namespace attnc
