// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "tools/run/Weights.h"

#include "frontend/WeightStore.h"
#include "tools/run/Random.h"

#include <algorithm>
#include <cmath>

namespace attnc {
namespace {

attnc_weight weightOf(const attnc_tensor_info &info, const void *data) {
  attnc_weight weight{};
  weight.name = info.name;
  weight.dtype = info.dtype;
  weight.rank = info.rank;
  std::copy_n(info.shape, info.rank, weight.shape);
  weight.data = data;
  return weight;
}

/// Reads every weight of the model from the file. The store keeps the data.
bool readWeights(const attnc_model &model, WeightStore &store, std::vector<attnc_weight> &items, std::string &error) {
  for (int32_t i = 0; i < model.num_weights; ++i) {
    const attnc_tensor_info &info = model.weights[i];
    const WeightData *weight = store.find(info.name, {info.shape, info.shape + info.rank}, error);
    if (!weight)
      return false;
    items.push_back(weightOf(info, weight->data));
  }
  return true;
}

bool callInit(const LoadedModel &loaded, const attnc_weights *weights, const std::string &cpu, ReadyModel &ready,
              std::string &error) {
  attnc_error failure{};
  if (loaded.api().init(&ready.instance, &loaded.model(), weights, &failure) == ATTNC_OK &&
      (cpu.empty() || loaded.api().selectCpu(&ready.instance, cpu.c_str(), &failure) == ATTNC_OK))
    return true;
  error = failure.message;
  return false;
}

} // namespace

bool embedsWeights(const attnc_model &model) {
  return model.weights_image || (model.num_weights == 0 && model.weights_image_size == 0);
}

bool makeUpWeights(const attnc_model &model, uint64_t seed, std::vector<Array> &arrays, std::string &error) {
  Random random(seed);
  for (int32_t i = 0; i < model.num_weights; ++i) {
    const attnc_tensor_info &info = model.weights[i];
    const std::vector<int64_t> shape(info.shape, info.shape + info.rank);
    const std::optional<size_t> bytes = byteSize(info.dtype, shape);
    if (!bytes) {
      error = "weight " + inQuotes(info.name) + " is too large for this machine";
      return false;
    }
    arrays.push_back(Array{info.name, info.dtype, shape, AlignedBytes(*bytes)});
    const float deviation = shape.size() > 1 && shape.back() > 0 ? 1 / std::sqrt(static_cast<float>(shape.back())) : 1;
    fillRandom(random, 0, deviation, arrays.back());
  }
  return true;
}

bool initialise(const LoadedModel &loaded, const RunOptions &options, ReadyModel &ready, std::string &error) {
  const attnc_model &model = loaded.model();
  const bool handedOver = !options.weights.empty() || options.randomWeights;
  const bool embedded = embedsWeights(model);
  if (handedOver && embedded) {
    error = "model " + inQuotes(model.name) + " has its weights embedded and takes no others";
    return false;
  }
  if (!handedOver && !embedded && model.num_weights > 0) {
    error = "model " + inQuotes(model.name) + " embeds no weights; give --weights FILE, or --random-weights SEED";
    return false;
  }
  if (embedded)
    return callInit(loaded, nullptr, options.cpu, ready, error);

  std::unique_ptr<WeightStore> store;
  std::vector<Array> arrays;
  std::vector<attnc_weight> items;
  if (!options.weights.empty()) {
    Diagnostics diagnostics;
    store = WeightStore::open(options.weights, {}, diagnostics);
    if (!store) {
      error = diagnostics.all().front().message;
      return false;
    }
    if (!readWeights(model, *store, items, error))
      return false;
  } else if (options.randomWeights) {
    if (!makeUpWeights(model, *options.randomWeights, arrays, error))
      return false;
    for (size_t i = 0; i < arrays.size(); ++i)
      items.push_back(weightOf(model.weights[i], arrays[i].data.data()));
  }
  ready.image = AlignedBytes(model.weights_image_size);
  const attnc_weights weights{items.data(), items.size(), ready.image.data(), ready.image.size()};
  return callInit(loaded, &weights, options.cpu, ready, error);
}

} // namespace attnc
