// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "tests/codegen/Kernel.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <fstream>
#include <random>
#include <stdexcept>
#include <sys/mman.h>
#include <unistd.h>

namespace attnc::test {

namespace {

attnc_dtype toRuntime(DType dtype) {
  static const attnc_dtype dtypes[] = {ATTNC_F32, ATTNC_I32, ATTNC_I64, ATTNC_BOOL};
  return dtypes[static_cast<int>(dtype)];
}

template <typename Element> void convert(const std::vector<double> &values, uint8_t *to) {
  for (size_t i = 0; i < values.size(); ++i) {
    const Element element = static_cast<Element>(values[i]);
    std::memcpy(to + i * sizeof element, &element, sizeof element);
  }
}

void store(const Array &array, uint8_t *to) {
  switch (array.dtype) {
  case DType::f32:
    return convert<float>(array.values, to);
  case DType::i32:
    return convert<int32_t>(array.values, to);
  case DType::i64:
    return convert<int64_t>(array.values, to);
  case DType::i1: // Any byte but 0 is true.
    for (size_t i = 0; i < array.values.size(); ++i)
      to[i] = array.values[i] == 0 ? 0 : i % 2 ? 1 : 0x80;
  }
}

Array load(const attnc_tensor_info &info, int64_t batch, const uint8_t *from) {
  Array array{DType::f32, withBatch(Shape(info.shape, info.shape + info.rank), batch), {}};
  if (info.dtype != ATTNC_F32)
    throw std::runtime_error("only f32 outputs are known here");
  array.values.resize(static_cast<size_t>(elementCount(array.shape)));
  for (size_t i = 0; i < array.values.size(); ++i) {
    float element;
    std::memcpy(&element, from + i * sizeof element, sizeof element);
    array.values[i] = element;
  }
  return array;
}

void require(bool condition, const std::string &message) {
  if (!condition)
    throw std::runtime_error(message);
}

using Buffers = std::vector<std::unique_ptr<GuardedBuffer>>;

/// Inputs and outputs of one run, each in a buffer of its own.
struct Interface {
  Buffers inputs, outputs;
  std::vector<const void *> inputPointers;
  std::vector<void *> outputPointers;

  Interface(const attnc_model &model, const Data &data, const RunOptions &options) {
    require(static_cast<size_t>(model.num_inputs) == data.inputs.size(), "the number of inputs differs");
    for (const Array &input : data.inputs) {
      const size_t element = attnc_dtype_size(toRuntime(input.dtype));
      inputs.push_back(std::make_unique<GuardedBuffer>(input.values.size() * element, element, options.placement,
                                                       (options.offset + element - 1) / element * element));
      store(input, inputs.back()->data());
      inputs.back()->makeReadOnly();
      inputPointers.push_back(inputs.back()->data());
    }
    for (int i = 0; i < model.num_outputs; ++i) {
      const attnc_tensor_info &info = model.outputs[i];
      const size_t count =
          static_cast<size_t>(elementCount(withBatch({info.shape, info.shape + info.rank}, data.batch)));
      outputs.push_back(std::make_unique<GuardedBuffer>(count * 4, 4, options.placement, options.offset));
      outputPointers.push_back(outputs.back()->data());
    }
  }
};

/// The weights as attnc_init() takes them.
struct HandedOver {
  std::vector<attnc_weight> items;
  std::vector<std::vector<uint8_t>> bytes;

  explicit HandedOver(const std::map<std::string, Array> &weights) {
    for (const auto &[name, array] : weights) {
      bytes.emplace_back(array.values.size() * 4);
      store(array, bytes.back().data());
      attnc_weight item{name.c_str(), ATTNC_F32, static_cast<int32_t>(array.shape.size()), {}, bytes.back().data()};
      std::copy(array.shape.begin(), array.shape.end(), item.shape);
      items.push_back(item);
    }
  }
};

} // namespace

Kernel::Kernel(const Model &model, const CompileOptions &options) : Kernel(model, compileObject(model, options)) {}

Kernel::Kernel(const Model &model, const std::string &object) : model(model) {
  // A file without a name: tests leave nothing behind.
  const int descriptor = memfd_create("attnc-test", MFD_CLOEXEC);
  const std::string path = "/proc/self/fd/" + std::to_string(descriptor);
  std::ofstream(path, std::ios::binary) << object;
  std::string error;
  loaded = LoadedModel::load(path, "", error);
  close(descriptor);
  require(loaded != nullptr, error);
}

std::vector<Array> Kernel::run(const Data &data, const RunOptions &options) const {
  const attnc_model &descriptor = loaded->model();
  const RuntimeApi &api = loaded->api();
  attnc_error error{};
  const HandedOver handedOver(data.weights);
  GuardedBuffer image(descriptor.weights_image_size, ATTNC_ALIGNMENT, options.placement);
  const attnc_weights weights{handedOver.items.data(), handedOver.items.size(), image.data(), image.size()};
  attnc_instance instance{};
  require(api.init(&instance, &descriptor, &weights, &error) == ATTNC_OK, std::string("init: ") + error.message);
  require(options.cpu.empty() || api.selectCpu(&instance, options.cpu.c_str(), &error) == ATTNC_OK, error.message);
  require(image.surroundingsUntouched(), "init writes beside the weights image");
  image.makeReadOnly();

  const Interface interface(descriptor, data, options);
  std::unique_ptr<attnc_pool, decltype(api.destroyPool)> pool(
      options.threads > 1 ? api.createPool(options.threads, &error) : nullptr, api.destroyPool);
  require(options.threads == 1 || pool, std::string("pool: ") + error.message);
  attnc_executor executor{};
  if (pool)
    executor = api.poolExecutor(pool.get());
  // A model of static shapes counts as one element, whatever its first extent.
  const int64_t batch = std::min(data.batch, descriptor.max_batch);
  const size_t size = api.workspaceSize(&descriptor, batch, options.threads);
  const GuardedBuffer workspace(size, ATTNC_ALIGNMENT, options.placement);
  const attnc_status status = api.run(&instance, interface.inputPointers.data(), interface.outputPointers.data(), batch,
                                      workspace.data(), size, pool ? &executor : nullptr, &error);
  require(status == ATTNC_OK, std::string("run: ") + error.message);
  require(workspace.surroundingsUntouched(), "a byte beside the workspace is written");
  std::vector<Array> results;
  for (int i = 0; i < descriptor.num_outputs; ++i) {
    require(interface.outputs[i]->surroundingsUntouched(), "a byte beside an output is written");
    results.push_back(load(descriptor.outputs[i], data.batch, interface.outputs[i]->data()));
  }
  return results;
}

Data randomData(const Model &model, int64_t batch, uint64_t seed, int64_t integerLimit) {
  // The standard fixes the engine's numbers; its distributions it does not, so they are not used.
  std::mt19937_64 engine(seed);
  auto unit = [&] { return static_cast<double>(engine() >> 40) / static_cast<double>(1 << 24); };
  auto fill = [&](const TensorSpec &spec, double scale) {
    Array array{spec.dtype, withBatch(spec.shape, batch), {}};
    array.values.resize(static_cast<size_t>(elementCount(array.shape)));
    for (double &value : array.values) {
      const double u = unit();
      if (spec.dtype == DType::f32)
        value = static_cast<float>((2 * u - 1) * scale);
      else if (spec.dtype == DType::i1)
        value = u < 0.25;
      else
        value = std::floor(u * static_cast<double>(integerLimit));
    }
    return array;
  };
  Data data;
  data.batch = batch;
  for (const TensorSpec &input : model.inputs)
    data.inputs.push_back(fill(input, 1));
  for (const TensorSpec &weight : model.weights)
    data.weights[weight.name] = fill(weight, weight.shape.size() == 2 ? 1 / std::sqrt(weight.shape[1]) : 1);
  return data;
}

Array &inputOf(const Model &model, Data &data, const std::string &name) {
  for (size_t i = 0; i < model.inputs.size(); ++i)
    if (model.inputs[i].name == name)
      return data.inputs[i];
  throw std::runtime_error("the model has no input " + name);
}

bool canRun(const std::string &cpu) {
#if defined(__x86_64__)
  return cpu == "host" || (cpu == "x86-64-v3" && __builtin_cpu_supports("x86-64-v3")) ||
         (cpu == "x86-64-v4" && __builtin_cpu_supports("x86-64-v4"));
#else
  return cpu == "host";
#endif
}

} // namespace attnc::test
