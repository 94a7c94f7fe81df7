// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Relative position biases as T5 has them: a score gets the bias of its head and of the bucket of key - query.
#pragma once

#include "frontend/ImportBuilder.h"

namespace attnc {

/// The bucket of the distance key - query, in [0, num_buckets). Short distances have one each, longer ones share them
/// on a logarithmic scale. Worked out in f32, as Hugging Face's T5Attention does.
int64_t relativeBucket(const RelativeBiasDesc &bias, int64_t distance);

/// The biases by distance, (heads, 1, queries + keys - 1): that of key - query is at key - query + queries - 1. Made of
/// rows of the parameter, so that it is laid out with the weights. Null after an error.
mlir::Value importRelativeBias(ImportBuilder &builder, const RelativeBiasDesc &bias, int64_t heads, int64_t queries,
                               int64_t keys);

} // namespace attnc
