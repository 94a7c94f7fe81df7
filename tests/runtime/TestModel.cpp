// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "TestModel.h"

#include <cstring>

namespace attnc::test {
namespace {

struct Closure {
  const float *x;
  const int64_t *ids;
  const float *scale;
  float *sums; // the arena: one a batch element
  float *y;
};

int32_t sumIds(void *, int32_t row, uint8_t *closure) {
  const auto &c = *reinterpret_cast<const Closure *>(closure);
  c.sums[row] = 0;
  for (int64_t i = 0; i < kIds; ++i)
    c.sums[row] += static_cast<float>(c.ids[row * kIds + i]);
  return 0;
}

int32_t scaleRow(void *context, int32_t row, uint8_t *closure) {
  const auto &c = *reinterpret_cast<const Closure *>(closure);
  auto *slice = static_cast<float *>(attnc_rt_malloc(context, kWidth * sizeof(float)));
  if (!slice)
    return -11;
  for (int64_t i = 0; i < kWidth; ++i)
    slice[i] = c.x[row * kWidth + i] * c.scale[i];
  for (int64_t i = 0; i < kWidth; ++i)
    c.y[row * kWidth + i] = slice[i] + c.sums[row];
  attnc_rt_free(context, slice);
  return 0;
}

} // namespace

Aligned::Aligned(size_t size) : bytes(size), memory(nullptr) {
  if (posix_memalign(&memory, ATTNC_ALIGNMENT, size ? size : 1) != 0)
    abort();
  memset(memory, 0, size);
}

int32_t toyEntry(void *context, const void *const *inputs, void *const *outputs, const void *weights, void *arena,
                 int64_t first, int64_t batch) {
  Closure closure = {static_cast<const float *>(inputs[0]) + first * kWidth,
                     static_cast<const int64_t *>(inputs[1]) + first * kIds, static_cast<const float *>(weights),
                     static_cast<float *>(arena), static_cast<float *>(outputs[0]) + first * kWidth};
  auto *bytes = reinterpret_cast<uint8_t *>(&closure);
  if (int32_t result = attnc_rt_parallel_for(context, sumIds, 0, static_cast<int32_t>(batch), bytes))
    return result;
  return attnc_rt_parallel_for(context, scaleRow, 0, static_cast<int32_t>(batch), bytes);
}

ToyModel::ToyModel() {
  inputs[0] = {"x", ATTNC_F32, 2, {-1, kWidth}, 0, 0, 0};
  inputs[1] = {"input_ids", ATTNC_I64, 2, {-1, kIds}, kLimit, 0, 0};
  outputs[0] = {"y", ATTNC_F32, 2, {-1, kWidth}, 0, 0, 0};
  weights[0] = {"layer.scale", ATTNC_F32, 1, {kWidth}, 0, 0, 0};
  steps[0] = {0, ATTNC_PACK_COPY, 0, 1, kWidth, kWidth, 1, 0, 0, 0, 0};
  model = attnc_model{};
  model.abi_version = ATTNC_ABI_VERSION;
  model.name = "toy";
  model.compiler = "attnc test";
  model.num_inputs = 2;
  model.num_outputs = model.num_weights = model.num_pack_steps = 1;
  model.inputs = inputs;
  model.outputs = outputs;
  model.weights = weights;
  model.pack_steps = steps;
  model.weights_image_size = kWidth * sizeof(float);
  model.min_batch = 1;
  model.max_batch = kMaxBatch;
  variants[0] = {"least", "", 0,       sizeof(float),
                 192,     0,  toyEntry}; // scratch: kWidth floats, rounded up to ATTNC_ALIGNMENT
  variants[1] = variants[0];
  model.num_variants = 1;
  model.variants = variants;
}

ToyCall::ToyCall(const attnc_model &model, int64_t batch, int32_t threads, unsigned seed)
    : model(model), batch(batch), scale(kWidth), x(batch * kWidth), y(batch * kWidth, -1.0f), ids(batch * kIds),
      image(model.weights_image_size), workspace(attnc_workspace_size(&model, batch, threads)) {
  for (size_t i = 0; i < scale.size(); ++i)
    scale[i] = 0.25f + static_cast<float>(i);
  for (size_t i = 0; i < x.size(); ++i)
    x[i] = static_cast<float>((i * 7919 + seed) % 1013) / 17.0f;
  for (size_t i = 0; i < ids.size(); ++i)
    ids[i] = static_cast<int64_t>((i * 31 + seed) % kLimit);
  item = {"layer.scale", ATTNC_F32, 1, {kWidth}, scale.data()};
  weights = {&item, 1, image.data(), image.size(), nullptr, 0};
  inputs[0] = x.data();
  inputs[1] = ids.data();
  outputs[0] = y.data();
  attnc_init(&instance, &model, &weights, &error);
}

attnc_status ToyCall::run(const attnc_executor *executor) {
  return attnc_run(&instance, inputs, outputs, batch, workspace.data(), workspace.size(), executor, &error);
}

std::vector<float> expected(const ToyCall &call) {
  std::vector<float> y(call.y.size());
  for (int64_t b = 0; b < call.batch; ++b) {
    float sum = 0;
    for (int64_t i = 0; i < kIds; ++i)
      sum += static_cast<float>(call.ids[b * kIds + i]);
    for (int64_t i = 0; i < kWidth; ++i) {
      volatile float product = call.x[b * kWidth + i] * call.scale[i]; // no contraction to fma, as through scratch
      y[b * kWidth + i] = product + sum;
    }
  }
  return y;
}

} // namespace attnc::test
