// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "tools/bench/MachineLimits.h"

#include "tools/run/Statistics.h"

#include <algorithm>
#include <atomic>
#include <chrono>

namespace attnc {
namespace {

using Clock = std::chrono::steady_clock;

double secondsSince(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

/// About a millisecond: long beside the start of a loop, short beside a time slice.
constexpr int64_t kPeakSteps = 200000;

struct PeakTask {
  PeakLoopOfCpu loop;
  std::vector<double> flops; ///< A cache line for each thread.
};

void runPeakLoop(void *context, int32_t index, int32_t) {
  auto &task = *static_cast<PeakTask *>(context);
  task.flops[static_cast<size_t>(index) * 8] = task.loop(kPeakSteps);
}

/// More than any last-level cache.
constexpr size_t kWords = size_t{512} << 20 >> 3;

/// Touched once in a process: page faults take longer than the reads.
const std::vector<uint64_t> &words() {
  static const std::vector<uint64_t> words(kWords, 1);
  return words;
}

struct ReadTask {
  const uint64_t *words;
  size_t part;
  std::vector<uint64_t> sums; ///< A cache line for each thread.
};

/// Sums one part; the compiler makes vectors of it, so that memory is what it waits for.
void readTask(void *context, int32_t index, int32_t) {
  auto &task = *static_cast<ReadTask *>(context);
  const uint64_t *words = task.words + task.part * static_cast<size_t>(index);
  uint64_t sums[16] = {};
  for (size_t i = 0; i + 16 <= task.part; i += 16)
    for (size_t j = 0; j < 16; ++j)
      sums[j] += words[i + j];
  uint64_t total = 0;
  for (uint64_t sum : sums)
    total += sum;
  task.sums[static_cast<size_t>(index) * 8] = total;
}

/// Waits until every thread has a task, so that none does the work of all before the others have come.
void meetTask(void *context, int32_t, int32_t) {
  auto &missing = *static_cast<std::atomic<int32_t> *>(context);
  for (missing.fetch_sub(1); missing.load(std::memory_order_relaxed) > 0;)
    ;
}

} // namespace

std::unique_ptr<MachineLimits> MachineLimits::measure(int32_t threads, PeakLoopOfCpu loop, std::string &error) {
  std::unique_ptr<MachineLimits> limits(new MachineLimits(loop));
  attnc_error failure{};
  limits->pool = attnc_pool_create(threads, &failure);
  if (!limits->pool) {
    error = failure.message;
    return nullptr;
  }
  limits->executor = attnc_pool_executor(limits->pool);
  // The first round wakes the threads; the best of all counts.
  std::vector<double> bandwidths;
  limits->addBandwidths(6, bandwidths);
  limits->measureForkJoin();
  return limits;
}

MachineLimits::~MachineLimits() { attnc_pool_destroy(pool); }

/// A task for every thread, from fork to join.
double MachineLimits::secondsOf(attnc_task task, void *context) {
  const Clock::time_point start = Clock::now();
  executor.parallel_for(executor.state, executor.threads, task, context);
  return secondsSince(start);
}

void MachineLimits::addRates(double seconds, std::vector<double> &rates) {
  PeakTask task{loop, std::vector<double>(static_cast<size_t>(executor.threads) * 8)};
  const Clock::time_point start = Clock::now();
  do {
    const double time = secondsOf(runPeakLoop, &task);
    double total = 0;
    for (double part : task.flops)
      total += part;
    rates.push_back(total / time);
    found.flopsPerSecond = std::max(found.flopsPerSecond, rates.back());
  } while (secondsSince(start) < seconds);
}

void MachineLimits::addBandwidths(int rounds, std::vector<double> &bandwidths) {
  const auto threads = static_cast<size_t>(executor.threads);
  ReadTask task{words().data(), kWords / threads, std::vector<uint64_t>(threads * 8)};
  for (int round = 0; round < rounds; ++round) {
    bandwidths.push_back(static_cast<double>(kWords * sizeof(uint64_t)) / secondsOf(readTask, &task));
    found.bytesPerSecond = std::max(found.bytesPerSecond, bandwidths.back());
  }
}

void MachineLimits::measureForkJoin() {
  if (executor.threads == 1)
    return;
  std::vector<double> times;
  std::atomic<int32_t> missing;
  for (int round = 0; round < 2000; ++round) {
    missing = executor.threads;
    times.push_back(secondsOf(meetTask, &missing));
  }
  std::sort(times.begin(), times.end());
  found.forkJoinSeconds = percentile(times, 0.1); // Others' time slices are not what a loop costs.
}

} // namespace attnc
