// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "codegen/HalideSetup.h"

#include "Halide.h"

#include <cstdlib>
#include <iostream>
#include <string>

namespace attnc {

namespace {

class Reporter : public Halide::CompileTimeErrorReporter {
public:
  void warning(const char *message) override {
    if (std::string(message).find("guaranteed to fail") != std::string::npos)
      throw Halide::InternalError(std::string("internal: ") + message);
    std::cerr << message;
  }
  [[noreturn]] void error(const char *message) override { throw Halide::CompileError(message); }
};

} // namespace

void setUpHalide() {
  static const bool done = [] {
    // Halide's LLVM must not form vectors of its own: a multiply-add whose product is in a vector of scalars from
    // several rows, and whose addition is not, escapes contractMultiplyAdd(), and a row's bits would depend on its
    // neighbours. Halide reads the variable once.
    const char *given = getenv("HL_LLVM_ARGS");
    setenv("HL_LLVM_ARGS", ((given ? std::string(given) + " " : "") + "-vectorize-slp=false").c_str(), 1);
    static Reporter reporter;
    Halide::set_custom_compile_time_error_reporter(&reporter);
    return true;
  }();
  (void)done;
}

} // namespace attnc
