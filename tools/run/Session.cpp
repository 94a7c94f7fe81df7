// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "tools/run/Session.h"

#include "frontend/Diagnostic.h"

#include <algorithm>
#include <chrono>
#include <cstring>

namespace attnc {

using Clock = std::chrono::steady_clock;

Session::~Session() { loaded.api().destroyPool(pool); }

bool Session::prepare(int32_t threads, std::string &error) {
  const attnc_model &model = loaded.model();
  attnc_error failure{};
  pool = loaded.api().createPool(threads, &failure);
  if (!pool) {
    error = failure.message;
    return false;
  }
  executor = loaded.api().poolExecutor(pool);
  if (inputs.bucket && loaded.api().selectBucket(&instance, inputs.bucket, &failure) != ATTNC_OK) {
    error = failure.message;
    return false;
  }
  for (int32_t i = 0; i < model.num_inputs; ++i)
    inputData.push_back(inputs.arrays[static_cast<size_t>(i)].data.data());
  auto state = inputs.arrays.begin() + model.num_inputs;
  for (int32_t i = 0; i < model.num_outputs; ++i) {
    const attnc_tensor_info &info = inputs.outputs[i];
    const std::vector<int64_t> shape = shapeOf(info, inputs.batch);
    const std::optional<size_t> bytes = byteSize(info.dtype, shape);
    if (!bytes) {
      error = "output " + inQuotes(info.name) + " is too large for this machine";
      return false;
    }
    results.push_back(Array{info.name, info.dtype, shape, AlignedBytes(*bytes)});
    outputData.push_back(results.back().data.data());
    if (info.is_state)
      std::memcpy(results.back().data.data(), (state++)->data.data(), *bytes);
  }
  workspace = AlignedBytes(loaded.api().workspaceSize(&model, inputs.batch, executor.threads));
  return true;
}

bool Session::run(std::string &error) {
  attnc_error failure{};
  if (loaded.api().run(&instance, inputData.data(), outputData.data(), inputs.batch, workspace.data(), workspace.size(),
                       &executor, &failure) == ATTNC_OK)
    return true;
  error = failure.message;
  return false;
}

std::vector<double> Session::time(int32_t count, std::string &error) {
  // Caches, page tables and the clock of the CPU settle within a few runs and a fifth of a second.
  const Clock::time_point start = Clock::now();
  for (int32_t i = 0; i < 3 || (i < 1000 && Clock::now() - start < std::chrono::milliseconds(200)); ++i)
    if (!run(error))
      return {};
  std::vector<double> milliseconds;
  milliseconds.reserve(static_cast<size_t>(count));
  for (int32_t i = 0; i < count; ++i) {
    const Clock::time_point before = Clock::now();
    if (!run(error))
      return {};
    milliseconds.push_back(std::chrono::duration<double, std::milli>(Clock::now() - before).count());
  }
  std::sort(milliseconds.begin(), milliseconds.end());
  return milliseconds;
}

} // namespace attnc
