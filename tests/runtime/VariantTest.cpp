// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Buckets: which variant an instance runs, and whose shapes attnc_run() checks.
#include "TestModel.h"

#include <gtest/gtest.h>

namespace attnc::test {
namespace {

constexpr int64_t kShort = 2;

/// Says which bucket ran, and reads nothing.
int32_t shortEntry(void *, const void *const *, void *const *outputs, const void *, void *, int64_t, int64_t) {
  static_cast<float *>(outputs[0])[0] = -2;
  return 0;
}

/// The toy for two CPUs, with ids of two extents.
struct Buckets : testing::Test {
  Buckets() {
    shortInputs[0] = toy.inputs[0];
    shortInputs[1] = toy.inputs[1];
    shortInputs[1].shape[1] = kShort;
    buckets[0] = {kShort, shortInputs, toy.outputs};
    buckets[1] = {kIds, toy.inputs, toy.outputs};
    for (int cpu = 0; cpu < 2; ++cpu) {
      variants[2 * cpu] = variants[2 * cpu + 1] = toy.variants[0];
      variants[2 * cpu].entry = shortEntry;
      variants[2 * cpu].cpu = variants[2 * cpu + 1].cpu = cpu == 0 ? "most" : "least";
    }
    toy.model.num_variants = 4;
    toy.model.variants = variants;
    toy.model.num_buckets = 2;
    toy.model.bucket_dim = "seq";
    toy.model.buckets = buckets;
  }

  ToyModel toy;
  attnc_tensor_info shortInputs[2];
  attnc_bucket buckets[2];
  attnc_variant variants[4];
};

TEST_F(Buckets, TheSmallestThatHoldsAnExtent) {
  EXPECT_EQ(attnc_bucket_for(&toy.model, 0), kShort);
  EXPECT_EQ(attnc_bucket_for(&toy.model, 2), kShort);
  EXPECT_EQ(attnc_bucket_for(&toy.model, 3), kIds);
  EXPECT_EQ(attnc_bucket_for(&toy.model, 4), kIds);
  EXPECT_EQ(attnc_bucket_for(&toy.model, 5), 0);
  EXPECT_EQ(attnc_bucket_for(nullptr, 1), 0);
  toy.model.num_buckets = 0;
  EXPECT_EQ(attnc_bucket_for(&toy.model, 1), 0);
}

TEST_F(Buckets, TheLargestIsChosenFirst) {
  ToyCall call(toy.model);
  EXPECT_EQ(call.instance.variant, &variants[1]);
  variants[0].cpu_features = variants[1].cpu_features = "warp9";
  attnc_init(&call.instance, &toy.model, &call.weights, &call.error);
  EXPECT_EQ(call.instance.variant, &variants[3]);
  ASSERT_EQ(call.run(), ATTNC_OK) << call.message();
  EXPECT_EQ(call.y, expected(call));
}

TEST_F(Buckets, NoneFits) {
  for (attnc_variant &variant : variants)
    variant.cpu_features = "warp9";
  ToyCall call(toy.model);
  EXPECT_EQ(call.error.status, ATTNC_ERROR_CPU);
  EXPECT_EQ(call.message(),
            "model 'toy' for CPU 'least' needs warp9, which this CPU does not know; it asks for the least "
            "of the model's variants");
}

TEST_F(Buckets, OneIsSelected) {
  ToyCall call(toy.model);
  const attnc_instance copy = call.instance;
  ASSERT_EQ(attnc_select_bucket(&call.instance, kShort, &call.error), ATTNC_OK) << call.message();
  EXPECT_EQ(call.instance.variant, &variants[0]);
  EXPECT_EQ(copy.variant, &variants[1]);
  ASSERT_EQ(call.run(), ATTNC_OK) << call.message();
  EXPECT_EQ(call.y[0], -2);
  ASSERT_EQ(attnc_select_bucket(&call.instance, kIds, nullptr), ATTNC_OK);
  ASSERT_EQ(call.run(), ATTNC_OK) << call.message();
  EXPECT_EQ(call.y, expected(call));
}

TEST_F(Buckets, CpuAndBucketAreChosenApart) {
  ToyCall call(toy.model);
  ASSERT_EQ(attnc_select_bucket(&call.instance, kShort, nullptr), ATTNC_OK);
  ASSERT_EQ(attnc_select_cpu(&call.instance, "least", nullptr), ATTNC_OK);
  EXPECT_EQ(call.instance.variant, &variants[2]);
  ASSERT_EQ(attnc_select_bucket(&call.instance, kIds, nullptr), ATTNC_OK);
  EXPECT_EQ(call.instance.variant, &variants[3]);
  ASSERT_EQ(attnc_select_cpu(&call.instance, "most", nullptr), ATTNC_OK);
  EXPECT_EQ(call.instance.variant, &variants[1]);
  EXPECT_EQ(attnc_select_cpu(&call.instance, "other", &call.error), ATTNC_ERROR_ARGUMENT);
  EXPECT_EQ(call.message(), "model 'toy' has no variant for CPU 'other'; it has most, least");
}

TEST_F(Buckets, SelectingOneThatIsNotThere) {
  ToyCall call(toy.model);
  EXPECT_EQ(attnc_select_bucket(&call.instance, 3, &call.error), ATTNC_ERROR_ARGUMENT);
  EXPECT_EQ(call.message(), "seq is 3; model 'toy' takes 2, 4");
  EXPECT_EQ(call.instance.variant, &variants[1]);
  EXPECT_EQ(attnc_select_bucket(nullptr, 4, &call.error), ATTNC_ERROR_ARGUMENT);
  EXPECT_EQ(call.message(), "the instance is not initialised: call attnc_init() and check its result");
  toy.model.num_buckets = 0;
  EXPECT_EQ(attnc_select_bucket(&call.instance, 4, &call.error), ATTNC_ERROR_ARGUMENT);
  EXPECT_EQ(call.message(), "model 'toy' was compiled for one extent of every dimension");
}

/// What attnc_run() checks before it writes goes by the bucket's shapes: a wrong index behind them is not looked at.
TEST_F(Buckets, ShapesAreThoseOfTheBucket) {
  ToyCall call(toy.model, 2);
  call.ids[5] = kLimit;
  EXPECT_EQ(call.run(), ATTNC_ERROR_INDEX);
  EXPECT_EQ(call.message(), "input_ids[1, 1] is 1000, outside [0, 1000)");
  ASSERT_EQ(attnc_select_bucket(&call.instance, kShort, nullptr), ATTNC_OK);
  EXPECT_EQ(call.run(), ATTNC_OK) << call.message();
  call.ids[3] = kLimit;
  EXPECT_EQ(call.run(), ATTNC_ERROR_INDEX);
  EXPECT_EQ(call.message(), "input_ids[1, 1] is 1000, outside [0, 1000)");
}

TEST_F(Buckets, TheWorkspaceIsEnoughForAll) {
  const size_t equal = attnc_workspace_size(&toy.model, 4, 2);
  variants[2].scratch_size += 1000;
  EXPECT_GE(attnc_workspace_size(&toy.model, 4, 2), equal + 2000);
}

} // namespace
} // namespace attnc::test
