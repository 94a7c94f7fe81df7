// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The parameters of a model by their PyTorch names, as f32. They come from one safetensors file, or from the several
// that a `*.safetensors.index.json` names; the index and the headers are checked when the store is opened, data is read
// when it is first asked for. F16 and BF16 become f32 exactly, F64 is rounded to nearest.
#pragma once

#include "frontend/ModelDesc.h"
#include "frontend/Safetensors.h"

#include <cstdlib>
#include <memory>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

namespace attnc {

/// One parameter. `data` is aligned to 64 bytes, row-major, and lives as long as the store.
struct WeightData {
  std::string name;
  std::vector<int64_t> shape;
  const float *data = nullptr;
};

/// Owns the weights that it hands out. Not for concurrent use.
class WeightStore {
public:
  /// A parameter whose name begins with `first` is called `second` plus the rest in the file; the first match applies.
  using PrefixMap = std::vector<std::pair<std::string, std::string>>;

  /// Opens a safetensors file, or, when `path` ends in `.json`, all files of an index; they lie in its directory.
  /// On failure reports an error at `loc` and returns null.
  static std::unique_ptr<WeightStore> open(const std::string &path, PrefixMap prefixMap, Diagnostics &diagnostics,
                                           const SourceLoc &loc = {});

  /// Opens what `model.weights` names, relative to the model's directory. Needs `model.weights`.
  static std::unique_ptr<WeightStore> open(const ModelDesc &model, Diagnostics &diagnostics);

  /// The files that the parameters come from: the index first, where there is one.
  std::vector<std::string> paths() const;

  /// What the file says about a parameter, without reading its data; null when there is none.
  const TensorEntry *describe(const std::string &name) const;

  /// The parameter's data. Null, and the reason in `error`, when it is missing, is not of a floating type or cannot be
  /// read.
  const WeightData *find(const std::string &name, std::string &error);

  /// The same, and refuses a parameter of another shape before anything is read.
  const WeightData *find(const std::string &name, const std::vector<int64_t> &shape, std::string &error);

  /// Whether there is a parameter of this shape and of a floating type; if not, the reason in `error`.
  bool check(const std::string &name, const std::vector<int64_t> &shape, std::string &error) const;

  /// Reads elements [first, first + count) of a parameter, which check() has accepted and which has so many, into `to`.
  /// The store keeps nothing of them.
  bool read(const std::string &name, uint64_t first, uint64_t count, float *to, std::string &error) const;

private:
  struct Tensor {
    const SafetensorsFile *file;
    const TensorEntry *entry;
  };
  struct FreeMemory {
    void operator()(float *data) const { std::free(data); }
  };
  struct Loaded {
    WeightData weight;
    std::unique_ptr<float, FreeMemory> memory;
  };

  WeightStore() = default;
  bool addFile(const std::string &path, std::string &error);
  bool addIndex(const std::string &path, Diagnostics &diagnostics, const SourceLoc &loc);
  std::string nameInFile(const std::string &name) const;
  const Tensor *locate(const std::string &name) const;
  std::string missing(const std::string &name) const;
  const WeightData *load(const std::string &name, const Tensor &tensor, std::string &error);

  std::string path;
  PrefixMap prefixMap;
  std::vector<std::unique_ptr<SafetensorsFile>> files;
  std::unordered_map<std::string, Tensor> tensors;
  std::unordered_map<std::string, Loaded> loaded;
};

/// The f32 of the same value as the IEEE half with these bits.
float floatFromHalf(uint16_t bits);

/// The f32 of the same value as the bfloat16 with these bits.
float floatFromBfloat(uint16_t bits);

} // namespace attnc
