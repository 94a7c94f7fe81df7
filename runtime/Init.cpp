// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// attnc_init(): everything about a model that can be checked before the first run.
#include "runtime/Error.h"
#include "runtime/Pack.h"
#include "runtime/Tensor.h"
#include "runtime/Variant.h"
#include "runtime/WeightsFile.h"

#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace attnc::rt {
namespace {

attnc_status checkImage(const attnc_model &model, const attnc_weights &weights, attnc_error *error) {
  const auto needed = static_cast<unsigned long long>(model.weights_image_size);
  if (model.weights_image_size == 0)
    return ATTNC_OK;
  if (!weights.image)
    return fail(error, ATTNC_ERROR_ARGUMENT, "weights->image is NULL; model '%.60s' needs %llu bytes", model.name,
                needed);
  if (weights.image_size < model.weights_image_size)
    return fail(error, ATTNC_ERROR_WEIGHTS, "weights->image has %llu bytes; model '%.60s' needs %llu",
                static_cast<unsigned long long>(weights.image_size), model.name, needed);
  if (reinterpret_cast<uintptr_t>(weights.image) % ATTNC_ALIGNMENT)
    return fail(error, ATTNC_ERROR_ARGUMENT, "weights->image is not aligned to %u bytes", ATTNC_ALIGNMENT);
  return ATTNC_OK;
}

/// The item of that name, or NULL. Looks from *from on and wraps: lists are mostly in the same order as the model's,
/// which makes the whole search linear.
const attnc_weight *findWeight(const attnc_weights &weights, const char *name, size_t *from) {
  for (size_t step = 0; step < weights.count; ++step) {
    const size_t at = *from + step < weights.count ? *from + step : *from + step - weights.count;
    if (strcmp(weights.items[at].name, name) == 0) {
      *from = at + 1;
      return &weights.items[at];
    }
  }
  return nullptr;
}

attnc_status checkItems(const attnc_weights &weights, attnc_error *error) {
  if (weights.count > 0 && !weights.items)
    return fail(error, ATTNC_ERROR_ARGUMENT, "weights->items is NULL, but weights->count is %llu",
                static_cast<unsigned long long>(weights.count));
  for (size_t i = 0; i < weights.count; ++i)
    if (!weights.items[i].name)
      return fail(error, ATTNC_ERROR_ARGUMENT, "weights->items[%llu].name is NULL", static_cast<unsigned long long>(i));
  return ATTNC_OK;
}

attnc_status checkWeight(const attnc_tensor_info &expected, const attnc_weight *found, attnc_error *error) {
  const ShapeText wanted(expected.dtype, expected.rank, expected.shape);
  if (!found)
    return fail(error, ATTNC_ERROR_WEIGHTS, "weight '%.100s' is missing; expected %s", expected.name, wanted.text);
  const bool matches = found->dtype == expected.dtype && found->rank == expected.rank &&
                       memcmp(found->shape, expected.shape, sizeof(int64_t) * static_cast<size_t>(expected.rank)) == 0;
  if (!matches)
    return fail(error, ATTNC_ERROR_WEIGHTS, "weight '%.60s' is %s; expected %s", expected.name,
                ShapeText(found->dtype, found->rank, found->shape).text, wanted.text);
  if (!found->data)
    return fail(error, ATTNC_ERROR_WEIGHTS, "the data of weight '%.100s' is NULL", expected.name);
  return ATTNC_OK;
}

/// Checks every weight before the first is packed, so a failure leaves the image untouched.
attnc_status collectWeights(const attnc_model &model, const attnc_weights &weights, const void **data,
                            attnc_error *error) {
  size_t from = 0;
  for (int32_t i = 0; i < model.num_weights; ++i) {
    const attnc_weight *found = findWeight(weights, model.weights[i].name, &from);
    if (attnc_status status = checkWeight(model.weights[i], found, error))
      return status;
    data[i] = found->data;
  }
  return ATTNC_OK;
}

attnc_status packHandedOver(const attnc_model &model, const attnc_weights &weights, attnc_error *error) {
  if (attnc_status status = checkImage(model, weights, error))
    return status;
  if (attnc_status status = checkItems(weights, error))
    return status;
  auto *data = static_cast<const void **>(calloc(static_cast<size_t>(model.num_weights) + 1, sizeof(void *)));
  if (!data)
    return fail(error, ATTNC_ERROR_WEIGHTS, "out of memory for the table of %d weights", model.num_weights);
  const attnc_status status = collectWeights(model, weights, data, error);
  if (status == ATTNC_OK && model.weights_image_size > 0) {
    auto *image = static_cast<uint8_t *>(weights.image);
    memset(image, 0, static_cast<size_t>(model.weights_image_size));
    packWeights(model.pack_steps, model.num_pack_steps, data, model.constants, image);
  }
  free(data);
  return status;
}

} // namespace
} // namespace attnc::rt

using namespace attnc::rt;

attnc_status attnc_init(attnc_instance *instance, const attnc_model *model, const attnc_weights *weights,
                        attnc_error *error) {
  if (!instance)
    return fail(error, ATTNC_ERROR_ARGUMENT, "instance is NULL");
  *instance = attnc_instance{nullptr, nullptr, nullptr};
  if (!model)
    return fail(error, ATTNC_ERROR_ARGUMENT, "model is NULL");
  // No other field may be read before this: its place in the structure belongs to the version.
  if (model->abi_version != ATTNC_ABI_VERSION)
    return failAbi(*model, error);
  const attnc_variant *variant = nullptr;
  if (attnc_status status = chooseVariant(*model, &variant, error))
    return status;
  if (model->weights_image) {
    *instance = attnc_instance{model, variant, model->weights_image};
    return succeed(error);
  }
  if (model->weights_hash) {
    const void *image = nullptr;
    if (!weights || !weights->mapping)
      return fail(error, ATTNC_ERROR_WEIGHTS, "the weights of model '%.60s' are in a file: map it (attnc_map_weights)",
                  model->name);
    if (attnc_status status =
            checkWeightsFile(weights->mapping, weights->mapping_size, "(mapped)", *model, &image, error))
      return status;
    *instance = attnc_instance{model, variant, image};
    return succeed(error);
  }
  if (!weights && (model->num_weights > 0 || model->weights_image_size > 0))
    return fail(error, ATTNC_ERROR_WEIGHTS,
                "model '%.60s' has no weights embedded and none are handed over (it has %d)", model->name,
                model->num_weights);
  if (weights)
    if (attnc_status status = packHandedOver(*model, *weights, error))
      return status;
  *instance = attnc_instance{model, variant, weights && model->weights_image_size > 0 ? weights->image : nullptr};
  return succeed(error);
}
