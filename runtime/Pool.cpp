// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The runtime's own threads. A file of its own: a program that makes no pool links none of it, nor pthread.
//
// A loop is published by one store, the number of tasks that nobody has taken (`remaining`). Whoever lowers it takes a
// task, so a thread that comes late finds nothing and is not waited for; the caller takes tasks like the others and
// waits only for tasks that others have taken. The loop's fields are read after a task is taken, and cannot change
// until that task is reported (`unfinished`), so a stale value of `remaining` does no harm. Both waits spin for a
// while, since the next loop of a model follows within microseconds, and then sleep.
//
// After fork() the child has none of the threads; its loops run on the calling thread.
#include "runtime/Error.h"
#include "runtime/Park.h"

#include <climits>
#include <cstdlib>
#include <new>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

namespace {

constexpr int32_t kMaxThreads = 1024;
/// `remaining` when the threads are to end.
constexpr int32_t kStop = -1;
/// Longer than the serial stretch between two loops of a model, short beside a time slice.
constexpr int64_t kSpinNanoseconds = 50000;

struct PoolThread {
  attnc_pool *pool;
  int32_t worker;
  pthread_t handle;
};

} // namespace

struct attnc_pool {
  alignas(ATTNC_ALIGNMENT) std::atomic<int32_t> remaining{0};
  alignas(ATTNC_ALIGNMENT) std::atomic<int32_t> unfinished{0};
  std::atomic<int32_t> callerSleeps{0};
  alignas(ATTNC_ALIGNMENT) std::atomic<int32_t> sleepers{0};
  std::atomic<int32_t> held{0}; ///< 1 while a loop has the threads
  alignas(ATTNC_ALIGNMENT) attnc_task task = nullptr;
  void *context = nullptr;
  int32_t count = 0;
  int32_t threads = 1;
  int32_t started = 0;  ///< threads in `members` that run
  bool crowded = false; ///< more threads than CPUs: a spinning thread may keep a working one off its CPU
  pid_t process = 0;    ///< the process that has the threads
  PoolThread *members = nullptr;
};

namespace attnc::rt {
namespace {

int64_t now() {
  timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return int64_t{time.tv_sec} * 1000000000 + time.tv_nsec;
}

void pauseCpu() {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("isb" ::: "memory"); // yield is a no-op on most cores
#endif
}

/// Passes time until it is better to sleep.
class Spin {
public:
  explicit Spin(bool yields) : yields(yields) {}
  /// Waits a moment; false once the time is up.
  bool again() {
    if (yields)
      sched_yield();
    else
      pauseCpu();
    // Reading the clock costs about as much as a pause, so it is read now and then only.
    if (++rounds % 16 != 0)
      return true;
    if (end == 0)
      end = now() + kSpinNanoseconds;
    return now() < end;
  }

private:
  bool yields;
  uint32_t rounds = 0;
  int64_t end = 0;
};

/// Takes tasks until none is left, then reports them.
void takeTasks(attnc_pool &pool, int32_t worker) {
  int32_t taken = 0;
  for (int32_t left = pool.remaining.load(std::memory_order_acquire); left > 0;) {
    if (!pool.remaining.compare_exchange_weak(left, left - 1, std::memory_order_acq_rel, std::memory_order_acquire))
      continue;
    pool.task(pool.context, pool.count - left, worker);
    ++taken;
    left = pool.remaining.load(std::memory_order_acquire);
  }
  if (taken > 0 && pool.unfinished.fetch_sub(taken) == taken && pool.callerSleeps.load())
    unpark(pool.unfinished, 1);
}

/// Returns when there are tasks (true) or the pool ends (false).
bool awaitTasks(attnc_pool &pool) {
  for (;;) {
    Spin spin(pool.crowded);
    do {
      if (int32_t left = pool.remaining.load(std::memory_order_acquire))
        return left > 0;
    } while (spin.again());
    // Announced before the last look at `remaining`, as the caller writes that before it looks for sleepers.
    pool.sleepers.fetch_add(1);
    if (pool.remaining.load() == 0)
      parkWhile(pool.remaining, 0);
    pool.sleepers.fetch_sub(1);
  }
}

void *threadMain(void *argument) {
  const PoolThread &self = *static_cast<PoolThread *>(argument);
  while (awaitTasks(*self.pool))
    takeTasks(*self.pool, self.worker);
  return nullptr;
}

void awaitOthers(attnc_pool &pool) {
  for (Spin spin(pool.crowded); pool.unfinished.load(std::memory_order_acquire) != 0;) {
    if (spin.again())
      continue;
    pool.callerSleeps.store(1);
    if (int32_t left = pool.unfinished.load())
      parkWhile(pool.unfinished, left);
    pool.callerSleeps.store(0);
  }
}

void runAlone(int32_t count, attnc_task task, void *context) {
  for (int32_t i = 0; i < count; ++i)
    task(context, i, 0);
}

/// attnc_executor.parallel_for of a pool. A loop that finds the threads held by another (of another run, or around this
/// one) runs here, on the calling thread.
int32_t parallelFor(void *state, int32_t count, attnc_task task, void *context) {
  attnc_pool &pool = *static_cast<attnc_pool *>(state);
  if (count <= 1 || pool.threads == 1 || pool.held.load(std::memory_order_relaxed) ||
      pool.held.exchange(1, std::memory_order_acquire)) {
    runAlone(count, task, context);
    return 0;
  }
  pool.task = task;
  pool.context = context;
  pool.count = count;
  pool.unfinished.store(count, std::memory_order_relaxed);
  pool.remaining.store(count);
  if (int32_t sleepers = pool.sleepers.load())
    unpark(pool.remaining, sleepers < count - 1 ? sleepers : count - 1);
  takeTasks(pool, 0);
  awaitOthers(pool);
  pool.held.store(0, std::memory_order_release);
  return 0;
}

int32_t availableCpus() {
#if defined(__linux__)
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof set, &set) == 0)
    return CPU_COUNT(&set);
#endif
  const long online = sysconf(_SC_NPROCESSORS_ONLN);
  return online > 0 && online < INT_MAX ? static_cast<int32_t>(online) : 1;
}

/// Starts the threads with all signals blocked: those of the process are for the caller's own threads.
int startThreads(attnc_pool &pool) {
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  int result = 0;
  while (result == 0 && pool.started < pool.threads - 1) {
    PoolThread &member = pool.members[pool.started];
    member.pool = &pool;
    member.worker = pool.started + 1;
    result = pthread_create(&member.handle, nullptr, threadMain, &member);
    pool.started += result == 0;
  }
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  return result;
}

} // namespace
} // namespace attnc::rt

using namespace attnc::rt;

attnc_pool *attnc_pool_create(int32_t threads, attnc_error *error) {
  const int32_t cpus = availableCpus();
  if (threads == 0)
    threads = cpus < kMaxThreads ? cpus : kMaxThreads;
  if (threads < 0 || threads > kMaxThreads) {
    fail(error, ATTNC_ERROR_ARGUMENT, "a pool of %d threads is asked for; 0 (one per CPU) to %d are possible", threads,
         kMaxThreads);
    return nullptr;
  }
  void *memory = nullptr;
  auto *members = static_cast<PoolThread *>(calloc(static_cast<size_t>(threads), sizeof(PoolThread)));
  if (!members || posix_memalign(&memory, alignof(attnc_pool), sizeof(attnc_pool)) != 0) {
    free(members);
    fail(error, ATTNC_ERROR_THREADS, "out of memory for a pool of %d threads", threads);
    return nullptr;
  }
  auto *pool = new (memory) attnc_pool;
  pool->threads = threads;
  pool->crowded = threads > cpus;
  pool->process = getpid();
  pool->members = members;
  if (int code = startThreads(*pool)) {
    fail(error, ATTNC_ERROR_THREADS, "thread %d of %d could not be started: pthread_create returned %d",
         pool->started + 2, threads, code);
    attnc_pool_destroy(pool);
    return nullptr;
  }
  succeed(error);
  return pool;
}

void attnc_pool_destroy(attnc_pool *pool) {
  if (!pool)
    return;
  pool->remaining.store(kStop);
  unpark(pool->remaining, INT_MAX);
  // The threads did not come along into a forked child.
  if (pool->process == getpid())
    for (int32_t i = 0; i < pool->started; ++i)
      pthread_join(pool->members[i].handle, nullptr);
  free(pool->members);
  free(pool);
}

attnc_executor attnc_pool_executor(attnc_pool *pool) { return {pool, pool->threads, parallelFor}; }
