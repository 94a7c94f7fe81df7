// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Registers the dialect's ops and attributes, and holds what TableGen generates for them.

#include "ir/AttnDialect.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/DialectImplementation.h"
#include "llvm/ADT/TypeSwitch.h"
#include "llvm/Support/CheckedArithmetic.h"

using namespace mlir;
using namespace attnc::attn;

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-parameter"
#include "ir/AttnDialect.cpp.inc"
#include "ir/AttnEnums.cpp.inc"
#define GET_ATTRDEF_CLASSES
#include "ir/AttnAttrs.cpp.inc"
#define GET_OP_CLASSES
#include "ir/AttnOps.cpp.inc"
#pragma GCC diagnostic pop

void AttnDialect::initialize() {
  addOperations<
#define GET_OP_LIST
#include "ir/AttnOps.cpp.inc"
      >();
  addAttributes<
#define GET_ATTRDEF_LIST
#include "ir/AttnAttrs.cpp.inc"
      >();
}

int64_t PanelsAttr::getStep() const {
  switch (getPrecision()) {
  case Precision::f32:
    return 1;
  case Precision::bf16:
    return 2;
  case Precision::int8:
    return 4;
  }
  llvm_unreachable("every precision has a step");
}

std::optional<int64_t> PanelsAttr::panelBytes(int64_t depth) const {
  // A step of a column takes four bytes in every precision; in int8 its scale and its sum are two more.
  const int64_t words = stepsOf(depth) + (getPrecision() == Precision::int8 ? 2 : 0);
  std::optional<int64_t> row = llvm::checkedMul<int64_t>(getWidth(), 4);
  return row ? llvm::checkedMul(words, *row) : std::nullopt;
}

Operation *AttnDialect::materializeConstant(OpBuilder &builder, Attribute value, Type type, Location loc) {
  auto elements = dyn_cast<ElementsAttr>(value);
  if (!elements || elements.getType() != type)
    return nullptr;
  return ConstantOp::create(builder, loc, elements);
}
