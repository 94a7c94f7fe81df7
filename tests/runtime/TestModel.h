// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A model made by hand, for tests of the runtime: y[b, i] = x[b, i] * scale[i] + (sum of ids[b, :]), computed by one
// parallel loop over the batch that goes through scratch and the arena.
#pragma once

#include <attnc/runtime.h>

#include <cstdlib>
#include <string>
#include <vector>

namespace attnc::test {

/// Zeroed memory, aligned as attnc asks for.
class Aligned {
public:
  explicit Aligned(size_t size);
  ~Aligned() { free(memory); }
  Aligned(const Aligned &) = delete;
  Aligned &operator=(const Aligned &) = delete;
  uint8_t *data() const { return static_cast<uint8_t *>(memory); }
  size_t size() const { return bytes; }

private:
  size_t bytes;
  void *memory;
};

constexpr int64_t kWidth = 37, kIds = 4, kMaxBatch = 33, kLimit = 1000;

/// The entry of the model above.
int32_t toyEntry(void *context, const void *const *inputs, void *const *outputs, const void *weights, void *arena,
                 int64_t first, int64_t batch);

/// The tables and the attnc_model over them; tests change fields to their liking.
struct ToyModel {
  ToyModel();
  ToyModel(const ToyModel &) = delete;
  attnc_tensor_info inputs[2];
  attnc_tensor_info outputs[1];
  attnc_tensor_info weights[1];
  attnc_pack_step steps[1];
  attnc_variant variants[2]; // the model has the first one only, unless a test says otherwise
  attnc_model model;
};

/// All that a run needs, filled with values that depend on `seed`.
struct ToyCall {
  explicit ToyCall(const attnc_model &model, int64_t batch = kMaxBatch, int32_t threads = 1, unsigned seed = 1);
  attnc_status run(const attnc_executor *executor = nullptr);
  std::string message() const { return error.message; }

  const attnc_model &model;
  int64_t batch;
  std::vector<float> scale, x, y;
  std::vector<int64_t> ids;
  Aligned image, workspace;
  attnc_weight item;
  attnc_weights weights;
  attnc_instance instance;
  const void *inputs[2];
  void *outputs[1];
  attnc_error error;
};

/// What y is to be, in the same order of operations.
std::vector<float> expected(const ToyCall &call);

} // namespace attnc::test
