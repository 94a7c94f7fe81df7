// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// attnc_run() allocates nothing, on any thread; where the runtime does allocate, failure is an error code. The
// allocator of the whole test program is replaced by one that counts, and fails when asked to.
#include "TestModel.h"

#include <gtest/gtest.h>

#include <atomic>
#include <cerrno>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || !defined(__GLIBC__)
#define ATTNC_COUNTS_ALLOCATIONS 0
#else
#define ATTNC_COUNTS_ALLOCATIONS 1
#endif

namespace {

std::atomic<long> allocations{0};
/// The allocation that fails, counted down; 0 for none.
std::atomic<long> failAt{0};

[[maybe_unused]] bool failsNow() {
  ++allocations;
  return failAt.load() > 0 && --failAt == 0;
}

} // namespace

#if ATTNC_COUNTS_ALLOCATIONS
extern "C" {
void *__libc_malloc(size_t);
void *__libc_calloc(size_t, size_t);
void *__libc_memalign(size_t, size_t);

void *malloc(size_t size) { return failsNow() ? nullptr : __libc_malloc(size); }
void *calloc(size_t count, size_t size) { return failsNow() ? nullptr : __libc_calloc(count, size); }
int posix_memalign(void **result, size_t alignment, size_t size) {
  *result = failsNow() ? nullptr : __libc_memalign(alignment, size);
  return *result ? 0 : ENOMEM;
}
}
#endif

using namespace attnc::test;

namespace {

struct Allocation : testing::Test {
  void SetUp() override {
    if (!ATTNC_COUNTS_ALLOCATIONS)
      GTEST_SKIP() << "the allocator cannot be replaced under a sanitizer or without glibc";
  }
};

TEST_F(Allocation, IsCounted) {
  const long before = allocations;
  void *volatile kept = calloc(3, 5); // volatile, or the pair is optimised away
  free(kept);
  kept = ::operator new(8);
  ::operator delete(kept);
  EXPECT_EQ(allocations - before, 2);
}

TEST_F(Allocation, RunMakesNone) {
  ToyModel toy;
  for (int32_t threads : {1, 2, 4}) {
    attnc_pool *pool = attnc_pool_create(threads, nullptr);
    ASSERT_NE(pool, nullptr);
    const attnc_executor executor = attnc_pool_executor(pool);
    ToyCall call(toy.model, kMaxBatch, threads);
    int failures = 0;
    const long before = allocations;
    for (int repeat = 0; repeat < 200; ++repeat)
      failures += call.run(&executor) != ATTNC_OK;
    call.ids[5] = -1;
    failures += call.run(&executor) != ATTNC_ERROR_INDEX; // nor does a message
    EXPECT_EQ(allocations - before, 0) << threads << " threads";
    EXPECT_EQ(failures, 0);
    attnc_pool_destroy(pool);
  }
}

TEST_F(Allocation, FailsInInit) {
  ToyModel toy;
  ToyCall call(toy.model);
  failAt = 1;
  const attnc_status status = attnc_init(&call.instance, &toy.model, &call.weights, &call.error);
  failAt = 0;
  EXPECT_EQ(status, ATTNC_ERROR_WEIGHTS);
  EXPECT_EQ(call.message(), "out of memory for the table of 1 weights");
  EXPECT_EQ(attnc_init(&call.instance, &toy.model, &call.weights, &call.error), ATTNC_OK);
}

TEST_F(Allocation, FailsInPoolCreate) {
  for (long nth = 1; nth <= 2; ++nth) {
    attnc_error error;
    failAt = nth;
    attnc_pool *pool = attnc_pool_create(3, &error);
    failAt = 0;
    EXPECT_EQ(pool, nullptr);
    EXPECT_EQ(error.status, ATTNC_ERROR_THREADS);
    EXPECT_STREQ(error.message, "out of memory for a pool of 3 threads");
    attnc_pool_destroy(pool);
  }
}

} // namespace
