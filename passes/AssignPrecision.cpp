// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Gives the matmuls by weights a precision: what they round their operands to before they multiply them.
//
// Needs: core ops and attn.attention; the second operand of a projection stands right (CanonicalizeGraph).
// Ensures: every matmul that will be a matmul kernel has the pass's precision, but for those that had one before and
// those that stay f32 for a reason that --explain tells. Sums, epilogues, norms, softmax and residuals are f32
// throughout. In int8, a matmul that reads the rows of a norm gets the balance that the module's attn.balance has for
// it (Balance.h). Why here: after MergeProjections, so that a merged weight counts as one; before FuseEpilogue, so that
// a kernel is made with its precision. Leaves alone: products of two activations and attention's own, tables, and
// norms.

#include "passes/Balance.h"
#include "passes/Graph.h"
#include "passes/Passes.h"

using namespace mlir;
using namespace attnc::attn;

namespace attnc {
#define GEN_PASS_DEF_ASSIGNPRECISIONPASS
#include "passes/Passes.h.inc"

namespace {

/// Narrower results (a classifier's few logits) cost next to nothing, and are what a user compares.
constexpr int64_t fewestColumns = 16;

LogicalResult check(MatmulOp matmul, Precision precision, const Refusals &refuse) {
  int64_t columns = matmul.getType().getShape().back(), depth = matmul.getLhs().getType().getShape().back();
  if (columns < fewestColumns)
    return refuse(matmul, "stays f32: a result of " + Twine(columns) + " columns gains nothing");
  if (precision == Precision::int8 && depth > MatmulOp::mostInt8Terms)
    return refuse(matmul, "stays f32: a sum of " + Twine(depth) + " products exceeds 32 bits");
  return success();
}

struct AssignPrecisionPass : impl::AssignPrecisionPassBase<AssignPrecisionPass> {
  using AssignPrecisionPassBase::AssignPrecisionPassBase;
  ExplainLog *log = nullptr;

  void runOnOperation() override {
    Refusals refuse{"assign-precision", log, explain};
    auto balances = dyn_cast_if_present<DictionaryAttr>(getOperation()->removeAttr(kBalance));
    for (func::FuncOp function : modelFunctions(getOperation())) {
      Block &block = function.getBody().front();
      for (auto matmul : llvm::make_early_inc_range(block.getOps<MatmulOp>())) {
        if (matmul.getPrecision() == Precision::f32 && hasWeightRhs(matmul) && !isWeight(matmul.getLhs()) &&
            succeeded(check(matmul, precision, refuse)))
          matmul.setPrecision(precision);
        if (balances && matmul.getPrecision() == Precision::int8 && !matmul.getBalance())
          balance(matmul, balances);
      }
    }
  }

  /// Equal constants that this makes are one in the image.
  static void balance(MatmulOp matmul, DictionaryAttr balances) {
    StringRef norm = normBehind(matmul.getLhs());
    auto values = norm.empty() ? DenseElementsAttr() : balances.getAs<DenseElementsAttr>(norm);
    if (!values || !values.getElementType().isF32() ||
        values.getType().getShape() != ArrayRef(matmul.getLhs().getType().getShape().back()))
      return;
    OpBuilder builder(matmul);
    matmul.getBalanceMutable().assign(ConstantOp::create(builder, matmul.getLoc(), values));
  }
};

} // namespace

std::unique_ptr<Pass> createAssignPrecisionPass(const AssignPrecisionPassOptions &options, ExplainLog *log) {
  auto pass = std::make_unique<AssignPrecisionPass>(options);
  pass->log = log;
  return pass;
}

} // namespace attnc
