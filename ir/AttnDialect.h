// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The attn dialect: what the compiler's middle speaks. Include this to work with its ops; it is heavy (MLIR's headers),
// so only files that build, match or print IR do.
#pragma once

#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/IR/SymbolTable.h"
#include "mlir/Interfaces/InferTypeOpInterface.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

#include "ir/Shape.h"

// What TableGen generates is not held to our warnings.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-parameter"
#include "ir/AttnDialect.h.inc"
#include "ir/AttnEnums.h.inc"
#define GET_ATTRDEF_CLASSES
#include "ir/AttnAttrs.h.inc"
#define GET_OP_CLASSES
#include "ir/AttnOps.h.inc"
#pragma GCC diagnostic pop
