// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "codegen/ContractMultiplyAdd.h"

#include "llvm/IR/IRBuilder.h"
#include "llvm/IR/InstIterator.h"
#include "llvm/IR/Module.h"
#include "llvm/IR/Operator.h"

using namespace llvm;

namespace attnc {

namespace {

BinaryOperator *productAt(BinaryOperator *sum, unsigned operand) {
  auto *product = dyn_cast<BinaryOperator>(sum->getOperand(operand));
  return product && product->getOpcode() == Instruction::FMul ? product : nullptr;
}

/// a*b + c, a*b - c or c - a*b.
void contract(BinaryOperator *sum) {
  const unsigned at = productAt(sum, 0) ? 0 : 1;
  BinaryOperator *product = productAt(sum, at);
  if (!product)
    return;
  IRBuilder<> builder(sum);
  Value *a = product->getOperand(0), *b = product->getOperand(1), *c = sum->getOperand(1 - at);
  if (sum->getOpcode() == Instruction::FSub) {
    if (at == 0)
      c = builder.CreateFNeg(c);
    else
      a = builder.CreateFNeg(a);
  }
  Value *fused = builder.CreateIntrinsic(Intrinsic::fma, {sum->getType()}, {a, b, c});
  sum->replaceAllUsesWith(fused);
  sum->eraseFromParent();
  if (product->use_empty())
    product->eraseFromParent();
}

} // namespace

void contractMultiplyAdd(Module &module) {
  for (Function &function : module) {
    SmallVector<BinaryOperator *> sums;
    for (Instruction &instruction : instructions(function)) {
      if (isa<FPMathOperator>(instruction))
        instruction.setFastMathFlags(FastMathFlags());
      if (instruction.getOpcode() == Instruction::FAdd || instruction.getOpcode() == Instruction::FSub)
        sums.push_back(cast<BinaryOperator>(&instruction));
    }
    for (BinaryOperator *sum : sums)
      contract(sum);
  }
}

} // namespace attnc
