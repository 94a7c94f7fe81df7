// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Registers the dialect's ops and attributes, and holds what TableGen generates for them.

#include "ir/AttnDialect.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/DialectImplementation.h"
#include "llvm/ADT/TypeSwitch.h"

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

Operation *AttnDialect::materializeConstant(OpBuilder &builder, Attribute value, Type type, Location loc) {
  auto elements = dyn_cast<ElementsAttr>(value);
  if (!elements || elements.getType() != type)
    return nullptr;
  return ConstantOp::create(builder, loc, elements);
}
