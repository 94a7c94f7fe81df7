// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime/Variant.h"

#include "runtime/Cpu.h"
#include "runtime/Error.h"

#include <cinttypes>
#include <cstdio>
#include <cstring>

namespace attnc::rt {
namespace {

attnc_status failCpu(const attnc_model &model, const attnc_variant &variant, const MissingFeatures &missing,
                     attnc_error *error) {
  const int32_t last = model.num_variants - variantsPerCpu(model);
  const bool isLeast = last > 0 && &variant >= &model.variants[last];
  return fail(error, ATTNC_ERROR_CPU, "model '%.40s' for CPU '%.30s' needs %s, which this CPU %s%s", model.name,
              variant.cpu, missing.text, missing.unknown ? "does not know" : "lacks",
              isLeast ? "; it asks for the least of the model's variants" : "");
}

attnc_status failUninitialised(attnc_error *error) {
  return fail(error, ATTNC_ERROR_ARGUMENT, "the instance is not initialised: call attnc_init() and check its result");
}

/// A list of at most so many bytes as `text` has, cut off behind them.
template <size_t size> struct List {
  char text[size] = "";
  size_t used = 0;
  template <typename... Values> void add(const char *format, Values... values) {
    if (used < size)
      used += static_cast<size_t>(snprintf(text + used, size - used, used > 0 ? ", " : ""));
    if (used < size)
      used += static_cast<size_t>(snprintf(text + used, size - used, format, values...));
  }
};

} // namespace

const attnc_bucket *bucketOf(const attnc_model &model, const attnc_variant &variant) {
  return model.num_buckets > 0 ? &model.buckets[(&variant - model.variants) % model.num_buckets] : nullptr;
}

attnc_status chooseVariant(const attnc_model &model, const attnc_variant **chosen, attnc_error *error) {
  MissingFeatures missing;
  const int32_t perCpu = variantsPerCpu(model);
  for (int32_t first = 0; first < model.num_variants; first += perCpu) {
    *chosen = &model.variants[first + perCpu - 1];
    missing = missingFeatures((*chosen)->cpu_features);
    if (missing.count == 0)
      return ATTNC_OK;
  }
  return failCpu(model, **chosen, missing, error);
}

} // namespace attnc::rt

using namespace attnc::rt;

attnc_status attnc_select_cpu(attnc_instance *instance, const char *cpu, attnc_error *error) {
  if (!instance || !instance->model || !instance->variant)
    return failUninitialised(error);
  if (!cpu)
    return fail(error, ATTNC_ERROR_ARGUMENT, "cpu is NULL");
  const attnc_model &model = *instance->model;
  const auto perCpu = variantsPerCpu(model);
  const auto bucket = (instance->variant - model.variants) % perCpu;
  List<120> names;
  for (int32_t first = 0; first < model.num_variants; first += perCpu) {
    const attnc_variant &variant = model.variants[first + bucket];
    names.add("%s", variant.cpu);
    if (strcmp(variant.cpu, cpu) != 0)
      continue;
    const MissingFeatures missing = missingFeatures(variant.cpu_features);
    if (missing.count > 0)
      return failCpu(model, variant, missing, error);
    instance->variant = &variant;
    return succeed(error);
  }
  return fail(error, ATTNC_ERROR_ARGUMENT, "model '%.40s' has no variant for CPU '%.30s'; it has %s", model.name, cpu,
              names.text);
}

int64_t attnc_bucket_for(const attnc_model *model, int64_t extent) {
  if (!model || model->abi_version != ATTNC_ABI_VERSION)
    return 0;
  for (int32_t i = 0; i < model->num_buckets; ++i)
    if (model->buckets[i].extent >= extent)
      return model->buckets[i].extent;
  return 0;
}

attnc_status attnc_select_bucket(attnc_instance *instance, int64_t extent, attnc_error *error) {
  if (!instance || !instance->model || !instance->variant)
    return failUninitialised(error);
  const attnc_model &model = *instance->model;
  if (model.num_buckets == 0)
    return fail(error, ATTNC_ERROR_ARGUMENT, "model '%.60s' was compiled for one extent of every dimension",
                model.name);
  const auto first = (instance->variant - model.variants) / model.num_buckets * model.num_buckets;
  List<120> extents;
  for (int32_t i = 0; i < model.num_buckets; ++i) {
    extents.add("%" PRId64, model.buckets[i].extent);
    if (model.buckets[i].extent != extent)
      continue;
    instance->variant = &model.variants[first + i];
    return succeed(error);
  }
  return fail(error, ATTNC_ERROR_ARGUMENT, "%.30s is %" PRId64 "; model '%.40s' takes %s", model.bucket_dim, extent,
              model.name, extents.text);
}
