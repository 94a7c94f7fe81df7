// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the model's functions say after the pipeline, as plain data: the calls in order, where every tensor lies, and
// what the runtime is told about inputs, outputs and weights. Host entries, model table and header are made from it.
#pragma once

#include "codegen/KernelWork.h"
#include "runtime/attnc/runtime.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace mlir {
class ModuleOp;
} // namespace mlir

namespace attnc {

/// A tensor as the caller sees it.
struct TensorDesc {
  std::string name;
  attnc_dtype dtype = ATTNC_F32;
  std::vector<int64_t> shape; ///< -1: the batch.
  int64_t indexLimit = 0;     ///< > 0: its elements index a table of so many rows.
  std::string doc;            ///< One line for the header.
  bool isState = false;       ///< Of an output: a run reads it too (attnc_tensor_info.is_state).
};

/// Where an operand or result of a call lies.
struct Place {
  enum class Kind { Input, Output, Weight, ArenaFixed, ArenaPerBatch } kind;
  int64_t value;      ///< Input and Output: the position; else the offset in bytes.
  int64_t offset = 0; ///< Input and Output: bytes from the tensor's first element.
};

/// The numbers that a kernel takes beside its tensors.
struct KernelCounts {
  bool batch = false;
  bool tokens = false; ///< How many packed rows there are.
};

struct KernelCall {
  std::string kernel;
  std::string label; ///< What it computes, in the user's names.
  std::vector<Place> operands, results;
  std::optional<Place> tokens; ///< Of packed rows: where their number lies, an i32.
  std::string ops;             ///< "matmul + add + gelu"
  KernelWork work;             ///< At the smallest batch.
  double weightBytes = 0;      ///< Bytes of weights that it reads and no earlier call does.
  double tokenBytes = 0;       ///< Bytes that it reads and writes of anything but weights.
};

/// The tensors of one bucket (runtime/attnc/runtime.h), or of a model without any.
struct InterfacePlan {
  int64_t extent = 0; ///< 0: no bucket.
  std::vector<TensorDesc> inputs, outputs;
};

/// The model for one CPU and one bucket: one function of the module.
struct VariantPlan {
  std::string function; ///< Its name, unique in the object.
  std::string cpu;      ///< TargetInfo::name; empty: the only target.
  std::vector<KernelCall> calls;
  uint64_t arenaFixed = 0, arenaPerBatch = 0;
  int64_t microbatch = 0; ///< attnc_variant.microbatch. Where it is not 0, the batch is the first extent of every
                          ///< tensor of the interface that has it.
};

struct ModelPlan {
  std::string name;
  std::string bucketDim;                 ///< The dimension with several extents; empty where there is none.
  std::vector<InterfacePlan> interfaces; ///< One for each bucket, ascending; one where there are none.
  std::vector<TensorDesc> weights;
  std::vector<attnc_pack_step> packSteps;
  std::vector<float> constants;
  /// In the module's order: of each CPU one for each interface. One weights image for all.
  std::vector<VariantPlan> variants;
  int64_t minBatch = 1, maxBatch = 1;
  bool hasBatch = false; ///< Whether any tensor's shape depends on the batch.
  uint64_t imageSize = 0;

  /// The tensors of one of `variants`.
  const InterfacePlan &interfaceOf(const VariantPlan &variant) const {
    return interfaces[static_cast<size_t>(&variant - variants.data()) % interfaces.size()];
  }
  bool hasBuckets() const { return interfaces.size() > 1; }
  /// The tensors without buckets, or of the largest.
  const InterfacePlan &interface() const { return interfaces.back(); }
};

/// Reads a module that has been through the pipeline. Nothing on failure, with the reason in `error`.
std::optional<ModelPlan> planModel(mlir::ModuleOp module, std::string &error);

} // namespace attnc
