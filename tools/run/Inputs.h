// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "tools/run/Array.h"
#include "tools/run/Options.h"

namespace attnc {

/// A run's inputs, in the order of the model's, then what its states hold before it, in the order of the outputs; its
/// batch and its bucket, and what will come out.
struct Inputs {
  std::vector<Array> arrays;
  int64_t batch = 1;
  int64_t bucket = 0;                         ///< The extent; 0: the model has no buckets.
  const attnc_tensor_info *outputs = nullptr; ///< The model's, with the bucket's shapes.
};

/// Reads what the command line names, converts it where no value is lost, makes up what is to be made up, and finds the
/// batch and the bucket. Every input then has the dtype and shape that the model takes; a state that nothing is given
/// for is zeros. Returns false and sets `error` otherwise.
bool gatherInputs(const attnc_model &model, const RunOptions &options, Inputs &inputs, std::string &error);

/// The shape of a tensor with this batch.
std::vector<int64_t> shapeOf(const attnc_tensor_info &info, int64_t batch);

/// The names, for messages: `x, padding`.
std::string namesOf(const attnc_tensor_info *infos, int32_t count);

/// The tensor's index, or -1.
int32_t indexOf(const attnc_tensor_info *infos, int32_t count, const std::string &name);

} // namespace attnc
