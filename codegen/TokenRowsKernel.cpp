// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "codegen/TokenRowsKernel.h"

#include "codegen/HostEntry.h"

#include "llvm/Bitcode/BitcodeWriter.h"
#include "llvm/IR/IRBuilder.h"
#include "llvm/IR/Module.h"
#include "llvm/Support/raw_ostream.h"

using namespace llvm;

namespace attnc {

namespace {

/// A loop over [0, end) in LLVM IR, with one number carried from round to round.
class Loop {
public:
  /// Leaves the builder inside the body.
  Loop(IRBuilder<> &builder, Value *end, Value *initial, const char *name) : builder(builder) {
    Function *function = builder.GetInsertBlock()->getParent();
    BasicBlock *before = builder.GetInsertBlock();
    auto block = [&](const char *part) {
      return BasicBlock::Create(builder.getContext(), std::string(name) + part, function);
    };
    head = block(".head"), after = block(".after");
    BasicBlock *body = block(".body");
    builder.CreateBr(head);
    builder.SetInsertPoint(head);
    index = builder.CreatePHI(builder.getInt64Ty(), 2, name);
    carried = builder.CreatePHI(builder.getInt64Ty(), 2);
    index->addIncoming(builder.getInt64(0), before);
    carried->addIncoming(initial, before);
    builder.CreateCondBr(builder.CreateICmpSLT(index, end), body, after);
    builder.SetInsertPoint(body);
  }

  /// Ends the body and leaves the builder behind the loop, where `carried` is that of the last round.
  void finish(Value *next) {
    index->addIncoming(builder.CreateAdd(index, builder.getInt64(1)), builder.GetInsertBlock());
    carried->addIncoming(next, builder.GetInsertBlock());
    builder.CreateBr(head);
    builder.SetInsertPoint(after);
  }

  PHINode *index, *carried;

private:
  IRBuilder<> &builder;
  BasicBlock *head, *after;
};

} // namespace

void compileTokenRows(attn::TokenRowsOp op, CompiledKernel &compiled) {
  LLVMContext context;
  Module module(compiled.name, context);
  IRBuilder<> builder(context);
  const int64_t batchExtent = attn::withoutEncoding(op.getLengths().getType()).getDimSize(0);
  compiled.counts.batch = mlir::ShapedType::isDynamic(batchExtent);
  Type *pointer = builder.getPtrTy(), *i32 = builder.getInt32Ty(), *i64 = builder.getInt64Ty();
  SmallVector<Type *> parameters = {pointer};
  if (compiled.counts.batch)
    parameters.push_back(i32);
  parameters.append(4, pointer);
  auto *function =
      Function::Create(FunctionType::get(i32, parameters, false), GlobalValue::ExternalLinkage, compiled.name, module);
  builder.SetInsertPoint(BasicBlock::Create(context, "entry", function));
  auto host = [&](unsigned fromEnd) {
    Value *buffer = function->getArg(static_cast<unsigned>(function->arg_size()) - fromEnd);
    return builder.CreateLoad(pointer, builder.CreateConstGEP1_64(builder.getInt8Ty(), buffer, kBufferHost));
  };
  Value *lengths = host(4), *rows = host(3), *spans = host(2), *count = host(1);
  auto element = [&](Value *base, Value *index) { return builder.CreateGEP(i32, base, index); };
  auto store = [&](Value *number, Value *place) { builder.CreateStore(builder.CreateTrunc(number, i32), place); };
  Value *batch = compiled.counts.batch ? builder.CreateSExt(function->getArg(1), i64)
                                       : builder.getInt64(static_cast<uint64_t>(batchExtent));
  Value *size = builder.getInt64(op.getSize()), *zero = builder.getInt64(0);

  Loop sequence(builder, batch, zero, "sequence");
  Value *given = builder.CreateSExt(builder.CreateLoad(i32, element(lengths, sequence.index)), i64);
  Value *length =
      builder.CreateBinaryIntrinsic(Intrinsic::smin, builder.CreateBinaryIntrinsic(Intrinsic::smax, given, zero), size);
  Value *span = element(spans, builder.CreateMul(sequence.index, builder.getInt64(2)));
  store(sequence.carried, span);
  store(length, builder.CreateConstGEP1_64(i32, span, 1));
  Value *firstRow = builder.CreateMul(sequence.index, size);
  Loop token(builder, length, sequence.carried, "token");
  store(builder.CreateAdd(firstRow, token.index), element(rows, token.carried));
  token.finish(builder.CreateAdd(token.carried, builder.getInt64(1)));
  sequence.finish(token.carried);
  store(sequence.carried, count);
  builder.CreateRet(builder.getInt32(0));

  raw_string_ostream out(compiled.bitcode);
  WriteBitcodeToFile(module, out);
}

} // namespace attnc
