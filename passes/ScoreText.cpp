// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/ScoreText.h"

#include "mlir/IR/Matchers.h"
#include "llvm/ADT/StringSwitch.h"
#include "llvm/ADT/TypeSwitch.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;
using namespace attnc::attn;

namespace attnc {
namespace {

/// How tightly an expression holds together, loosest first.
enum Precedence { Or, And, Not, Comparison, Sum, Product, Atom };

struct Text {
  std::string text;
  Precedence precedence = Atom;
};

class ScoreWriter {
public:
  explicit ScoreWriter(AttentionOp attention) : attention(attention) {}

  Text write(Value value) {
    if (++written > mostOps)
      return {"..."};
    if (auto argument = dyn_cast<BlockArgument>(value))
      return {nameOf(argument)};
    return write(value.getDefiningOp());
  }

private:
  /// A region whose ops share operands may be far longer as text than it is as ops.
  static constexpr int mostOps = 80;

  std::string nameOf(BlockArgument argument) {
    static const char *const names[] = {"dot", "batch", "head", "query", "key"};
    const unsigned number = argument.getArgNumber();
    if (number == 0 && attention.getScoreWeight())
      return "additive";
    if (number < 5)
      return names[number];
    Type element = cast<RankedTensorType>(argument.getType()).getElementType();
    return (element.isInteger(1) ? "mask" : element.isF32() ? "bias" : "input") + std::to_string(number - 5);
  }

  std::string within(Value value, Precedence least) {
    Text text = write(value);
    return text.precedence < least ? "(" + text.text + ")" : text.text;
  }

  /// What stands right of the symbol is parenthesised where it holds as loosely.
  Text binary(Operation *op, const char *symbol, Precedence precedence) {
    const Precedence right = Precedence(precedence + 1);
    return {within(op->getOperand(0), precedence) + " " + symbol + " " + within(op->getOperand(1), right), precedence};
  }

  Text call(Operation *op, StringRef name) {
    std::string text = name.str() + "(";
    for (auto [number, operand] : llvm::enumerate(op->getOperands()))
      text += (number ? ", " : "") + write(operand).text;
    return {text + ")"};
  }

  static Text constant(arith::ConstantOp op) {
    std::string text;
    llvm::raw_string_ostream stream(text);
    if (auto number = dyn_cast<FloatAttr>(op.getValue()))
      stream << llvm::format("%g", number.getValueAsDouble());
    else if (op.getType().isInteger(1))
      stream << (matchPattern(op.getResult(), m_One()) ? "true" : "false");
    else
      stream << cast<IntegerAttr>(op.getValue()).getInt();
    return {text};
  }

  Text element(ElementOp op) {
    std::string text = nameOf(cast<BlockArgument>(op.getTensor())) + "[";
    for (auto [number, index] : llvm::enumerate(op.getIndices()))
      text += (number ? ", " : "") + write(index).text;
    return {text + "]"};
  }

  Text sum(arith::AddIOp op) {
    llvm::APInt shift;
    if (matchPattern(op.getRhs(), m_ConstantInt(&shift)) && shift.isNegative())
      return {within(op.getLhs(), Sum) + " - " + std::to_string(-shift.getSExtValue()), Sum};
    return binary(op, "+", Sum);
  }

  static const char *symbolOf(arith::CmpIPredicate predicate) {
    using P = arith::CmpIPredicate;
    switch (predicate) {
    case P::eq:
      return "==";
    case P::ne:
      return "!=";
    case P::slt:
    case P::ult:
      return "<";
    case P::sle:
    case P::ule:
      return "<=";
    case P::sgt:
    case P::ugt:
      return ">";
    case P::sge:
    case P::uge:
      return ">=";
    }
    return "?";
  }

  Text comparison(arith::CmpFOp op) {
    const char *symbol = llvm::StringSwitch<const char *>(arith::stringifyCmpFPredicate(op.getPredicate()))
                             .Cases({"oeq", "ueq"}, "==")
                             .Cases({"one", "une"}, "!=")
                             .Cases({"olt", "ult"}, "<")
                             .Cases({"ole", "ule"}, "<=")
                             .Cases({"ogt", "ugt"}, ">")
                             .Cases({"oge", "uge"}, ">=")
                             .Default(nullptr);
    return symbol ? binary(op, symbol, Comparison) : call(op, arith::stringifyCmpFPredicate(op.getPredicate()));
  }

  Text write(Operation *op) {
    return llvm::TypeSwitch<Operation *, Text>(op)
        .Case([&](arith::ConstantOp typed) { return constant(typed); })
        .Case([&](ElementOp typed) { return element(typed); })
        .Case([&](arith::AddIOp typed) { return sum(typed); })
        .Case<arith::AddFOp>([&](auto) { return binary(op, "+", Sum); })
        .Case<arith::SubFOp, arith::SubIOp>([&](auto) { return binary(op, "-", Sum); })
        .Case<arith::MulFOp, arith::MulIOp>([&](auto) { return binary(op, "*", Product); })
        .Case<arith::DivFOp>([&](auto) { return binary(op, "/", Product); })
        .Case<arith::FloorDivSIOp>([&](auto) { return binary(op, "//", Product); })
        .Case<arith::NegFOp>([&](auto) { return Text{"-" + within(op->getOperand(0), Atom), Product}; })
        .Case<arith::AndIOp>([&](auto) { return binary(op, "and", And); })
        .Case<arith::OrIOp>([&](auto) { return binary(op, "or", Or); })
        .Case([&](arith::XOrIOp typed) {
          return matchPattern(typed.getRhs(), m_One()) ? Text{"not " + within(typed.getLhs(), Not), Not}
                                                       : binary(op, "!=", Comparison);
        })
        .Case([&](arith::CmpIOp typed) { return binary(op, symbolOf(typed.getPredicate()), Comparison); })
        .Case([&](arith::CmpFOp typed) { return comparison(typed); })
        .Case<arith::IndexCastOp, arith::SIToFPOp>([&](auto) { return write(op->getOperand(0)); })
        .Case<arith::MaximumFOp>([&](auto) { return call(op, "max"); })
        .Case<arith::MinimumFOp>([&](auto) { return call(op, "min"); })
        .Default([&](Operation *) { return call(op, op->getName().stripDialect()); });
  }

  AttentionOp attention;
  int written = 0;
};

} // namespace

std::string describeScore(AttentionOp attention) {
  auto end = cast<ScoreOp>(attention.getScore().front().getTerminator());
  ScoreWriter writer(attention);
  std::string text = writer.write(end.getScore()).text;
  if (!matchPattern(end.getLive(), m_One()))
    text += " where " + writer.write(end.getLive()).text;
  return text;
}

} // namespace attnc
