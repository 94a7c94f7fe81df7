// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/Explain.h"
#include "passes/Passes.h"

#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"
#include "llvm/Support/raw_ostream.h"

#include <gtest/gtest.h>

using namespace attnc;

namespace {

const char *const model = R"(
module attributes {attn.min_batch = 1 : i64, attn.max_batch = 4 : i64} {
  attn.parameter @linear1.weight : tensor<16x8xf32>
  attn.parameter @linear2.weight : tensor<8x16xf32>
  func.func @main(%x: tensor<?x4x8xf32>) -> tensor<?x4x8xf32> {
    %w1 = attn.weight @linear1.weight : tensor<16x8xf32>
    %w2 = attn.weight @linear2.weight : tensor<8x16xf32>
    %0 = attn.matmul %x, %w1 {transpose_rhs} : (tensor<?x4x8xf32>, tensor<16x8xf32>) -> tensor<?x4x16xf32>
    %1 = attn.activation gelu %0 : (tensor<?x4x16xf32>) -> tensor<?x4x16xf32>
    %2 = attn.matmul %1, %w2 {transpose_rhs} : (tensor<?x4x16xf32>, tensor<8x16xf32>) -> tensor<?x4x8xf32>
    %3 = attn.layernorm %2 {eps = 1.0e-5} : (tensor<?x4x8xf32>) -> tensor<?x4x8xf32>
    %4 = attn.matmul %3, %w1 {transpose_rhs} : (tensor<?x4x8xf32>, tensor<16x8xf32>) -> tensor<?x4x16xf32>
    %5 = attn.activation gelu %4 : (tensor<?x4x16xf32>) -> tensor<?x4x16xf32>
    %6 = attn.matmul %5, %w2 {transpose_rhs} : (tensor<?x4x16xf32>, tensor<8x16xf32>) -> tensor<?x4x8xf32>
    %7 = attn.layernorm %6 {eps = 1.0e-5} : (tensor<?x4x8xf32>) -> tensor<?x4x8xf32>
    return %7 : tensor<?x4x8xf32>
  }
})";

std::string explain() {
  mlir::MLIRContext context;
  context.loadDialect<attn::AttnDialect, mlir::func::FuncDialect>();
  auto module = mlir::parseSourceString<mlir::ModuleOp>(model, &context);
  EXPECT_TRUE(module);
  ExplainLog log;
  PipelineOptions options;
  options.log = &log;
  mlir::PassManager manager(&context);
  buildPipeline(manager, options);
  EXPECT_TRUE(mlir::succeeded(manager.run(*module)));
  std::string text;
  llvm::raw_string_ostream out(text);
  printExplanation(*module, log, out);
  return text;
}

TEST(Explain, NamesKernelCostScheduleAndRefusals) {
  std::string text = explain();
  auto expect = [&, from = size_t(0)](const std::string &line) mutable {
    size_t found = text.find(line, from);
    EXPECT_NE(found, std::string::npos) << "not found in order: " << line << "\nin:\n" << text;
    from = found == std::string::npos ? from : found + line.size();
  };
  expect("linear1\n");
  expect("  kernel   matmul_0: matmul + gelu\n");
  expect("  result   tensor<?x4x16xf32>\n");
  expect("  cost     1.66 kFLOP, 896 B\n");
  expect("  schedule #attn.matmul_schedule<tile_rows = 4,");
  expect("linear2\n");
  expect("  kernel   matmul_1: matmul\n");
  expect("  kernel   rowwise_0: layernorm\n");
  expect("6 calls of 3 kernels, ");
  expect("weights 1.54 kB, arena ");
  expect("B for each batch element\na run takes 4096 batch elements a thread at a time\n");
  expect("not fused:\n");
  expect("  fuse-epilogue: 4 rows are too few for tasks of whole rows, which each read all weights (layernorm and 1 "
         "more)\n");
}

TEST(Explain, IsDeterministic) { EXPECT_EQ(explain(), explain()); }

} // namespace
