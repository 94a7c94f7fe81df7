// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// attnc_run(): checks all that a caller can get wrong, lays out the workspace, calls the generated entry for the batch,
// or for one part of it after the other.
#include "runtime/Error.h"
#include "runtime/Tensor.h"
#include "runtime/Variant.h"
#include "runtime/Worker.h"

#include <cinttypes>
#include <cstdio>
#include <new>

namespace attnc::rt {
namespace {

/// Offsets of the parts of a workspace from its start.
struct Layout {
  uint64_t workers, scratch, scratchStride, arena, total;
};

/// The least batch elements of a pass; 0: a run has one pass.
int64_t leastOfPass(const attnc_variant &variant, int32_t threads) { return variant.microbatch * threads; }

/// How many passes a run of so many batch elements has. Each has floor or ceil(batch / passes) of them.
int64_t passesOf(const attnc_variant &variant, int64_t batch, int32_t threads) {
  const int64_t least = leastOfPass(variant, threads);
  return least > 0 && batch >= least ? batch / least : 1;
}

/// The most batch elements that a pass has in a run of `batch` or fewer: a workspace fits smaller batches too.
int64_t mostOfPass(const attnc_variant &variant, int64_t batch, int32_t threads) {
  const int64_t least = leastOfPass(variant, threads);
  return least > 0 && batch / 2 >= least ? 2 * least - 1 : batch;
}

bool addAligned(uint64_t *total, uint64_t size) {
  return alignUp(size, &size) && !__builtin_add_overflow(*total, size, total);
}

bool layOut(const attnc_model &model, const attnc_variant &variant, int64_t batch, int32_t threads, Layout *layout) {
  if (batch < model.min_batch || batch > model.max_batch || batch < 0 || threads < 1)
    return false;
  const auto count = static_cast<uint64_t>(threads);
  uint64_t scratch, arena;
  if (!alignUp(variant.scratch_size, &layout->scratchStride) ||
      __builtin_mul_overflow(count, layout->scratchStride, &scratch) ||
      __builtin_mul_overflow(static_cast<uint64_t>(mostOfPass(variant, batch, threads)), variant.arena_size_per_batch,
                             &arena) ||
      __builtin_add_overflow(arena, variant.arena_size_fixed, &arena))
    return false;
  layout->workers = sizeof(Run);
  layout->scratch = layout->workers + count * sizeof(Worker);
  layout->arena = layout->scratch;
  if (!addAligned(&layout->arena, scratch))
    return false;
  layout->total = layout->arena;
  return addAligned(&layout->total, arena) && layout->total <= SIZE_MAX;
}

/// A tensor handed to attnc_run(), and the memory it takes.
struct Range {
  const char *kind; ///< "input" or "output"
  const char *name;
  uintptr_t begin, end;
};

bool overlap(const Range &a, const Range &b) { return a.begin < b.end && b.begin < a.end; }

attnc_status checkTensor(const char *kind, const attnc_tensor_info &info, const void *data, int64_t batch, Range *range,
                         attnc_error *error) {
  uint64_t bytes;
  if (!tensorBytes(info, batch, &bytes) || bytes > UINTPTR_MAX)
    return fail(error, ATTNC_ERROR_ARGUMENT, "%s '%.100s' is too large for this machine with batch %" PRId64, kind,
                info.name, batch);
  if (!data)
    return fail(error, ATTNC_ERROR_ARGUMENT, "%s '%.100s' is NULL", kind, info.name);
  const auto begin = reinterpret_cast<uintptr_t>(data);
  if (begin % attnc_dtype_size(info.dtype))
    return fail(error, ATTNC_ERROR_ARGUMENT, "%s '%.100s' is not aligned to its element type %s", kind, info.name,
                dtypeName(info.dtype));
  uintptr_t end;
  if (__builtin_add_overflow(begin, static_cast<uintptr_t>(bytes), &end))
    return fail(error, ATTNC_ERROR_ARGUMENT, "%s '%.100s' reaches past the end of memory", kind, info.name);
  *range = {kind, info.name, begin, end};
  return ATTNC_OK;
}

attnc_status checkDisjoint(const Range &written, const Range &other, attnc_error *error) {
  if (!overlap(written, other))
    return ATTNC_OK;
  return fail(error, ATTNC_ERROR_ARGUMENT, "%s '%.60s' overlaps %s '%.60s'", written.kind, written.name, other.kind,
              other.name);
}

/// The tensors of a run, as the instance's bucket has them.
struct Interface {
  int32_t numInputs, numOutputs;
  const attnc_tensor_info *inputs, *outputs;
};

Interface interfaceOf(const attnc_instance &instance) {
  const attnc_model &model = *instance.model;
  const attnc_bucket *bucket = bucketOf(model, *instance.variant);
  return {model.num_inputs, model.num_outputs, bucket ? bucket->inputs : model.inputs,
          bucket ? bucket->outputs : model.outputs};
}

/// Pointers, alignment and overlap. Pairs are compared by looking each tensor up again: a model has a handful, and
/// there is no room to remember them without allocating.
attnc_status checkTensors(const Interface &tensors, const void *const *inputs, void *const *outputs, int64_t batch,
                          const Range &workspace, attnc_error *error) {
  Range input, output, other;
  for (int32_t i = 0; i < tensors.numInputs; ++i) {
    if (attnc_status status = checkTensor("input", tensors.inputs[i], inputs[i], batch, &input, error))
      return status;
    if (attnc_status status = checkDisjoint(workspace, input, error))
      return status;
  }
  for (int32_t i = 0; i < tensors.numOutputs; ++i) {
    if (attnc_status status = checkTensor("output", tensors.outputs[i], outputs[i], batch, &output, error))
      return status;
    if (attnc_status status = checkDisjoint(workspace, output, error))
      return status;
    for (int32_t j = 0; j < tensors.numInputs; ++j) {
      checkTensor("input", tensors.inputs[j], inputs[j], batch, &other, nullptr);
      if (attnc_status status = checkDisjoint(output, other, error))
        return status;
    }
    for (int32_t j = 0; j < i; ++j) {
      checkTensor("output", tensors.outputs[j], outputs[j], batch, &other, nullptr);
      if (attnc_status status = checkDisjoint(output, other, error))
        return status;
    }
  }
  return ATTNC_OK;
}

attnc_status failIndex(const attnc_tensor_info &info, int64_t batch, uint64_t flat, int64_t value, attnc_error *error) {
  int64_t position[ATTNC_MAX_RANK];
  for (int32_t axis = info.rank - 1; axis >= 0; --axis) {
    const auto extent = static_cast<uint64_t>(info.shape[axis] == -1 ? batch : info.shape[axis]);
    position[axis] = static_cast<int64_t>(flat % extent);
    flat /= extent;
  }
  char where[ATTNC_MAX_RANK * 22 + 3] = "";
  int length = 0;
  for (int32_t axis = 0; axis < info.rank; ++axis)
    length += snprintf(where + length, sizeof where - static_cast<size_t>(length), "%s%" PRId64, axis ? ", " : "[",
                       position[axis]);
  if (info.rank > 0)
    snprintf(where + length, sizeof where - static_cast<size_t>(length), "]");
  return fail(error, ATTNC_ERROR_INDEX, "%.100s%s is %" PRId64 ", outside [0, %" PRId64 ")", info.name, where, value,
              info.index_limit);
}

/// One pass without branches, so that it costs nothing beside the model; the place is looked for only on failure.
template <typename Index>
attnc_status checkIndices(const attnc_tensor_info &info, const Index *data, int64_t batch, attnc_error *error) {
  uint64_t bytes = 0;
  tensorBytes(info, batch, &bytes);
  const uint64_t count = bytes / sizeof(Index), limit = static_cast<uint64_t>(info.index_limit);
  bool outside = false;
  for (uint64_t i = 0; i < count; ++i)
    outside |= static_cast<uint64_t>(int64_t{data[i]}) >= limit;
  if (!outside)
    return ATTNC_OK;
  uint64_t first = 0;
  while (static_cast<uint64_t>(int64_t{data[first]}) < limit)
    ++first;
  return failIndex(info, batch, first, data[first], error);
}

attnc_status checkAllIndices(const Interface &tensors, const void *const *inputs, int64_t batch, attnc_error *error) {
  for (int32_t i = 0; i < tensors.numInputs; ++i) {
    const attnc_tensor_info &info = tensors.inputs[i];
    attnc_status status = ATTNC_OK;
    if (info.index_limit > 0 && info.dtype == ATTNC_I32)
      status = checkIndices(info, static_cast<const int32_t *>(inputs[i]), batch, error);
    if (info.index_limit > 0 && info.dtype == ATTNC_I64)
      status = checkIndices(info, static_cast<const int64_t *>(inputs[i]), batch, error);
    if (status != ATTNC_OK)
      return status;
  }
  return ATTNC_OK;
}

attnc_status checkCall(const attnc_instance *instance, const void *const *inputs, void *const *outputs, int64_t batch,
                       const attnc_executor *executor, attnc_error *error) {
  if (!instance)
    return fail(error, ATTNC_ERROR_ARGUMENT, "instance is NULL");
  if (!instance->model || !instance->variant)
    return fail(error, ATTNC_ERROR_ARGUMENT, "the instance is not initialised: call attnc_init() and check its result");
  const attnc_model &model = *instance->model;
  if (!instance->weights && model.weights_image_size > 0)
    return fail(error, ATTNC_ERROR_ARGUMENT, "the instance of model '%.60s' has no weights", model.name);
  if (!inputs && model.num_inputs > 0)
    return fail(error, ATTNC_ERROR_ARGUMENT, "inputs is NULL");
  if (!outputs && model.num_outputs > 0)
    return fail(error, ATTNC_ERROR_ARGUMENT, "outputs is NULL");
  if (batch < model.min_batch || batch > model.max_batch || batch < 0)
    return fail(error, ATTNC_ERROR_ARGUMENT, "batch is %" PRId64 "; model '%.60s' takes %" PRId64 " to %" PRId64, batch,
                model.name, model.min_batch, model.max_batch);
  if (executor && executor->threads < 1)
    return fail(error, ATTNC_ERROR_ARGUMENT, "executor->threads is %d; at least 1 is needed", executor->threads);
  if (executor && executor->threads > 1 && !executor->parallel_for)
    return fail(error, ATTNC_ERROR_ARGUMENT, "executor->parallel_for is NULL");
  return ATTNC_OK;
}

attnc_status checkWorkspace(const attnc_instance &instance, int64_t batch, int32_t threads, const void *workspace,
                            size_t size, Layout *layout, attnc_error *error) {
  if (!workspace)
    return fail(error, ATTNC_ERROR_ARGUMENT, "workspace is NULL");
  if (reinterpret_cast<uintptr_t>(workspace) % ATTNC_ALIGNMENT)
    return fail(error, ATTNC_ERROR_ARGUMENT, "workspace is not aligned to %u bytes", ATTNC_ALIGNMENT);
  if (!layOut(*instance.model, *instance.variant, batch, threads, layout))
    return fail(error, ATTNC_ERROR_WORKSPACE,
                "the workspace for batch %" PRId64 " on %d threads is too large for this machine", batch, threads);
  if (size < layout->total)
    return fail(error, ATTNC_ERROR_WORKSPACE,
                "workspace has %llu bytes; batch %" PRId64 " on %d threads needs %llu (attnc_workspace_size)",
                static_cast<unsigned long long>(size), batch, threads, static_cast<unsigned long long>(layout->total));
  return ATTNC_OK;
}

Run *prepare(uint8_t *workspace, const Layout &layout, const attnc_executor *executor, int32_t threads) {
  Run *run = new (workspace) Run{executor, reinterpret_cast<Worker *>(workspace + layout.workers), threads, {0}};
  for (int32_t i = 0; i < threads; ++i) {
    // Member by member: the table of slices needs no values.
    Worker *worker = new (&run->workers[i]) Worker;
    worker->run = run;
    worker->scratch = workspace + layout.scratch + static_cast<uint64_t>(i) * layout.scratchStride;
    worker->scratchSize = layout.scratchStride;
    worker->used = 0;
    worker->freedEarly = 0;
    worker->index = i;
    worker->slices = 0;
    worker->inLoop = false;
  }
  return run;
}

attnc_status failStatus(const attnc_model &model, int32_t status, attnc_error *error) {
  if (status == ATTNC_ERROR_MASK)
    return fail(error, ATTNC_ERROR_MASK,
                "a query of model '%.60s' sees no key: masks and scores block all of them (fully_masked \"error\")",
                model.name);
  return fail(error, ATTNC_ERROR_KERNEL, "a kernel of model '%.60s' reported %d", model.name, status);
}

attnc_status failRun(const attnc_model &model, const attnc_variant &variant, const Run &run, attnc_error *error) {
  const int32_t value = run.failureValue();
  switch (run.failureReason()) {
  case Failure::Executor:
    return fail(error, ATTNC_ERROR_KERNEL, "executor->parallel_for returned %d", value);
  case Failure::WorkerRange:
    return fail(error, ATTNC_ERROR_KERNEL, "the executor called a task with worker %d, outside [0, %d)", value,
                run.threads);
  case Failure::IndexRange:
    return fail(error, ATTNC_ERROR_KERNEL, "the executor called a task with index %d, outside its loop", value);
  case Failure::ScratchSpace:
    return fail(error, ATTNC_ERROR_KERNEL, "model '%.60s' ran out of its %llu bytes of scratch: a bug in attnc",
                model.name, static_cast<unsigned long long>(variant.scratch_size));
  case Failure::ScratchPointer:
    return fail(error, ATTNC_ERROR_KERNEL,
                "a kernel of model '%.60s' freed scratch that it does not hold: a bug in attnc", model.name);
  case Failure::Status:
    return failStatus(model, value, error);
  case Failure::Kernel:
  case Failure::None:
    break;
  }
  return fail(error, ATTNC_ERROR_KERNEL, "a kernel of model '%.60s' returned %d", model.name, value);
}

} // namespace
} // namespace attnc::rt

using namespace attnc::rt;

size_t attnc_workspace_size(const attnc_model *model, int64_t batch, int32_t threads) {
  if (!model || model->abi_version != ATTNC_ABI_VERSION)
    return 0;
  uint64_t most = 0;
  for (int32_t i = 0; i < model->num_variants; ++i) {
    Layout layout = {};
    if (!layOut(*model, model->variants[i], batch, threads, &layout))
      return 0;
    most = layout.total > most ? layout.total : most;
  }
  return static_cast<size_t>(most);
}

attnc_status attnc_run(const attnc_instance *instance, const void *const *inputs, void *const *outputs, int64_t batch,
                       void *workspace, size_t workspace_size, const attnc_executor *executor, attnc_error *error) {
  if (attnc_status status = checkCall(instance, inputs, outputs, batch, executor, error))
    return status;
  const attnc_model &model = *instance->model;
  const int32_t threads = executor ? executor->threads : 1;
  Layout layout = {};
  if (attnc_status status = checkWorkspace(*instance, batch, threads, workspace, workspace_size, &layout, error))
    return status;
  auto *bytes = static_cast<uint8_t *>(workspace);
  const auto begin = reinterpret_cast<uintptr_t>(workspace);
  const Range used = {"workspace of", model.name, begin, begin + static_cast<uintptr_t>(layout.total)};
  const Interface tensors = interfaceOf(*instance);
  if (attnc_status status = checkTensors(tensors, inputs, outputs, batch, used, error))
    return status;
  if (attnc_status status = checkAllIndices(tensors, inputs, batch, error))
    return status;

  Run *run = prepare(bytes, layout, executor, threads);
  const attnc_variant &variant = *instance->variant;
  const int64_t passes = passesOf(variant, batch, threads);
  int64_t first = 0;
  for (int64_t pass = 0; pass < passes && !run->failed(); ++pass) {
    const int64_t count = batch / passes + (pass < batch % passes);
    const int32_t result =
        variant.entry(&run->workers[0], inputs, outputs, instance->weights, bytes + layout.arena, first, count);
    if (result != 0)
      run->recordFailure(Failure::Kernel, result);
    first += count;
  }
  return run->failed() ? failRun(model, variant, *run, error) : succeed(error);
}
