// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The reference's ops that move elements and compute none. Private to ir/.
#pragma once

#include "ir/ReferenceValues.h"

namespace attnc::reference {

Tensor evaluate(attn::SplitHeadsOp op, const BlockValues &values);
Tensor evaluate(attn::MergeHeadsOp op, const BlockValues &values);
Tensor evaluate(attn::TransposeOp op, const BlockValues &values);
Tensor evaluate(attn::ReshapeOp op, const BlockValues &values);
Tensor evaluate(attn::BroadcastOp op, const BlockValues &values);
Tensor evaluate(attn::SliceOp op, const BlockValues &values);
Tensor evaluate(attn::ConcatOp op, const BlockValues &values);

// Packed rows. A tensor of them keeps its shape here; what is at a row that is not there is NaN (0 of integers), so
// that whoever reads it is found out.
Tensor evaluate(attn::PackRowsOp op, const BlockValues &values);
Tensor evaluate(attn::UnpackRowsOp op, const BlockValues &values);

/// Sets the op's three results.
void evaluate(attn::TokenRowsOp op, BlockValues &values);

} // namespace attnc::reference
