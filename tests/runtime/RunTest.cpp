// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// attnc_run() and attnc_workspace_size(): each check and what it says, results on any executor, concurrency.
#include "TestModel.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

using namespace attnc::test;

namespace {

struct RunTest : testing::Test {
  /// The call fails so, and nothing is written to the output.
  void expectFailure(attnc_status status, const std::string &message, const attnc_executor *executor = nullptr) {
    EXPECT_EQ(call.run(executor), status);
    EXPECT_EQ(call.error.status, status);
    EXPECT_EQ(call.message(), message);
    for (float value : call.y)
      ASSERT_EQ(value, -1.0f);
  }

  ToyModel toy;
  ToyCall call{toy.model, 5};
};

TEST_F(RunTest, ComputesAndClearsTheError) {
  call.error = {ATTNC_ERROR_INDEX, "left over"};
  ASSERT_EQ(call.run(), ATTNC_OK) << call.message();
  EXPECT_EQ(call.error.status, ATTNC_OK);
  EXPECT_EQ(call.message(), "");
  EXPECT_EQ(call.y, expected(call));
}

TEST_F(RunTest, WorksWithoutAnErrorStructure) {
  EXPECT_EQ(attnc_run(&call.instance, call.inputs, call.outputs, 5, call.workspace.data(), call.workspace.size(),
                      nullptr, nullptr),
            ATTNC_OK);
  EXPECT_EQ(
      attnc_run(nullptr, call.inputs, call.outputs, 5, call.workspace.data(), call.workspace.size(), nullptr, nullptr),
      ATTNC_ERROR_ARGUMENT);
}

TEST_F(RunTest, InstanceIsNull) {
  EXPECT_EQ(attnc_run(nullptr, call.inputs, call.outputs, 5, call.workspace.data(), call.workspace.size(), nullptr,
                      &call.error),
            ATTNC_ERROR_ARGUMENT);
  EXPECT_EQ(call.message(), "instance is NULL");
}

TEST_F(RunTest, InstanceOfAFailedInit) {
  call.weights.count = 0;
  EXPECT_NE(attnc_init(&call.instance, &toy.model, &call.weights, nullptr), ATTNC_OK);
  expectFailure(ATTNC_ERROR_ARGUMENT, "the instance is not initialised: call attnc_init() and check its result");
}

TEST_F(RunTest, InstanceWithoutWeights) {
  call.instance.weights = nullptr;
  expectFailure(ATTNC_ERROR_ARGUMENT, "the instance of model 'toy' has no weights");
}

TEST_F(RunTest, InputsIsNull) {
  EXPECT_EQ(attnc_run(&call.instance, nullptr, call.outputs, 5, call.workspace.data(), call.workspace.size(), nullptr,
                      &call.error),
            ATTNC_ERROR_ARGUMENT);
  EXPECT_EQ(call.message(), "inputs is NULL");
}

TEST_F(RunTest, OutputsIsNull) {
  EXPECT_EQ(attnc_run(&call.instance, call.inputs, nullptr, 5, call.workspace.data(), call.workspace.size(), nullptr,
                      &call.error),
            ATTNC_ERROR_ARGUMENT);
  EXPECT_EQ(call.message(), "outputs is NULL");
}

TEST_F(RunTest, OneInputIsNull) {
  call.inputs[1] = nullptr;
  expectFailure(ATTNC_ERROR_ARGUMENT, "input 'input_ids' is NULL");
}

TEST_F(RunTest, OneOutputIsNull) {
  call.outputs[0] = nullptr;
  expectFailure(ATTNC_ERROR_ARGUMENT, "output 'y' is NULL");
}

TEST_F(RunTest, MisalignedInput) {
  call.inputs[1] = reinterpret_cast<const char *>(call.ids.data()) + 4;
  expectFailure(ATTNC_ERROR_ARGUMENT, "input 'input_ids' is not aligned to its element type i64");
}

TEST_F(RunTest, MisalignedOutput) {
  call.outputs[0] = reinterpret_cast<char *>(call.y.data()) + 2;
  expectFailure(ATTNC_ERROR_ARGUMENT, "output 'y' is not aligned to its element type f32");
}

TEST_F(RunTest, InputAtTheEndOfMemory) {
  call.inputs[0] = reinterpret_cast<const void *>(UINTPTR_MAX - 3);
  expectFailure(ATTNC_ERROR_ARGUMENT, "input 'x' reaches past the end of memory");
}

TEST_F(RunTest, BatchOutOfRange) {
  for (int64_t batch : {int64_t{0}, int64_t{-1}, INT64_MIN, INT64_MAX, kMaxBatch + 1}) {
    call.batch = batch;
    expectFailure(ATTNC_ERROR_ARGUMENT, "batch is " + std::to_string(batch) + "; model 'toy' takes 1 to 33");
  }
}

TEST_F(RunTest, OutputOverlapsInput) {
  call.outputs[0] = call.x.data() + call.x.size() - 1;
  expectFailure(ATTNC_ERROR_ARGUMENT, "output 'y' overlaps input 'x'");
}

TEST_F(RunTest, AdjacentTensorsDoNotOverlap) {
  std::vector<float> both(2 * call.x.size(), 1.0f);
  call.inputs[0] = both.data();
  call.outputs[0] = both.data() + call.x.size();
  EXPECT_EQ(call.run(), ATTNC_OK) << call.message();
}

TEST_F(RunTest, OutputsOverlap) {
  attnc_tensor_info outputs[2] = {toy.outputs[0], toy.outputs[0]};
  outputs[1].name = "z";
  toy.model.outputs = outputs;
  toy.model.num_outputs = 2;
  void *pointers[2] = {call.y.data(), call.y.data()};
  EXPECT_EQ(attnc_run(&call.instance, call.inputs, pointers, 5, call.workspace.data(), call.workspace.size(), nullptr,
                      &call.error),
            ATTNC_ERROR_ARGUMENT);
  EXPECT_EQ(call.message(), "output 'z' overlaps output 'y'");
}

TEST_F(RunTest, WorkspaceOverlapsTensors) {
  call.inputs[0] = call.workspace.data() + 64;
  expectFailure(ATTNC_ERROR_ARGUMENT, "workspace of 'toy' overlaps input 'x'");
  call.inputs[0] = call.x.data();
  call.outputs[0] = call.workspace.data() + 64;
  expectFailure(ATTNC_ERROR_ARGUMENT, "workspace of 'toy' overlaps output 'y'");
}

TEST_F(RunTest, WorkspaceIsNull) {
  EXPECT_EQ(attnc_run(&call.instance, call.inputs, call.outputs, 5, nullptr, 1 << 20, nullptr, &call.error),
            ATTNC_ERROR_ARGUMENT);
  EXPECT_EQ(call.message(), "workspace is NULL");
}

TEST_F(RunTest, WorkspaceIsMisaligned) {
  EXPECT_EQ(attnc_run(&call.instance, call.inputs, call.outputs, 5, call.workspace.data() + 32, 1 << 20, nullptr,
                      &call.error),
            ATTNC_ERROR_ARGUMENT);
  EXPECT_EQ(call.message(), "workspace is not aligned to 64 bytes");
}

TEST_F(RunTest, WorkspaceIsTooSmall) {
  const size_t needed = attnc_workspace_size(&toy.model, 5, 1);
  EXPECT_EQ(
      attnc_run(&call.instance, call.inputs, call.outputs, 5, call.workspace.data(), needed - 1, nullptr, &call.error),
      ATTNC_ERROR_WORKSPACE);
  EXPECT_EQ(call.message(), "workspace has " + std::to_string(needed - 1) + " bytes; batch 5 on 1 threads needs " +
                                std::to_string(needed) + " (attnc_workspace_size)");
}

int32_t neverCalled(void *, int32_t, attnc_task, void *) { return 99; }

TEST_F(RunTest, WorkspaceIsForFewerThreads) {
  const attnc_executor executor = {nullptr, 2, neverCalled};
  EXPECT_EQ(call.run(&executor), ATTNC_ERROR_WORKSPACE);
}

TEST_F(RunTest, WorkspaceSizeOverflows) {
  toy.variants[0].scratch_size = UINT64_MAX;
  expectFailure(ATTNC_ERROR_WORKSPACE, "the workspace for batch 5 on 1 threads is too large for this machine");
}

TEST_F(RunTest, TensorSizeOverflows) {
  toy.inputs[0].shape[1] = INT64_MAX;
  expectFailure(ATTNC_ERROR_ARGUMENT, "input 'x' is too large for this machine with batch 5");
}

TEST_F(RunTest, ExecutorWithoutThreads) {
  for (int32_t threads : {0, -3}) {
    const attnc_executor executor = {nullptr, threads, neverCalled};
    expectFailure(ATTNC_ERROR_ARGUMENT, "executor->threads is " + std::to_string(threads) + "; at least 1 is needed",
                  &executor);
  }
}

TEST_F(RunTest, ExecutorWithoutFunction) {
  const attnc_executor executor = {nullptr, 2, nullptr};
  expectFailure(ATTNC_ERROR_ARGUMENT, "executor->parallel_for is NULL", &executor);
}

TEST_F(RunTest, ExecutorOfOneThreadNeedsNoFunction) {
  const attnc_executor executor = {nullptr, 1, nullptr};
  EXPECT_EQ(call.run(&executor), ATTNC_OK) << call.message();
}

TEST_F(RunTest, IndexOutOfRange) {
  call.ids[3 * kIds + 2] = 40000;
  expectFailure(ATTNC_ERROR_INDEX, "input_ids[3, 2] is 40000, outside [0, 1000)");
  call.ids[3 * kIds + 2] = kLimit;
  expectFailure(ATTNC_ERROR_INDEX, "input_ids[3, 2] is 1000, outside [0, 1000)");
  call.ids[1] = -1; // the first is named
  expectFailure(ATTNC_ERROR_INDEX, "input_ids[0, 1] is -1, outside [0, 1000)");
  call.ids[1] = 0;
  call.ids[3 * kIds + 2] = INT64_MIN;
  expectFailure(ATTNC_ERROR_INDEX, "input_ids[3, 2] is -9223372036854775808, outside [0, 1000)");
  call.ids[3 * kIds + 2] = kLimit - 1;
  EXPECT_EQ(call.run(), ATTNC_OK) << call.message();
}

TEST_F(RunTest, IndexBeyondTheBatchIsNotRead) {
  call.ids[4 * kIds] = -1;
  call.batch = 4;
  EXPECT_EQ(call.run(), ATTNC_OK) << call.message();
}

int32_t doNothing(void *, const void *const *, void *const *, const void *, void *, int64_t, int64_t) { return 0; }

TEST_F(RunTest, IndexOf32BitsAndOfAnyRank) {
  toy.variants[0].entry = doNothing;
  std::vector<int32_t> ids(5 * kIds, 3);
  toy.inputs[1].dtype = ATTNC_I32;
  call.inputs[1] = ids.data();
  ids[7] = -5;
  expectFailure(ATTNC_ERROR_INDEX, "input_ids[1, 3] is -5, outside [0, 1000)");
  ids[7] = INT32_MAX;
  toy.inputs[1].index_limit = int64_t{1} << 40;
  EXPECT_EQ(call.run(), ATTNC_OK) << call.message();
  toy.inputs[1] = {"token", ATTNC_I32, 0, {}, 3, 0, 0};
  expectFailure(ATTNC_ERROR_INDEX, "token is 3, outside [0, 3)");
  toy.inputs[1] = {"pixel", ATTNC_I32, 8, {1, 1, 2, 1, -1, 1, 2, 1}, 4, 0, 0};
  expectFailure(ATTNC_ERROR_INDEX, "pixel[0, 0, 0, 0, 3, 0, 1, 0] is 2147483647, outside [0, 4)");
}

TEST_F(RunTest, EmptyTensorHasNoIndices) {
  toy.variants[0].entry = doNothing;
  toy.inputs[1].shape[1] = 0;
  EXPECT_EQ(call.run(), ATTNC_OK) << call.message();
}

int32_t failingEntry(void *, const void *const *, void *const *, const void *, void *, int64_t, int64_t) { return -42; }

TEST_F(RunTest, EntryFails) {
  toy.variants[0].entry = failingEntry;
  expectFailure(ATTNC_ERROR_KERNEL, "a kernel of model 'toy' returned -42");
}

/// The batch elements that passes were called for.
std::vector<std::pair<int64_t, int64_t>> passes;

int32_t notePass(void *context, const void *const *inputs, void *const *outputs, const void *weights, void *arena,
                 int64_t first, int64_t batch) {
  passes.emplace_back(first, batch);
  return toyEntry(context, inputs, outputs, weights, arena, first, batch);
}

using Passes = std::vector<std::pair<int64_t, int64_t>>;

TEST_F(RunTest, LargeBatchesTakePassesOfAMicrobatch) {
  const std::vector<float> expected = [&] {
    EXPECT_EQ(call.run(), ATTNC_OK);
    return call.y;
  }();
  toy.variants[0].entry = notePass;
  for (const auto &[microbatch, parts] : {std::pair<int64_t, Passes>{0, {{0, 5}}},
                                          {1, {{0, 1}, {1, 1}, {2, 1}, {3, 1}, {4, 1}}},
                                          {2, {{0, 3}, {3, 2}}},
                                          {3, {{0, 5}}},
                                          {6, {{0, 5}}}}) {
    toy.variants[0].microbatch = microbatch;
    passes.clear();
    std::fill(call.y.begin(), call.y.end(), -1.f);
    EXPECT_EQ(call.run(), ATTNC_OK) << call.message();
    EXPECT_EQ(passes, parts) << microbatch;
    EXPECT_EQ(call.y, expected) << microbatch;
  }
}

int32_t failSecondPass(void *, const void *const *, void *const *, const void *, void *, int64_t first, int64_t batch) {
  passes.emplace_back(first, batch);
  return first ? -42 : 0;
}

TEST_F(RunTest, NoPassFollowsOneThatFails) {
  toy.variants[0].entry = failSecondPass;
  toy.variants[0].microbatch = 1;
  passes.clear();
  expectFailure(ATTNC_ERROR_KERNEL, "a kernel of model 'toy' returned -42");
  EXPECT_EQ(passes, (Passes{{0, 1}, {1, 1}}));
}

TEST(WorkspaceSize, HasActivationsForTheLargestPass) {
  ToyModel toy;
  toy.variants[0].arena_size_per_batch = 64;
  auto size = [&](int64_t batch, int32_t threads) { return attnc_workspace_size(&toy.model, batch, threads); };
  const size_t one = size(1, 1), oneOfTwo = size(1, 2);
  toy.variants[0].microbatch = 3;
  for (int64_t batch = 1; batch <= kMaxBatch; ++batch) {
    EXPECT_EQ(size(batch, 1), one + 64 * static_cast<size_t>(std::min<int64_t>(batch, 5) - 1)) << batch;
    EXPECT_EQ(size(batch, 2), oneOfTwo + 64 * static_cast<size_t>(std::min<int64_t>(batch, 11) - 1)) << batch;
  }
  toy.variants[0].microbatch = int64_t{1} << 30;
  EXPECT_EQ(size(kMaxBatch, 7), size(kMaxBatch, 7));
  EXPECT_EQ(size(kMaxBatch, 1), one + 64 * (kMaxBatch - 1));
}

TEST(WorkspaceSize, GrowsWithBatchAndThreads) {
  ToyModel toy;
  const size_t one = attnc_workspace_size(&toy.model, 1, 1);
  EXPECT_GT(one, 0u);
  EXPECT_EQ(one % ATTNC_ALIGNMENT, 0u);
  EXPECT_GE(attnc_workspace_size(&toy.model, 33, 1), one + 64);
  EXPECT_GE(attnc_workspace_size(&toy.model, 1, 3), one + 2 * 192);
}

TEST(WorkspaceSize, IsEnoughForEveryVariant) {
  ToyModel toy;
  const size_t one = attnc_workspace_size(&toy.model, 1, 3);
  toy.variants[1].scratch_size = 1024;
  toy.model.num_variants = 2;
  EXPECT_EQ(attnc_workspace_size(&toy.model, 1, 3), one + 3 * (1024 - 192));
}

TEST_F(RunTest, TheSelectedVariantRuns) {
  toy.variants[1].cpu = "other";
  toy.variants[1].entry = failingEntry;
  toy.model.num_variants = 2;
  EXPECT_EQ(call.run(), ATTNC_OK) << call.message();
  ASSERT_EQ(attnc_select_cpu(&call.instance, "other", nullptr), ATTNC_OK);
  EXPECT_EQ(call.run(), ATTNC_ERROR_KERNEL);
}

TEST(WorkspaceSize, IsZeroForArgumentsOutOfRange) {
  ToyModel toy;
  EXPECT_EQ(attnc_workspace_size(nullptr, 1, 1), 0u);
  EXPECT_EQ(attnc_workspace_size(&toy.model, 0, 1), 0u);
  EXPECT_EQ(attnc_workspace_size(&toy.model, -1, 1), 0u);
  EXPECT_EQ(attnc_workspace_size(&toy.model, kMaxBatch + 1, 1), 0u);
  EXPECT_EQ(attnc_workspace_size(&toy.model, 1, 0), 0u);
  EXPECT_EQ(attnc_workspace_size(&toy.model, 1, -1), 0u);
  toy.model.abi_version++;
  EXPECT_EQ(attnc_workspace_size(&toy.model, 1, 1), 0u);
}

TEST(WorkspaceSize, IsZeroWhereItOverflows) {
  for (uint64_t size : {UINT64_MAX, UINT64_MAX - 63, UINT64_MAX / 2 + 1, UINT64_MAX / 4}) {
    ToyModel toy;
    toy.variants[0].scratch_size = size;
    EXPECT_EQ(attnc_workspace_size(&toy.model, 2, 5), 0u) << size;
    toy.variants[0].scratch_size = 0;
    toy.variants[0].arena_size_per_batch = size;
    EXPECT_EQ(attnc_workspace_size(&toy.model, 5, 2), 0u) << size;
    toy.variants[0].arena_size_fixed = UINT64_MAX - 100;
    toy.variants[0].arena_size_per_batch = 50;
    EXPECT_EQ(attnc_workspace_size(&toy.model, 5, 2), 0u);
  }
}

TEST(RunConcurrently, PoolsOfAnySizeGiveTheSameBits) {
  ToyModel toy;
  for (int32_t threads = 1; threads <= 8; ++threads) {
    attnc_pool *pool = attnc_pool_create(threads, nullptr);
    ASSERT_NE(pool, nullptr);
    const attnc_executor executor = attnc_pool_executor(pool);
    for (int64_t batch : {1, 2, 7, 33}) {
      ToyCall call(toy.model, batch, threads);
      for (int repeat = 0; repeat < 50; ++repeat) {
        std::fill(call.y.begin(), call.y.end(), -1.0f);
        ASSERT_EQ(call.run(&executor), ATTNC_OK) << call.message();
        ASSERT_EQ(call.y, expected(call));
      }
    }
    attnc_pool_destroy(pool);
  }
}

/// 16 threads run one model at once; executorOf(i) is thread i's.
template <typename ExecutorOf> void runFromManyThreads(int32_t poolThreads, ExecutorOf executorOf) {
  ToyModel toy;
  std::atomic<int> wrong{0};
  std::vector<std::thread> threads;
  for (unsigned i = 0; i < 16; ++i)
    threads.emplace_back([&, i] {
      ToyCall call(toy.model, 1 + i * 2 % kMaxBatch, poolThreads, i);
      const std::vector<float> want = expected(call);
      const attnc_executor executor = executorOf(i);
      for (int repeat = 0; repeat < 500; ++repeat) {
        std::fill(call.y.begin(), call.y.end(), -1.0f);
        wrong += call.run(&executor) != ATTNC_OK || call.y != want;
      }
    });
  for (std::thread &thread : threads)
    thread.join();
  EXPECT_EQ(wrong, 0);
}

TEST(RunConcurrently, OverOnePool) {
  attnc_pool *pool = attnc_pool_create(3, nullptr);
  ASSERT_NE(pool, nullptr);
  runFromManyThreads(3, [&](unsigned) { return attnc_pool_executor(pool); });
  attnc_pool_destroy(pool);
}

TEST(RunConcurrently, OverOwnPools) {
  std::vector<attnc_pool *> pools(16);
  for (attnc_pool *&pool : pools) {
    pool = attnc_pool_create(2, nullptr);
    ASSERT_NE(pool, nullptr);
  }
  runFromManyThreads(2, [&](unsigned i) { return attnc_pool_executor(pools[i]); });
  for (attnc_pool *pool : pools)
    attnc_pool_destroy(pool);
}

} // namespace
