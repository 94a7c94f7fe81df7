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

LogicalResult AttentionScheduleAttr::verify(function_ref<InFlightDiagnostic()> emitError, int64_t tileQueries,
                                            int64_t tileCols, int64_t taskQueries, int64_t blockKeys,
                                            int64_t blockQueries) {
  // attention_schedule_c1
  if (tileQueries < 1 || tileCols < 1 || taskQueries < 0)
    return emitError() << "needs tile_queries and tile_cols of at least 1 and no negative task_queries";
  // attention_schedule_c2
  if (blockKeys < 0 || blockKeys % 16 != 0 || blockKeys % tileCols != 0)
    return emitError() << "needs block_keys that is a multiple of 16 and of tile_cols, not " << blockKeys;
  if (blockKeys == 0 ? blockQueries != 0 : blockQueries < 1 || taskQueries % blockQueries != 0)
    return emitError()
           << "needs block_queries of at least 1 that divides task_queries with block_keys, and 0 without, not "
           << blockQueries;
  return success();
}

LogicalResult LiveKeysAttr::verify(function_ref<InFlightDiagnostic()> emitError, DenseI64ArrayAttr,
                                   DenseI64ArrayAttr runsAttr) {
  ArrayRef<int64_t> runs = runsAttr.asArrayRef();
  // live_keys_c1
  if (runs.empty() || runs.size() % 4 != 0 || runs.front() != 0)
    return emitError() << "needs runs as rows of four, from query 0 on";
  for (size_t i = 4; i < runs.size(); i += 4)
    if (runs[i] <= runs[i - 4])
      return emitError() << "needs runs in ascending order, but " << runs[i] << " follows " << runs[i - 4];
  // live_keys_c2
  for (size_t i = 0; i < runs.size(); i += 4)
    if (runs[i + 1] < 0 || runs[i + 2] < runs[i + 1] || (runs[i + 3] != 0 && runs[i + 3] != 1))
      return emitError() << "needs 0 <= begin <= end, and 0 or 1, not " << runs.slice(i + 1, 3);
  return success();
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
