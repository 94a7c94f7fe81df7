// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// attnc-opt: reads, verifies and prints IR, runs any pass, and evaluates IR with the reference.

#include "ir/EvaluateModule.h"
#include "passes/Passes.h"

#include "mlir/Pass/Pass.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Support/FileUtilities.h"
#include "mlir/Tools/mlir-opt/MlirOptMain.h"
#include "mlir/Transforms/Passes.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/InitLLVM.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/ToolOutputFile.h"

using namespace mlir;
using attnc::reference::Precision;

namespace {

/// Evaluates what the passes before it have left (ir/EvaluateModule.h says how). Changes nothing.
class RunReferencePass : public PassWrapper<RunReferencePass, OperationPass<ModuleOp>> {
public:
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(RunReferencePass)
  RunReferencePass(raw_ostream &out, Precision precision, unsigned digits)
      : out(out), precision(precision), digits(digits) {}

  StringRef getArgument() const override { return "run-reference"; }
  void runOnOperation() override {
    if (failed(attnc::reference::evaluateModule(getOperation(), out, precision, digits)))
      signalPassFailure();
    markAllAnalysesPreserved();
  }

private:
  raw_ostream &out;
  Precision precision;
  unsigned digits;
};

llvm::cl::opt<bool>
    runReference("run-reference",
                 llvm::cl::desc("Evaluate the public functions after all passes; print their results, or "
                                "compare them with attn.expected, instead of printing the IR"));
llvm::cl::opt<Precision>
    referencePrecision("reference-precision", llvm::cl::desc("Arithmetic of --run-reference"),
                       llvm::cl::init(Precision::f64),
                       llvm::cl::values(clEnumValN(Precision::f64, "f64", "the oracle (default)"),
                                        clEnumValN(Precision::f32, "f32", "each op in f32, in index order")));
llvm::cl::opt<unsigned> referenceDigits("reference-digits",
                                        llvm::cl::desc("Significant digits of the results that --run-reference prints"),
                                        llvm::cl::init(6));

const char *const help = R"(attnc-opt: verifies, transforms and evaluates attn IR (docs/OPS.md)

usage: attnc-opt [options] [file.mlir]

  -o FILE                      where to write (default: standard output)
  --attnc-PASS, --attnc-pipeline[=options]
                               run a pass, or all of attnc's passes; several run in the order given
  --run-reference              then evaluate the public functions: print their results, or compare
                               them with attn.expected
  --reference-precision=f32    evaluate in f32 instead of f64
  --reference-digits=N         print results with N significant digits (6; 17: every bit)
  --verify-diagnostics         check the // expected-error comments of the file
  --split-input-file           take the parts between // ----- lines one by one
  --mlir-print-ir-after-all    print the IR after each pass
  --list-passes                name all passes
  --help-list-hidden           list every option, those of MLIR and LLVM too

example: attnc model.json --emit=attn -o model.mlir && attnc-opt model.mlir --attnc-fuse-attention
)";

bool isHelp(llvm::StringRef argument) { return argument == "--help" || argument == "-help" || argument == "-h"; }

int fail(llvm::StringRef message) {
  llvm::errs() << "attnc-opt: error: " << message << "\n";
  return 1;
}

} // namespace

int main(int argc, char **argv) {
  llvm::InitLLVM init(argc, argv);
  if (llvm::any_of(llvm::ArrayRef<char *>(argv, argc).drop_front(), isHelp)) {
    llvm::outs() << help;
    return 0;
  }
  DialectRegistry registry;
  registry.insert<attnc::attn::AttnDialect, func::FuncDialect, arith::ArithDialect, math::MathDialect>();
  attnc::registerPasses();
  registerTransformsPasses();
  auto [inputName, outputName] =
      registerAndParseCLIOptions(argc, argv, "attnc-opt: verifies, transforms and evaluates attn IR\n", registry);

  std::string message;
  auto input = openInputFile(inputName, &message);
  if (!input)
    return fail(message);
  auto output = openOutputFile(outputName, &message);
  if (!output)
    return fail(message);

  MlirOptMainConfig config = MlirOptMainConfig::createFromCLOptions();
  if (runReference) {
    MlirOptMainConfig passes = config;
    config.setPassPipelineSetupFn([&, passes](PassManager &manager) {
      if (failed(passes.setupPassPipeline(manager)))
        return failure();
      manager.addPass(std::make_unique<RunReferencePass>(output->os(), referencePrecision, referenceDigits));
      return success();
    });
  }
  raw_ostream &ir = runReference ? static_cast<raw_ostream &>(llvm::nulls()) : output->os();
  if (failed(MlirOptMain(ir, std::move(input), registry, config)))
    return 1;
  output->keep();
  return 0;
}
