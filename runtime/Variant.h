// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Which of a model's variants an instance runs: for which CPU, and for which bucket.
#pragma once

#include "runtime/Api.h"

namespace attnc::rt {

/// The variants of one CPU: one, or one for each bucket.
inline int32_t variantsPerCpu(const attnc_model &model) { return model.num_buckets > 0 ? model.num_buckets : 1; }

/// The bucket of a variant; NULL where the model has none.
const attnc_bucket *bucketOf(const attnc_model &model, const attnc_variant &variant);

/// The variant of the largest bucket for the first CPU whose instruction sets this one has; the last CPU asks for the
/// least. ATTNC_ERROR_CPU where there is none.
attnc_status chooseVariant(const attnc_model &model, const attnc_variant **chosen, attnc_error *error);

} // namespace attnc::rt
