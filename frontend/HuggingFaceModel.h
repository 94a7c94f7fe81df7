// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// From the checked configuration of an encoder to its ModelDesc; nothing here can fail.
#pragma once

#include "frontend/HuggingFaceConfig.h"

namespace attnc {

/// What the weights file shows about how this checkpoint names its tensors.
struct CheckpointNames {
  std::string file;   ///< The file's name within the encoder's directory.
  std::string prefix; ///< Before the encoder's names: `bert.`, or nothing.
  std::string normWeight,
      normBias; ///< `weight` and `bias`, or, in checkpoints of TensorFlow's age, `gamma` and `beta`.
  bool pooler = false;
  std::string classifier; ///< The last layer of the head, or empty.
  int64_t labels = 0;
};

/// The dimensions, inputs, modules and outputs of the model; `dims` are batch and seq. Its name and weights are left to
/// the caller.
ModelDesc buildModel(const EncoderConfig &config, const SentenceConfig &sentence, const CheckpointNames &names,
                     const std::vector<DimDesc> &dims, bool tokenTypeIds);

} // namespace attnc
