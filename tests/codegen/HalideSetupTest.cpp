// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What becomes of Halide's errors and warnings.

#include "codegen/HalideSetup.h"

#include "Halide.h"

#include <gtest/gtest.h>

namespace attnc {
namespace {

/// Compiles out(x) = stage(x + offset) for four elements of each, without assertions.
void compileCopy(int offset) {
  setUpHalide();
  Halide::Var x("x");
  Halide::Func stage("stage"), out("out");
  stage(x) = x;
  stage.compute_root().bound(x, 0, 4);
  out(x) = stage(x + offset);
  out.bound(x, 0, 4).output_buffer().dim(0).set_bounds(0, 4);
  using T = Halide::Target;
  out.compile_to_module({}, "copy", T(T::Linux, T::X86, 64, {T::NoAsserts, T::NoBoundsQuery, T::NoRuntime}));
}

TEST(HalideSetup, AcceptsAKernelThatStaysInItsStage) { EXPECT_NO_THROW(compileCopy(0)); }

TEST(HalideSetup, ThrowsWhereAKernelReadsOutsideAStage) {
  EXPECT_THROW(
      {
        try {
          compileCopy(2);
        } catch (const Halide::Error &error) {
          EXPECT_NE(std::string(error.what()).find("guaranteed to fail"), std::string::npos) << error.what();
          throw;
        }
      },
      Halide::Error);
}

TEST(HalideSetup, ThrowsErrors) {
  setUpHalide();
  Halide::Func undefined("undefined");
  EXPECT_THROW(undefined.compile_to_module({}, "undefined"), Halide::Error);
}

TEST(HalideSetup, PrintsOtherWarnings) {
  setUpHalide();
  testing::internal::CaptureStderr();
  Halide::Internal::issue_warning("Warning: something else\n");
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "Warning: something else\n");
}

} // namespace
} // namespace attnc
