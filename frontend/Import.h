// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// ModelDesc -> the attn dialect. The module holds
//  - an attn.parameter for every parameter, named as in PyTorch's state_dict (ModuleDesc::parameterName);
//  - one func.func @<model name>; its arguments and results carry `attn.name`, the tensor's name in the description,
//  and an
//    argument that indexes tables carries `attn.index_limit` (i64): its elements must lie in [0, limit);
//  - behind these arguments and results the states, with `attn.state` (i64) on the argument, the result's number;
//  - with a run-time batch the module attributes attn.min_batch and attn.max_batch.
// Only core ops are emitted; multi-head attention is spelled out. The location of an op is a NameLoc of the module it
// belongs to ("encoder.layers.0.self_attn") around the FileLineColLoc of that module in model.json.
#pragma once

#include "frontend/ModelDesc.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"

namespace attnc {

/// Imports a parsed model. Loads the dialects that it needs. After errors (shapes that do not fit, in most cases),
/// which `diagnostics` holds with their places, returns null. The result has been verified.
mlir::OwningOpRef<mlir::ModuleOp> importModel(const ModelDesc &model, mlir::MLIRContext &context,
                                              Diagnostics &diagnostics);

} // namespace attnc
