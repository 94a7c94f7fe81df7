// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The reference's evaluation of attn.attention. Private to ir/.
#pragma once

#include "ir/ReferenceValues.h"

namespace attnc::reference {

/// Sets the results of the op. Fails with a diagnostic where its region does (ReferenceScore.h), and at a query without
/// any key where fully_masked is error.
mlir::LogicalResult evaluateAttention(attn::AttentionOp op, BlockValues &values, Precision precision);

/// The diagnostic of such a query, whether `op` is an attention or a softmax.
mlir::LogicalResult failFullyMasked(mlir::Operation *op);

} // namespace attnc::reference
