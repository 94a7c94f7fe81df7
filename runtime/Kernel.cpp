// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What generated code calls while a run is on: parallel loops and scratch.
#include "runtime/Worker.h"

namespace attnc::rt {
namespace {

/// The parallel loop of a kernel, on its way through executor->parallel_for.
struct Loop {
  Run *run;
  attnc_rt_task task;
  uint8_t *closure;
  int32_t min;
  int32_t extent;
};

/// Runs one task on a worker. A loop inside the task sees inLoop and stays on this worker; scratch that the task leaves
/// behind (a kernel that stops half-way) is taken back.
int32_t runTask(Worker &worker, attnc_rt_task task, int32_t index, uint8_t *closure) {
  const bool outerLoop = worker.inLoop;
  const uint64_t used = worker.used, freedEarly = worker.freedEarly;
  const int32_t slices = worker.slices;
  worker.inLoop = true;
  const int32_t result = task(&worker, index, closure);
  worker.inLoop = outerLoop;
  worker.used = used;
  worker.freedEarly = freedEarly;
  worker.slices = slices;
  if (result != 0)
    worker.run->recordFailure(Failure::Kernel, result);
  return result;
}

/// An attnc_task: the executor is the caller's own code, so what it passes is checked.
void runLoopTask(void *context, int32_t index, int32_t workerIndex) {
  const Loop &loop = *static_cast<const Loop *>(context);
  if (workerIndex < 0 || workerIndex >= loop.run->threads)
    return loop.run->recordFailure(Failure::WorkerRange, workerIndex);
  if (index < 0 || index >= loop.extent)
    return loop.run->recordFailure(Failure::IndexRange, index);
  // After a failure nobody reads the results, so the remaining tasks are not worth their time.
  if (!loop.run->failed())
    runTask(loop.run->workers[workerIndex], loop.task, loop.min + index, loop.closure);
}

int32_t runSerially(Worker &worker, attnc_rt_task task, int32_t min, int32_t extent, uint8_t *closure) {
  for (int32_t index = 0; index < extent; ++index)
    if (int32_t result = runTask(worker, task, min + index, closure))
      return result;
  return 0;
}

} // namespace
} // namespace attnc::rt

using namespace attnc::rt;

int32_t attnc_rt_parallel_for(void *context, attnc_rt_task task, int32_t min, int32_t extent, uint8_t *closure) {
  Worker &worker = *static_cast<Worker *>(context);
  Run &run = *worker.run;
  if (extent <= 1 || run.threads == 1 || worker.inLoop)
    return runSerially(worker, task, min, extent, closure);
  Loop loop = {&run, task, closure, min, extent};
  if (int32_t result = run.executor->parallel_for(run.executor->state, extent, runLoopTask, &loop))
    run.recordFailure(Failure::Executor, result);
  if (!run.failed())
    return 0;
  return run.failureReason() == Failure::Kernel ? run.failureValue() : -1;
}

void *attnc_rt_malloc(void *context, uint64_t size) {
  Worker &worker = *static_cast<Worker *>(context);
  uint64_t aligned;
  if (worker.slices == Worker::kMaxSlices || !alignUp(size, &aligned) || aligned > worker.scratchSize - worker.used) {
    worker.run->recordFailure(Failure::ScratchSpace, worker.index);
    return nullptr;
  }
  const uint64_t start = worker.used;
  worker.starts[worker.slices++] = start;
  worker.used = start + aligned;
  return worker.scratch + start;
}

void attnc_rt_fail(void *context, int32_t status) {
  static_cast<Worker *>(context)->run->recordFailure(Failure::Status, status);
}

void attnc_rt_free(void *context, void *pointer) {
  if (!pointer)
    return;
  Worker &worker = *static_cast<Worker *>(context);
  int32_t slice = worker.slices - 1;
  while (slice >= 0 && (worker.scratch + worker.starts[slice] != pointer || (worker.freedEarly >> slice & 1)))
    --slice;
  if (slice < 0)
    return worker.run->recordFailure(Failure::ScratchPointer, worker.index);
  worker.freedEarly |= uint64_t{1} << slice;
  while (worker.slices > 0 && (worker.freedEarly >> (worker.slices - 1) & 1)) {
    --worker.slices;
    worker.freedEarly &= ~(uint64_t{1} << worker.slices);
    worker.used = worker.starts[worker.slices];
  }
}
