// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The pool as an executor: every index once, workers apart, busy and nested loops, fork, errors, latency (printed).
#include <attnc/runtime.h>

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <memory>
#include <set>
#include <sys/resource.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>
#include <vector>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define ATTNC_SANITIZED 1
#else
#define ATTNC_SANITIZED 0
#endif

namespace {

struct DestroyPool {
  void operator()(attnc_pool *pool) const { attnc_pool_destroy(pool); }
};
using Pool = std::unique_ptr<attnc_pool, DestroyPool>;

/// Counts the calls of every index, and tasks of one worker that overlap.
struct Counts {
  explicit Counts(int32_t count) : calls(count), busy(64) {}
  std::vector<std::atomic<int>> calls, busy;
  std::atomic<int> overlaps{0};
  std::atomic<uint64_t> workers{0};

  static void task(void *context, int32_t index, int32_t worker) {
    auto &self = *static_cast<Counts *>(context);
    self.overlaps += self.busy[worker].fetch_add(1) != 0;
    self.calls[index]++;
    self.workers |= uint64_t{1} << worker;
    self.busy[worker]--;
  }
};

TEST(PoolTest, EveryIndexOnceOnWorkersApart) {
  for (int32_t threads = 1; threads <= 8; ++threads) {
    Pool pool(attnc_pool_create(threads, nullptr));
    ASSERT_TRUE(pool);
    const attnc_executor executor = attnc_pool_executor(pool.get());
    EXPECT_EQ(executor.threads, threads);
    for (int32_t count : {0, 1, 2, 3, 7, 8, 9, 100, 1000})
      for (int repeat = 0; repeat < 100; ++repeat) {
        Counts counts(count);
        ASSERT_EQ(executor.parallel_for(executor.state, count, Counts::task, &counts), 0);
        for (int32_t i = 0; i < count; ++i)
          ASSERT_EQ(counts.calls[i], 1) << threads << " threads, index " << i << " of " << count;
        ASSERT_EQ(counts.overlaps, 0);
        ASSERT_LT(counts.workers, uint64_t{1} << threads);
      }
  }
}

TEST(PoolTest, AllThreadsTakePart) {
  Pool pool(attnc_pool_create(4, nullptr));
  ASSERT_TRUE(pool);
  const attnc_executor executor = attnc_pool_executor(pool.get());
  // Each task waits for the others: this ends only if four threads run at once.
  struct Barrier {
    std::atomic<int> here{0};
    static void task(void *context, int32_t, int32_t) {
      auto &self = *static_cast<Barrier *>(context);
      self.here++;
      while (self.here < 4)
        std::this_thread::yield();
    }
  };
  for (int repeat = 0; repeat < 20; ++repeat) {
    Barrier barrier;
    executor.parallel_for(executor.state, 4, Barrier::task, &barrier);
    EXPECT_EQ(barrier.here, 4);
    if (repeat % 5 == 0)
      std::this_thread::sleep_for(std::chrono::milliseconds(2)); // the threads sleep
  }
}

TEST(PoolTest, CallerSleepsWhileAnotherThreadWorks) {
  Pool pool(attnc_pool_create(2, nullptr));
  ASSERT_TRUE(pool);
  const attnc_executor executor = attnc_pool_executor(pool.get());
  struct Slow {
    std::atomic<int> done{0};
    static void task(void *context, int32_t, int32_t worker) {
      std::this_thread::sleep_for(std::chrono::milliseconds(worker ? 20 : 5));
      static_cast<Slow *>(context)->done++;
    }
  };
  for (int repeat = 0; repeat < 5; ++repeat) {
    Slow slow;
    executor.parallel_for(executor.state, 3, Slow::task, &slow);
    EXPECT_EQ(slow.done, 3);
  }
}

struct Nested {
  attnc_executor executor;
  std::atomic<int> inner{0}, elsewhere{0};
  static void outerTask(void *context, int32_t, int32_t) {
    auto &self = *static_cast<Nested *>(context);
    Call call = {&self, std::this_thread::get_id()};
    self.executor.parallel_for(self.executor.state, 10, innerTask, &call);
  }
  struct Call {
    Nested *self;
    std::thread::id thread;
  };
  static void innerTask(void *context, int32_t, int32_t worker) {
    auto &call = *static_cast<Call *>(context);
    call.self->inner++;
    call.self->elsewhere += std::this_thread::get_id() != call.thread || worker != 0;
  }
};

TEST(PoolTest, NestedLoopStaysOnItsThread) {
  Pool pool(attnc_pool_create(3, nullptr));
  ASSERT_TRUE(pool);
  Nested nested{attnc_pool_executor(pool.get())};
  nested.executor.parallel_for(nested.executor.state, 20, Nested::outerTask, &nested);
  EXPECT_EQ(nested.inner, 200);
  EXPECT_EQ(nested.elsewhere, 0);
}

TEST(PoolTest, ManyCallersAtOnce) {
  Pool pool(attnc_pool_create(3, nullptr));
  ASSERT_TRUE(pool);
  const attnc_executor executor = attnc_pool_executor(pool.get());
  std::atomic<int> wrong{0};
  std::vector<std::thread> callers;
  for (int caller = 0; caller < 16; ++caller)
    callers.emplace_back([&] {
      for (int repeat = 0; repeat < 300; ++repeat) {
        Counts counts(23);
        executor.parallel_for(executor.state, 23, Counts::task, &counts);
        for (const auto &calls : counts.calls)
          wrong += calls != 1;
        wrong += counts.overlaps;
      }
    });
  for (std::thread &caller : callers)
    caller.join();
  EXPECT_EQ(wrong, 0);
}

TEST(PoolTest, OneThreadPerCpuByDefault) {
  Pool pool(attnc_pool_create(0, nullptr));
  ASSERT_TRUE(pool);
  EXPECT_GE(attnc_pool_executor(pool.get()).threads, 1);
}

TEST(PoolTest, CreatedAndDestroyedAtOnce) {
  for (int repeat = 0; repeat < 200; ++repeat)
    Pool pool(attnc_pool_create(1 + repeat % 5, nullptr));
  attnc_pool_destroy(nullptr);
}

TEST(PoolTest, SizeOutOfRange) {
  attnc_error error;
  EXPECT_EQ(attnc_pool_create(-1, &error), nullptr);
  EXPECT_EQ(error.status, ATTNC_ERROR_ARGUMENT);
  EXPECT_STREQ(error.message, "a pool of -1 threads is asked for; 0 (one per CPU) to 1024 are possible");
  EXPECT_EQ(attnc_pool_create(1025, &error), nullptr);
  EXPECT_EQ(error.status, ATTNC_ERROR_ARGUMENT);
  EXPECT_EQ(attnc_pool_create(INT32_MAX, nullptr), nullptr);
}

/// Runs `body` in a child process; its result is the exit code.
template <typename Body> int inChild(Body body) {
  const pid_t child = fork();
  if (child == 0)
    _exit(body());
  int status = -1;
  waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

TEST(PoolTest, ThreadsCannotBeStarted) {
  if (ATTNC_SANITIZED)
    GTEST_SKIP() << "a sanitizer does not bear a limit on address space";
  EXPECT_EQ(inChild([] {
              const rlimit limit = {256 << 20, 256 << 20};
              setrlimit(RLIMIT_AS, &limit);
              attnc_error error;
              if (attnc_pool_create(500, &error) || error.status != ATTNC_ERROR_THREADS)
                return 1;
              int number = 0, code = 0;
              const int found = sscanf(
                  error.message, "thread %d of 500 could not be started: pthread_create returned %d", &number, &code);
              return found == 2 && number > 1 && code != 0 ? 0 : 2;
            }),
            0);
}

TEST(PoolTest, AfterForkTheChildRunsOnItsOwnThread) {
  if (ATTNC_SANITIZED)
    GTEST_SKIP() << "fork with threads under a sanitizer";
  attnc_pool *pool = attnc_pool_create(3, nullptr);
  ASSERT_NE(pool, nullptr);
  const attnc_executor executor = attnc_pool_executor(pool);
  EXPECT_EQ(inChild([&] {
              Counts counts(50);
              executor.parallel_for(executor.state, 50, Counts::task, &counts);
              attnc_pool_destroy(pool);
              return std::all_of(counts.calls.begin(), counts.calls.end(), [](auto &calls) { return calls == 1; }) ? 0
                                                                                                                   : 1;
            }),
            0);
  Counts counts(50);
  executor.parallel_for(executor.state, 50, Counts::task, &counts);
  EXPECT_TRUE(std::all_of(counts.calls.begin(), counts.calls.end(), [](auto &calls) { return calls == 1; }));
  attnc_pool_destroy(pool);
}

/// As many tasks as threads, each waiting for the others, so that every thread has to come: the cost of fork and join.
struct Meeting {
  int32_t threads;
  std::atomic<int32_t> here{0};
  static void task(void *context, int32_t, int32_t) {
    auto &self = *static_cast<Meeting *>(context);
    self.here++;
    while (self.here.load(std::memory_order_acquire) < self.threads)
      ;
  }
};

/// Median and 90th percentile in microseconds of `repeats` meetings, with a pause before each.
void printLatency(const attnc_executor &executor, int repeats, std::chrono::microseconds pause) {
  std::vector<double> times;
  for (int repeat = 0; repeat < repeats; ++repeat) {
    if (pause.count() > 0)
      std::this_thread::sleep_for(pause);
    Meeting meeting{executor.threads};
    const auto begin = std::chrono::steady_clock::now();
    executor.parallel_for(executor.state, executor.threads, Meeting::task, &meeting);
    times.push_back(std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - begin).count());
  }
  std::sort(times.begin(), times.end());
  printf("fork-join of %d threads, %d us apart: median %.2f us, 90 %% below %.2f us\n", executor.threads,
         static_cast<int>(pause.count()), times[times.size() / 2], times[times.size() * 9 / 10]);
}

TEST(PoolTest, ForkJoinLatencyIsPrinted) {
  Pool pool(attnc_pool_create(2, nullptr));
  ASSERT_TRUE(pool);
  printLatency(attnc_pool_executor(pool.get()), 20000, std::chrono::microseconds(0));
  printLatency(attnc_pool_executor(pool.get()), 500, std::chrono::microseconds(500)); // asleep
}

} // namespace
