// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "codegen/ContractMultiplyAdd.h"

#include "llvm/Analysis/InstructionSimplify.h"
#include "llvm/IR/IRBuilder.h"
#include "llvm/IR/InstIterator.h"
#include "llvm/IR/Module.h"
#include "llvm/IR/Operator.h"
#include "llvm/Transforms/Utils/Local.h"

#include <optional>

using namespace llvm;

namespace attnc {

namespace {

struct Product {
  Value *a, *b;
};

/// The value as a product. LLVM may have taken an addition's operands out of vectors, or put them into some: an element
/// of a product is the product of the elements.
std::optional<Product> productIn(Value *value, IRBuilder<> &builder) {
  if (auto *multiply = dyn_cast<BinaryOperator>(value)) {
    if (multiply->getOpcode() == Instruction::FMul)
      return Product{multiply->getOperand(0), multiply->getOperand(1)};
    return std::nullopt;
  }
  if (auto *extract = dyn_cast<ExtractElementInst>(value)) {
    if (auto p = productIn(extract->getVectorOperand(), builder)) {
      Value *index = extract->getIndexOperand();
      return Product{builder.CreateExtractElement(p->a, index), builder.CreateExtractElement(p->b, index)};
    }
    return std::nullopt;
  }
  auto *poison = PoisonValue::get(value->getType());
  if (auto *insert = dyn_cast<InsertElementInst>(value)) {
    auto p = productIn(insert->getOperand(1), builder);
    auto rest =
        isa<UndefValue>(insert->getOperand(0)) ? Product{poison, poison} : productIn(insert->getOperand(0), builder);
    if (!p || !rest)
      return std::nullopt;
    Value *index = insert->getOperand(2);
    return Product{builder.CreateInsertElement(rest->a, p->a, index),
                   builder.CreateInsertElement(rest->b, p->b, index)};
  }
  if (auto *shuffle = dyn_cast<ShuffleVectorInst>(value)) {
    auto first = productIn(shuffle->getOperand(0), builder);
    auto *none = PoisonValue::get(shuffle->getOperand(1)->getType());
    auto second =
        isa<UndefValue>(shuffle->getOperand(1)) ? Product{none, none} : productIn(shuffle->getOperand(1), builder);
    if (!first || !second)
      return std::nullopt;
    return Product{builder.CreateShuffleVector(first->a, second->a, shuffle->getShuffleMask()),
                   builder.CreateShuffleVector(first->b, second->b, shuffle->getShuffleMask())};
  }
  return std::nullopt;
}

/// a*b + c, a*b - c or c - a*b.
void contract(BinaryOperator *sum) {
  IRBuilder<> builder(sum);
  const auto first = productIn(sum->getOperand(0), builder), second = productIn(sum->getOperand(1), builder);
  // LLVM may swap the operands, so of two products none can be chosen.
  if (first.has_value() == second.has_value())
    return;
  const unsigned at = first ? 0 : 1;
  const auto &product = first ? first : second;
  Value *a = product->a, *b = product->b, *c = sum->getOperand(1 - at), *source = sum->getOperand(at);
  if (sum->getOpcode() == Instruction::FSub) {
    if (at == 0)
      c = builder.CreateFNeg(c);
    else
      a = builder.CreateFNeg(a);
  }
  Value *fused = builder.CreateIntrinsic(Intrinsic::fma, {sum->getType()}, {a, b, c});
  sum->replaceAllUsesWith(fused);
  sum->eraseFromParent();
  RecursivelyDeleteTriviallyDeadInstructions(source);
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
  if (Function *zero = module.getFunction(kOpaqueZero)) {
    for (User *user : make_early_inc_range(zero->users())) {
      WeakTrackingVH call(user);
      replaceAndRecursivelySimplify(cast<CallInst>(user), ConstantInt::get(user->getType(), 0));
      if (call) // The simplifier keeps calls that it does not know to return.
        cast<CallInst>(user)->eraseFromParent();
    }
    zero->eraseFromParent();
  }
}

} // namespace attnc
