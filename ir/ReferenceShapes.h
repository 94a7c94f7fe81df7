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

/// A position that does not fit is an error.
mlir::FailureOr<Tensor> evaluate(attn::AppendOp op, const BlockValues &values);

/// A cache [batch, slots, capacity, width] as a kernel sees it that has it from slot `first` on, with zeros behind the
/// last one; and the cache with slots from `first` on as such a kernel leaves them.
Tensor slotsFrom(const Tensor &cache, int64_t first);
Tensor withSlots(Tensor cache, int64_t first, const Tensor &slots);

/// Sets the op's three results.
void evaluate(attn::TokenRowsOp op, BlockValues &values);

} // namespace attnc::reference
