// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "tools/run/Report.h"

#include "frontend/WeightStore.h"
#include "tools/Format.h"
#include "tools/run/Statistics.h"

#include <algorithm>
#include <cmath>

namespace attnc {
namespace {

std::string bytesText(uint64_t bytes) {
  if (bytes < 1000)
    return std::to_string(bytes) + " bytes";
  const auto size = static_cast<double>(bytes);
  return size < 1e6   ? format("%.1f kB", size / 1e3)
         : size < 1e9 ? format("%.1f MB", size / 1e6)
                      : format("%.1f GB", size / 1e9);
}

std::string tensorLines(const char *title, const attnc_tensor_info *infos, int32_t count) {
  std::string text = count > 0 ? std::string(title) + "\n" : "";
  size_t width = 0;
  for (int32_t i = 0; i < count; ++i)
    width = std::max(width, std::string(infos[i].name).size());
  for (int32_t i = 0; i < count; ++i) {
    std::string name = infos[i].name;
    name.resize(width, ' ');
    text += "  " + name + "  " + dtypeText(infos[i].dtype) + " " +
            shapeText({infos[i].shape, infos[i].shape + infos[i].rank});
    if (infos[i].index_limit > 0)
      text += ", values below " + std::to_string(infos[i].index_limit);
    if (infos[i].is_state)
      text += ", read and written";
    text += "\n";
  }
  return text;
}

double valueAt(const Array &array, size_t index) {
  switch (array.dtype) {
  case ATTNC_F32:
    return array.as<float>()[index];
  case ATTNC_F64:
    return array.as<double>()[index];
  case ATTNC_I32:
    return array.as<int32_t>()[index];
  case ATTNC_I64:
    return static_cast<double>(array.as<int64_t>()[index]);
  case ATTNC_I8:
    return array.as<int8_t>()[index];
  case ATTNC_F16:
    return floatFromHalf(array.as<uint16_t>()[index]);
  case ATTNC_BF16:
    return floatFromBfloat(array.as<uint16_t>()[index]);
  case ATTNC_BOOL:
  case ATTNC_U8:
    break;
  }
  return array.data.data()[index];
}

} // namespace

std::string infoText(const LoadedModel &loaded, int32_t threads) {
  const attnc_model &model = loaded.model();
  std::string text = std::string("model ") + model.name + ", made by " + model.compiler + "\n";
  for (int32_t i = 0; i < model.num_variants; i += std::max(model.num_buckets, 1)) {
    const attnc_variant &variant = model.variants[i];
    text += std::string("for ") + variant.cpu + ", needs " +
            (*variant.cpu_features ? variant.cpu_features : "no CPU feature") + "\n";
  }
  text += "batch " + std::to_string(model.min_batch) +
          (model.max_batch != model.min_batch ? " to " + std::to_string(model.max_batch) : "") + "\n";
  for (int32_t i = 0; i < model.num_buckets; ++i)
    text += (i ? ", " : std::string(model.bucket_dim) + " ") + std::to_string(model.buckets[i].extent) +
            (i + 1 == model.num_buckets ? ", the last of which the shapes below show\n" : "");
  text += tensorLines("inputs", model.inputs, model.num_inputs);
  text += tensorLines("outputs", model.outputs, model.num_outputs);
  const bool embedded = model.weights_image || model.weights_image_size == 0;
  text += tensorLines(embedded             ? "weights, embedded"
                      : model.weights_hash ? "weights, in a file"
                                           : "weights, to be handed over",
                      model.weights, model.num_weights);
  threads = std::max(threads, 1);
  text += "memory\n  weights    " + bytesText(model.weights_image_size) + "\n";
  for (int64_t batch : {model.min_batch, model.max_batch}) {
    text += "  workspace  " + bytesText(loaded.api().workspaceSize(&model, batch, threads)) +
            format(" (batch %lld, %d thread%s)\n", static_cast<long long>(batch), threads, threads > 1 ? "s" : "");
    if (model.min_batch == model.max_batch)
      break;
  }
  return text;
}

std::string summaryText(const Array &array) {
  std::string text = array.name + "  " + dtypeText(array.dtype) + " " + shapeText(array.shape);
  const size_t count = array.elements();
  double lowest = HUGE_VAL, highest = -HUGE_VAL, sum = 0;
  size_t finite = 0;
  for (size_t i = 0; i < count; ++i) {
    const double value = valueAt(array, i);
    if (!std::isfinite(value))
      continue;
    ++finite;
    lowest = std::min(lowest, value);
    highest = std::max(highest, value);
    sum += value;
  }
  if (finite > 0)
    text += format("  min %.6g  mean %.6g  max %.6g", lowest, sum / static_cast<double>(finite), highest);
  if (finite < count)
    text += "  not finite: " + std::to_string(count - finite);
  constexpr size_t shown = 4;
  text += "  first";
  for (size_t i = 0; i < std::min(count, shown); ++i)
    text += format(" %.6g", valueAt(array, i));
  return text + (count > shown ? " ...\n" : "\n");
}

std::string timeText(const std::vector<double> &milliseconds, int32_t threads) {
  const size_t count = milliseconds.size();
  return format("median %.4f ms  p10 %.4f ms  p90 %.4f ms  (%zu run%s, %d thread%s)\n", median(milliseconds),
                percentile(milliseconds, 0.1), percentile(milliseconds, 0.9), count, count == 1 ? "" : "s", threads,
                threads == 1 ? "" : "s");
}

} // namespace attnc
