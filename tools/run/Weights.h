// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "tools/run/Array.h"
#include "tools/run/LoadModel.h"
#include "tools/run/Options.h"

namespace attnc {

/// A model that has its weights: those in the object, those of a file, or made-up ones.
struct ReadyModel {
  ReadyModel() = default;
  ReadyModel(const ReadyModel &) = delete;
  ~ReadyModel() {
    if (unmap)
      unmap(&mapped);
  }
  attnc_instance instance{};
  AlignedBytes image;     ///< The weights where they are handed over.
  attnc_weights mapped{}; ///< The weights where they are in a file.
  decltype(&attnc_unmap_weights) unmap = nullptr;
};

/// Whether the object brings its weights, or needs none.
bool embedsWeights(const attnc_model &model);

/// Makes weights up as they are usually initialised, so that activations neither vanish nor overflow; the same for a
/// seed everywhere. Returns false and sets `error` where one is too large.
bool makeUpWeights(const attnc_model &model, uint64_t seed, std::vector<Array> &arrays, std::string &error);

/// Returns false and sets `error` where the weights are missing or do not fit, or the runtime refuses the model.
bool initialise(const LoadedModel &loaded, const RunOptions &options, ReadyModel &ready, std::string &error);

} // namespace attnc
