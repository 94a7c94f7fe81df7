// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "tools/run/Inputs.h"

#include "frontend/Diagnostic.h"
#include "tools/run/Random.h"
#include "tools/run/TensorFiles.h"

#include <algorithm>
#include <cstring>

namespace attnc {

std::vector<int64_t> shapeOf(const attnc_tensor_info &info, int64_t batch) {
  std::vector<int64_t> shape(info.shape, info.shape + info.rank);
  std::replace(shape.begin(), shape.end(), int64_t(-1), batch);
  return shape;
}

std::string namesOf(const attnc_tensor_info *infos, int32_t count) {
  std::string text;
  for (int32_t i = 0; i < count; ++i)
    text += (i ? ", " : "") + std::string(infos[i].name);
  return text;
}

int32_t indexOf(const attnc_tensor_info *infos, int32_t count, const std::string &name) {
  for (int32_t i = 0; i < count; ++i)
    if (name == infos[i].name)
      return i;
  return -1;
}

namespace {

/// The model's buckets; one of all its shapes where it has none.
std::vector<attnc_bucket> bucketsOf(const attnc_model &model) {
  if (model.num_buckets == 0)
    return {{0, model.inputs, model.outputs}};
  return {model.buckets, model.buckets + model.num_buckets};
}

bool fits(const std::vector<int64_t> &shape, const attnc_tensor_info &info) {
  bool same = shape.size() == static_cast<size_t>(info.rank);
  for (size_t axis = 0; same && axis < shape.size(); ++axis)
    same = info.shape[axis] == -1 || info.shape[axis] == shape[axis];
  return same;
}

class Gatherer {
public:
  Gatherer(const attnc_model &model, const RunOptions &options, Inputs &inputs, std::string &error)
      : model(model), options(options), inputs(inputs), error(error), buckets(bucketsOf(model)) {
    for (int32_t i = 0; i < model.num_outputs; ++i)
      if (model.outputs[i].is_state)
        states.push_back(i);
    given.resize(static_cast<size_t>(count()));
    inputs.arrays.resize(given.size());
  }

  bool gather() {
    if (!options.bucketDim.empty() && !chooseBucket())
      return false;
    for (const FileBinding &binding : options.inputs)
      if (!readBinding(binding))
        return false;
    inputs.bucket = buckets.back().extent;
    inputs.outputs = buckets.back().outputs;
    return findBatch() && checkBatch() && makeUp();
  }

private:
  bool fail(std::string message) {
    error = std::move(message);
    return false;
  }

  /// --dim
  bool chooseBucket() {
    const std::string option = "--dim " + options.bucketDim + "=" + std::to_string(options.bucket);
    if (model.num_buckets == 0 || options.bucketDim != model.bucket_dim)
      return fail(option + ": " +
                  (model.num_buckets
                       ? std::string("the dimension with several extents is ") + model.bucket_dim
                       : "model " + inQuotes(model.name) + " was compiled for one extent of every dimension"));
    std::string extents;
    for (const attnc_bucket &bucket : buckets)
      extents += (extents.empty() ? "" : ", ") + std::to_string(bucket.extent);
    buckets.erase(std::remove_if(buckets.begin(), buckets.end(),
                                 [&](const attnc_bucket &bucket) { return bucket.extent != options.bucket; }),
                  buckets.end());
    return !buckets.empty() || fail(option + ": the model takes " + extents);
  }

  /// Inputs and states are read alike: those of this number, with the shapes of a bucket.
  int32_t count() const { return model.num_inputs + static_cast<int32_t>(states.size()); }
  const attnc_tensor_info &tensorOf(const attnc_bucket &bucket, int32_t index) const {
    return index < model.num_inputs ? bucket.inputs[index]
                                    : bucket.outputs[states[static_cast<size_t>(index - model.num_inputs)]];
  }
  const attnc_tensor_info &tensor(int32_t index) const { return tensorOf(bucketsOf(model).back(), index); }
  /// `input "x"`
  std::string nameOf(int32_t index) const {
    return (index < model.num_inputs ? "input " : "state ") + inQuotes(tensor(index).name);
  }

  std::string inputNames() const {
    std::string text = namesOf(model.inputs, model.num_inputs);
    for (int32_t i = model.num_inputs; i < count(); ++i)
      text += ", " + std::string(tensor(i).name);
    return text;
  }

  bool readBinding(const FileBinding &binding) {
    const std::unique_ptr<TensorReader> reader = TensorReader::open(binding.path, error);
    if (!reader)
      return false;
    if (!binding.name.empty())
      return readNamed(*reader, binding);
    if (formatOf(binding.path) == TensorFormat::Npy) {
      if (model.num_inputs == 1)
        return readInput(*reader, "", 0);
      return fail(binding.path + ": the model has the inputs " + inputNames() +
                  "; say which one this is: --input NAME=" + binding.path);
    }
    bool any = false;
    for (int32_t i = 0; i < count(); ++i) {
      if (!reader->has(tensor(i).name))
        continue;
      if (!readInput(*reader, tensor(i).name, i))
        return false;
      any = true;
    }
    return any || fail(binding.path + ": none of the model's inputs (" + inputNames() + ") is in it");
  }

  /// NAME=FILE: the file's array of that name, or its only one.
  bool readNamed(const TensorReader &reader, const FileBinding &binding) {
    int32_t index = 0;
    while (index < count() && binding.name != tensor(index).name)
      ++index;
    if (index == count())
      return fail("the model has no input " + inQuotes(binding.name) + "; its inputs are " + inputNames());
    const std::vector<std::string> names = reader.names();
    if (names.size() == 1)
      return readInput(reader, names.front(), index);
    if (!reader.has(binding.name))
      return fail(binding.path + ": there is no array " + inQuotes(binding.name) + " among its " +
                  std::to_string(names.size()));
    return readInput(reader, binding.name, index);
  }

  bool readInput(const TensorReader &reader, const std::string &name, int32_t index) {
    const attnc_tensor_info &info = tensor(index);
    const std::string what = nameOf(index);
    const auto at = static_cast<size_t>(index);
    if (given[at])
      return fail(what + " is given twice");
    Array &array = inputs.arrays[at];
    if (!reader.read(name, array, error))
      return false;
    if (!keepBuckets(index, array.shape))
      return false;
    std::string reason;
    if (!convertTo(info.dtype, options.convert, array, reason))
      return fail(what + " " + reason);
    array.name = info.name;
    given[at] = true;
    return true;
  }

  /// Leaves the buckets in which this input has the shape that a file gives it.
  bool keepBuckets(int32_t index, const std::vector<int64_t> &shape) {
    std::vector<attnc_bucket> kept;
    std::string expected;
    for (const attnc_bucket &bucket : buckets) {
      const attnc_tensor_info &info = tensorOf(bucket, index);
      if (fits(shape, info))
        kept.push_back(bucket);
      expected += (expected.empty() ? "" : " or ") + shapeText({info.shape, info.shape + info.rank});
    }
    if (kept.empty())
      return fail(nameOf(index) + " has shape " + shapeText(shape) + ", but the model takes " + expected);
    buckets = std::move(kept);
    return true;
  }

  /// The batch is what --batch and all inputs that have one say, in agreement.
  bool findBatch() {
    std::string from = options.batch ? "--batch" : "";
    inputs.batch = options.batch.value_or(std::max<int64_t>(model.min_batch, 1));
    for (int32_t i = 0; i < count(); ++i) {
      const attnc_tensor_info &info = tensor(i);
      for (int32_t axis = 0; given[static_cast<size_t>(i)] && axis < info.rank; ++axis) {
        if (info.shape[axis] != -1)
          continue;
        const int64_t found = inputs.arrays[static_cast<size_t>(i)].shape[static_cast<size_t>(axis)];
        const std::string what = nameOf(i);
        if (!from.empty() && found != inputs.batch)
          return fail(what + " has batch " + std::to_string(found) + ", but " + from + " has " +
                      std::to_string(inputs.batch));
        inputs.batch = found;
        from = what;
      }
    }
    return true;
  }

  bool checkBatch() {
    if (inputs.batch >= model.min_batch && inputs.batch <= model.max_batch)
      return true;
    return fail("the batch is " + std::to_string(inputs.batch) + "; model " + inQuotes(model.name) + " takes " +
                std::to_string(model.min_batch) + " to " + std::to_string(model.max_batch));
  }

  bool makeUp() {
    Random random(options.randomInputs.value_or(0));
    for (int32_t i = 0; i < count(); ++i) {
      if (given[static_cast<size_t>(i)])
        continue;
      const attnc_tensor_info &info = tensorOf(buckets.back(), i);
      const bool isState = i >= model.num_inputs;
      if (!options.randomInputs && !isState)
        return fail(nameOf(i) + " is missing; give --input " + info.name + "=FILE, or --random-inputs SEED");
      const std::vector<int64_t> shape = shapeOf(info, inputs.batch);
      const std::optional<size_t> bytes = byteSize(info.dtype, shape);
      if (!bytes)
        return fail(nameOf(i) + " is too large for this machine");
      Array &array = inputs.arrays[static_cast<size_t>(i)];
      array = Array{info.name, info.dtype, shape, AlignedBytes(*bytes)};
      if (isState)
        std::memset(array.data.data(), 0, array.data.size());
      else
        fillRandom(random, info.index_limit, 1.0f, array);
    }
    return true;
  }

  const attnc_model &model;
  const RunOptions &options;
  Inputs &inputs;
  std::string &error;
  std::vector<int32_t> states;       ///< The outputs that are states.
  std::vector<bool> given;           ///< Inputs, then states.
  std::vector<attnc_bucket> buckets; ///< Those that fit what is known of the inputs.
};

} // namespace

bool gatherInputs(const attnc_model &model, const RunOptions &options, Inputs &inputs, std::string &error) {
  return Gatherer(model, options, inputs, error).gather();
}

} // namespace attnc
