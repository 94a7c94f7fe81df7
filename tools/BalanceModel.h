// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The balance of a model's int8 matmuls (passes/Balance.h), found on a model of its own with few tokens.
#pragma once

#include "codegen/WeightsImage.h"
#include "frontend/ModelDesc.h"

#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/BuiltinOps.h"

#include <functional>
#include <string>

namespace attnc {

/// Reads the model's description with these dimensions besides those of the command line; nothing, and errors that
/// nobody looks at, where it cannot have them.
using ModelReader = std::function<std::optional<ModelDesc>(const DimOverrides &dims, Diagnostics &diagnostics)>;

/// What the attribute attn.balance is to be for an imported model and its other buckets. The model is run with short
/// sequences, where its dimensions can be changed, so that it is the same for every extent of them. Null where there is
/// none: with the reason in `reason`, or with none there where weights are missing, which is for others to say.
mlir::DictionaryAttr balanceModel(mlir::ModuleOp imported, const ModelDesc &model, const ModelReader &read,
                                  const WeightSource &weights, std::string &reason);

} // namespace attnc
