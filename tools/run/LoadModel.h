// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Loads what attnc made into this process: an object file, linked in memory against the runtime that this program
// holds, or a shared library, which brings its own runtime. Both are code: they are trusted as much as a program.
#pragma once

#include <attnc/runtime.h>

#include <memory>
#include <string>

namespace attnc {

/// The runtime that belongs to a loaded model: a model's kernels call back into the copy whose attnc_run called them.
struct RuntimeApi {
  decltype(&attnc_init) init;
  decltype(&attnc_select_cpu) selectCpu;
  decltype(&attnc_select_bucket) selectBucket;
  decltype(&attnc_map_weights) mapWeights;
  decltype(&attnc_unmap_weights) unmapWeights;
  decltype(&attnc_run) run;
  decltype(&attnc_workspace_size) workspaceSize;
  decltype(&attnc_pool_create) createPool;
  decltype(&attnc_pool_destroy) destroyPool;
  decltype(&attnc_pool_executor) poolExecutor;
};

/// A model in this process, valid as long as this object.
class LoadedModel {
public:
  virtual ~LoadedModel() = default;

  /// Loads the model `name` of the file, or its only model where `name` is empty. On failure returns null and sets
  /// `error`, which names `path`.
  static std::unique_ptr<LoadedModel> load(const std::string &path, const std::string &name, std::string &error);

  /// The address of another symbol that the file exports, or null.
  virtual void *find(const std::string &symbol) const = 0;

  const attnc_model &model() const { return *descriptor; }
  const RuntimeApi &api() const { return runtime; }

protected:
  const attnc_model *descriptor = nullptr;
  RuntimeApi runtime{};
};

} // namespace attnc
