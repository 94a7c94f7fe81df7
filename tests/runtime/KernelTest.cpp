// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// attnc_rt_*, as kernels use it: scratch, nested loops, failing tasks and executors.
#include "TestModel.h"

#include <gtest/gtest.h>

#include <atomic>
#include <cstring>
#include <functional>

using namespace attnc::test;

namespace {

/// Where the running test's kernel is; `entry` has no place for a closure.
std::function<int32_t(void *)> body;

int32_t callBody(void *context, const void *const *, void *const *, const void *, void *, int64_t, int64_t) {
  return body(context);
}

/// A parallel loop over a lambda (context, index) -> int32_t.
template <typename Task> int32_t loop(void *context, int32_t min, int32_t extent, Task task) {
  return attnc_rt_parallel_for(
      context,
      [](void *worker, int32_t index, uint8_t *closure) -> int32_t {
        return (*reinterpret_cast<Task *>(closure))(worker, index);
      },
      min, extent, reinterpret_cast<uint8_t *>(&task));
}

struct Kernel : testing::Test {
  Kernel() { toy.variants[0].entry = callBody; }
  ~Kernel() override { attnc_pool_destroy(pool); }

  /// Runs `kernel` on a pool of that size.
  attnc_status run(int32_t threads, std::function<int32_t(void *)> kernel) {
    attnc_pool_destroy(pool);
    pool = attnc_pool_create(threads, nullptr);
    executor = attnc_pool_executor(pool);
    return runOn(executor, std::move(kernel));
  }
  attnc_status runOn(const attnc_executor &executor, std::function<int32_t(void *)> kernel) {
    body = std::move(kernel);
    ToyCall call(toy.model, 2, executor.threads);
    const attnc_status status = call.run(&executor);
    message = call.message();
    return status;
  }

  ToyModel toy;
  attnc_pool *pool = nullptr;
  attnc_executor executor = {};
  std::string message;
};

bool aligned(const void *pointer) { return reinterpret_cast<uintptr_t>(pointer) % ATTNC_ALIGNMENT == 0; }

TEST_F(Kernel, ScratchIsAlignedAndComesBack) {
  toy.variants[0].scratch_size = 192;
  EXPECT_EQ(run(1,
                [](void *context) {
                  auto *a = static_cast<char *>(attnc_rt_malloc(context, 1));
                  auto *b = static_cast<char *>(attnc_rt_malloc(context, 65));
                  EXPECT_TRUE(aligned(a) && aligned(b));
                  EXPECT_EQ(b - a, 64);
                  attnc_rt_free(context, b);
                  attnc_rt_free(context, a);
                  void *all = attnc_rt_malloc(context, 192);
                  EXPECT_EQ(all, a);
                  attnc_rt_free(context, all);
                  attnc_rt_free(context, nullptr);
                  return 0;
                }),
            ATTNC_OK)
      << message;
}

TEST_F(Kernel, ScratchFreedEarlyIsNotGivenOutWhileSlicesAboveItLive) {
  toy.variants[0].scratch_size = 256;
  EXPECT_EQ(run(1,
                [](void *context) {
                  auto *a = static_cast<char *>(attnc_rt_malloc(context, 64));
                  auto *b = static_cast<char *>(attnc_rt_malloc(context, 64));
                  attnc_rt_free(context, a);
                  auto *c = static_cast<char *>(attnc_rt_malloc(context, 64));
                  EXPECT_EQ(c - b, 64);
                  attnc_rt_free(context, b);
                  attnc_rt_free(context, c);
                  EXPECT_EQ(attnc_rt_malloc(context, 256), a);
                  return 0;
                }),
            ATTNC_OK)
      << message;
}

TEST_F(Kernel, EmptyScratchSlices) {
  toy.variants[0].scratch_size = 64;
  EXPECT_EQ(run(1,
                [](void *context) {
                  void *a = attnc_rt_malloc(context, 64), *b = attnc_rt_malloc(context, 0),
                       *c = attnc_rt_malloc(context, 0);
                  EXPECT_TRUE(a && b && c);
                  attnc_rt_free(context, b);
                  attnc_rt_free(context, c);
                  attnc_rt_free(context, a);
                  return 0;
                }),
            ATTNC_OK)
      << message;
}

TEST_F(Kernel, ScratchRunsOut) {
  toy.variants[0].scratch_size = 100;
  for (uint64_t size : {uint64_t{129}, uint64_t{1} << 40, UINT64_MAX, UINT64_MAX - 63}) {
    EXPECT_EQ(run(1,
                  [&](void *context) {
                    EXPECT_EQ(attnc_rt_malloc(context, size), nullptr);
                    return -1;
                  }),
              ATTNC_ERROR_KERNEL);
    EXPECT_EQ(message, "model 'toy' ran out of its 100 bytes of scratch: a bug in attnc");
  }
}

TEST_F(Kernel, TooManyScratchSlices) {
  EXPECT_EQ(run(1,
                [&](void *context) {
                  for (int i = 0; i < 64; ++i)
                    EXPECT_NE(attnc_rt_malloc(context, 0), nullptr);
                  EXPECT_EQ(attnc_rt_malloc(context, 0), nullptr);
                  return 0;
                }),
            ATTNC_ERROR_KERNEL);
}

TEST_F(Kernel, ForeignPointerFreed) {
  const auto message = "a kernel of model 'toy' freed scratch that it does not hold: a bug in attnc";
  EXPECT_EQ(run(1,
                [](void *context) {
                  attnc_rt_free(context, &context);
                  return 0;
                }),
            ATTNC_ERROR_KERNEL);
  EXPECT_EQ(this->message, message);
  EXPECT_EQ(run(1,
                [](void *context) {
                  void *a = attnc_rt_malloc(context, 1), *b = attnc_rt_malloc(context, 1);
                  attnc_rt_free(context, a);
                  attnc_rt_free(context, a);
                  attnc_rt_free(context, b);
                  return 0;
                }),
            ATTNC_ERROR_KERNEL);
}

TEST_F(Kernel, StatusThatAKernelReports) {
  for (int32_t threads : {1, 3}) {
    EXPECT_EQ(run(threads,
                  [](void *context) {
                    return loop(context, 0, 9, [](void *worker, int32_t index) {
                      if (index == 5)
                        attnc_rt_fail(worker, ATTNC_ERROR_MASK);
                      return 0;
                    });
                  }),
              ATTNC_ERROR_MASK);
    EXPECT_EQ(message,
              "a query of model 'toy' sees no key: masks and scores block all of them (fully_masked \"error\")");
  }
  EXPECT_EQ(run(1, [](void *context) { return attnc_rt_fail(context, 77), 0; }), ATTNC_ERROR_KERNEL);
  EXPECT_EQ(message, "a kernel of model 'toy' reported 77");
}

TEST_F(Kernel, WorkersHaveScratchOfTheirOwnAboveThatOfTheCaller) {
  toy.variants[0].scratch_size = 1024;
  for (int32_t threads = 1; threads <= 4; ++threads)
    EXPECT_EQ(run(threads,
                  [](void *context) {
                    auto *outer = static_cast<char *>(attnc_rt_malloc(context, 256));
                    memset(outer, 7, 256);
                    const int32_t result = loop(context, 0, 200, [](void *worker, int32_t index) {
                      auto *slice = static_cast<char *>(attnc_rt_malloc(worker, 512));
                      if (!slice)
                        return 1;
                      memset(slice, index, 512);
                      for (int i = 0; i < 512; ++i)
                        if (slice[i] != static_cast<char>(index))
                          return 2;
                      attnc_rt_free(worker, slice);
                      return 0;
                    });
                    for (int i = 0; i < 256; ++i)
                      if (outer[i] != 7)
                        return 3;
                    attnc_rt_free(context, outer);
                    return result;
                  }),
              ATTNC_OK)
        << message;
}

TEST_F(Kernel, ScratchLeftBehindByATaskIsTakenBack) {
  toy.variants[0].scratch_size = 64;
  EXPECT_EQ(run(2,
                [](void *context) {
                  return loop(context, 0, 100,
                              [](void *worker, int32_t) { return attnc_rt_malloc(worker, 64) ? 0 : 1; });
                }),
            ATTNC_OK)
      << message;
}

TEST_F(Kernel, LoopsOfAnyRange) {
  for (int32_t threads : {1, 3})
    for (int32_t extent : {-5, 0, 1, 2, 50}) {
      std::vector<std::atomic<int>> calls(60);
      EXPECT_EQ(run(threads,
                    [&](void *context) {
                      return loop(context, 7, extent, [&](void *, int32_t index) {
                        calls[index]++;
                        return 0;
                      });
                    }),
                ATTNC_OK);
      for (int32_t i = 0; i < 60; ++i)
        EXPECT_EQ(calls[i], i >= 7 && i < 7 + extent) << i << " of " << extent;
    }
}

/// An executor of three workers on one thread, which take turns from the last index to the first.
int32_t backwards(void *, int32_t count, attnc_task task, void *context) {
  for (int32_t i = count; i-- > 0;)
    task(context, i, i % 3);
  return 0;
}

TEST_F(Kernel, NestedLoopStaysOnItsWorker) {
  toy.variants[0].scratch_size = 128;
  std::atomic<int> inner{0};
  EXPECT_EQ(runOn({nullptr, 3, backwards},
                  [&](void *context) {
                    return loop(context, 0, 20, [&](void *worker, int32_t) {
                      void *slice = attnc_rt_malloc(worker, 64);
                      const int32_t result = loop(worker, 0, 10, [&](void *same, int32_t) {
                        inner++;
                        return same == worker && attnc_rt_malloc(same, 64) ? 0 : 5;
                      });
                      attnc_rt_free(worker, slice);
                      return result;
                    });
                  }),
            ATTNC_OK)
      << message;
  EXPECT_EQ(inner, 200);
}

TEST_F(Kernel, FailingTaskFailsTheRun) {
  for (int32_t threads : {1, 2, 4}) {
    EXPECT_EQ(run(threads,
                  [](void *context) {
                    const int32_t result =
                        loop(context, 0, 100, [](void *, int32_t index) { return index == 37 ? -9 : 0; });
                    EXPECT_EQ(result, -9);
                    return result;
                  }),
              ATTNC_ERROR_KERNEL);
    EXPECT_EQ(message, "a kernel of model 'toy' returned -9");
  }
}

TEST_F(Kernel, FailureThatTheEntryIgnoresFailsTheRun) {
  EXPECT_EQ(run(2,
                [](void *context) {
                  loop(context, 0, 10, [](void *, int32_t) { return 4; });
                  return 0;
                }),
            ATTNC_ERROR_KERNEL);
  EXPECT_EQ(message, "a kernel of model 'toy' returned 4");
}

TEST_F(Kernel, FirstFailureWins) {
  EXPECT_EQ(run(1,
                [](void *context) {
                  int32_t calls = 0;
                  loop(context, 0, 10, [&](void *, int32_t) { return ++calls; });
                  EXPECT_EQ(calls, 1);
                  return 77;
                }),
            ATTNC_ERROR_KERNEL);
  EXPECT_EQ(message, "a kernel of model 'toy' returned 1");
}

TEST_F(Kernel, TheCallAfterAFailureSucceeds) {
  EXPECT_EQ(run(2, [](void *context) { return loop(context, 0, 9, [](void *, int32_t) { return 1; }); }),
            ATTNC_ERROR_KERNEL);
  EXPECT_EQ(runOn(executor, [](void *context) { return loop(context, 0, 9, [](void *, int32_t) { return 0; }); }),
            ATTNC_OK)
      << message;
}

int32_t emptyLoop(void *context) {
  return loop(context, 0, 9, [](void *, int32_t) { return 0; });
}

TEST_F(Kernel, ExecutorFails) {
  const attnc_executor executor = {nullptr, 2, [](void *, int32_t, attnc_task, void *) { return int32_t{12}; }};
  EXPECT_EQ(runOn(executor, emptyLoop), ATTNC_ERROR_KERNEL);
  EXPECT_EQ(message, "executor->parallel_for returned 12");
}

TEST_F(Kernel, ExecutorPassesAWorkerOutOfRange) {
  const attnc_executor high = {nullptr, 2, [](void *, int32_t, attnc_task task, void *context) {
                                 task(context, 0, 2);
                                 return int32_t{0};
                               }};
  EXPECT_EQ(runOn(high, emptyLoop), ATTNC_ERROR_KERNEL);
  EXPECT_EQ(message, "the executor called a task with worker 2, outside [0, 2)");
  const attnc_executor low = {nullptr, 2, [](void *, int32_t, attnc_task task, void *context) {
                                task(context, 0, -1);
                                return int32_t{0};
                              }};
  EXPECT_EQ(runOn(low, emptyLoop), ATTNC_ERROR_KERNEL);
}

TEST_F(Kernel, ExecutorPassesAnIndexOutOfRange) {
  const attnc_executor executor = {nullptr, 2, [](void *, int32_t count, attnc_task task, void *context) {
                                     task(context, count, 0);
                                     return int32_t{0};
                                   }};
  EXPECT_EQ(runOn(executor, emptyLoop), ATTNC_ERROR_KERNEL);
  EXPECT_EQ(message, "the executor called a task with index 9, outside its loop");
}

TEST_F(Kernel, ExecutorInAnyOrder) {
  const attnc_executor executor = {nullptr, 3, backwards};
  toy.variants[0].entry = toyEntry;
  ToyCall call(toy.model, 9, 3);
  ASSERT_EQ(call.run(&executor), ATTNC_OK) << call.message();
  EXPECT_EQ(call.y, expected(call));
}

} // namespace
