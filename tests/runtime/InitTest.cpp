// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// attnc_init(): each reason to refuse, and what it says.
#include "TestModel.h"
#include "runtime/Cpu.h"

#include <gtest/gtest.h>

#include <cstring>

using namespace attnc::test;

namespace {

struct Init : testing::Test {
  attnc_status init(const attnc_weights *weights) { return attnc_init(&instance, &toy.model, weights, &error); }
  void expectFailure(attnc_status expected, attnc_status actual, const std::string &message) {
    EXPECT_EQ(actual, expected);
    EXPECT_EQ(error.status, expected);
    EXPECT_EQ(error.message, message);
    EXPECT_EQ(instance.model, nullptr);
    EXPECT_EQ(instance.variant, nullptr);
    EXPECT_EQ(instance.weights, nullptr);
  }

  ToyModel toy;
  ToyCall call{toy.model};
  attnc_instance instance = {&toy.model, toy.variants, &toy};
  attnc_error error = {ATTNC_ERROR_KERNEL, "left over"};
};

TEST_F(Init, SucceedsAndClearsTheError) {
  EXPECT_EQ(init(&call.weights), ATTNC_OK);
  EXPECT_EQ(error.status, ATTNC_OK);
  EXPECT_STREQ(error.message, "");
  EXPECT_EQ(instance.weights, call.image.data());
  EXPECT_EQ(memcmp(call.image.data(), call.scale.data(), kWidth * sizeof(float)), 0);
}

TEST_F(Init, WorksWithoutAnErrorStructure) {
  EXPECT_EQ(attnc_init(&instance, &toy.model, &call.weights, nullptr), ATTNC_OK);
  EXPECT_EQ(attnc_init(&instance, nullptr, &call.weights, nullptr), ATTNC_ERROR_ARGUMENT);
}

TEST_F(Init, InstanceIsNull) {
  EXPECT_EQ(attnc_init(nullptr, &toy.model, &call.weights, &error), ATTNC_ERROR_ARGUMENT);
  EXPECT_STREQ(error.message, "instance is NULL");
}

TEST_F(Init, ModelIsNull) {
  expectFailure(ATTNC_ERROR_ARGUMENT, attnc_init(&instance, nullptr, nullptr, &error), "model is NULL");
}

TEST_F(Init, OtherAbi) {
  attnc_model model;
  memset(&model, 0xff, sizeof model); // nothing but the version may be read
  model.abi_version = ATTNC_ABI_VERSION + 6;
  expectFailure(ATTNC_ERROR_ABI, attnc_init(&instance, &model, nullptr, &error),
                "the object was compiled for runtime ABI 14, this runtime has ABI 8; compile it with the attnc of this "
                "runtime");
}

TEST_F(Init, UnknownCpuFeature) {
  toy.variants[0].cpu_features = "warp9";
  expectFailure(ATTNC_ERROR_CPU, init(&call.weights),
                "model 'toy' for CPU 'least' needs warp9, which this CPU does not know");
}

TEST_F(Init, PrefixOfACpuFeatureIsUnknown) {
  toy.variants[0].cpu_features = "avx51";
  EXPECT_EQ(init(&call.weights), ATTNC_ERROR_CPU);
}

TEST_F(Init, AbsentCpuFeature) {
  std::string absent;
  for (const char *name : {"fma4", "xop", "sse4a", "avx512f"}) // no CPU has them all
    if (attnc::rt::cpuFeature(name, strlen(name)) == attnc::rt::CpuFeature::Absent)
      absent = name;
  if (absent.empty())
    GTEST_SKIP() << "no x86 CPU";
  const std::string features = " sse2  " + absent + " ";
  toy.variants[0].cpu_features = features.c_str();
  expectFailure(ATTNC_ERROR_CPU, init(&call.weights),
                "model 'toy' for CPU 'least' needs " + absent + ", which this CPU lacks");
}

TEST_F(Init, PresentCpuFeatures) {
#if defined(__x86_64__)
  toy.variants[0].cpu_features = " sse sse2  ";
#elif defined(__aarch64__)
  toy.variants[0].cpu_features = "neon";
#endif
  EXPECT_EQ(init(&call.weights), ATTNC_OK) << error.message;
}

TEST_F(Init, LongListsOfMissingFeaturesAreCut) {
  std::string features;
  for (int i = 0; i < 100; ++i)
    features += "feature" + std::to_string(i) + " ";
  toy.variants[0].cpu_features = features.c_str();
  EXPECT_EQ(init(&call.weights), ATTNC_ERROR_CPU);
  EXPECT_EQ(std::string(error.message).find("model 'toy' for CPU 'least' needs feature0 feature1 feature2 "), 0u);
}

struct Variants : Init {
  Variants() {
    toy.variants[0].cpu = "most";
    toy.variants[1].cpu = "least";
    toy.model.num_variants = 2;
  }
};

TEST_F(Variants, TheFirstThatFitsIsChosen) {
  EXPECT_EQ(init(&call.weights), ATTNC_OK);
  EXPECT_EQ(instance.variant, &toy.variants[0]);
  toy.variants[0].cpu_features = "warp9";
  EXPECT_EQ(init(&call.weights), ATTNC_OK);
  EXPECT_EQ(instance.variant, &toy.variants[1]);
}

TEST_F(Variants, NoneFits) {
  toy.variants[0].cpu_features = "warp9 warp10";
  toy.variants[1].cpu_features = "warp9";
  expectFailure(ATTNC_ERROR_CPU, init(&call.weights),
                "model 'toy' for CPU 'least' needs warp9, which this CPU does not know; it asks for the least of the "
                "model's variants");
}

TEST_F(Variants, OneIsSelected) {
  ASSERT_EQ(init(&call.weights), ATTNC_OK);
  const attnc_instance copy = instance;
  EXPECT_EQ(attnc_select_cpu(&instance, "least", &error), ATTNC_OK);
  EXPECT_EQ(instance.variant, &toy.variants[1]);
  EXPECT_EQ(copy.variant, &toy.variants[0]);
  EXPECT_EQ(attnc_select_cpu(&instance, "most", nullptr), ATTNC_OK);
  EXPECT_EQ(instance.variant, &toy.variants[0]);
}

TEST_F(Variants, SelectingOneThatDoesNotFit) {
  toy.variants[0].cpu_features = "warp9";
  ASSERT_EQ(init(&call.weights), ATTNC_OK);
  EXPECT_EQ(attnc_select_cpu(&instance, "most", &error), ATTNC_ERROR_CPU);
  EXPECT_STREQ(error.message, "model 'toy' for CPU 'most' needs warp9, which this CPU does not know");
  EXPECT_EQ(instance.variant, &toy.variants[1]);
}

TEST_F(Variants, SelectingOneThatIsNotThere) {
  ASSERT_EQ(init(&call.weights), ATTNC_OK);
  EXPECT_EQ(attnc_select_cpu(&instance, "leas", &error), ATTNC_ERROR_ARGUMENT);
  EXPECT_STREQ(error.message, "model 'toy' has no variant for CPU 'leas'; it has most, least");
  EXPECT_EQ(instance.variant, &toy.variants[0]);
}

TEST_F(Variants, SelectingBeforeInit) {
  instance = {};
  EXPECT_EQ(attnc_select_cpu(&instance, "most", &error), ATTNC_ERROR_ARGUMENT);
  EXPECT_EQ(attnc_select_cpu(nullptr, "most", &error), ATTNC_ERROR_ARGUMENT);
  EXPECT_STREQ(error.message, "the instance is not initialised: call attnc_init() and check its result");
  ASSERT_EQ(init(&call.weights), ATTNC_OK);
  EXPECT_EQ(attnc_select_cpu(&instance, nullptr, &error), ATTNC_ERROR_ARGUMENT);
  EXPECT_STREQ(error.message, "cpu is NULL");
}

TEST_F(Init, NoWeightsHandedOver) {
  expectFailure(ATTNC_ERROR_WEIGHTS, init(nullptr),
                "model 'toy' has no weights embedded and none are handed over (it has 1)");
}

TEST_F(Init, ImageIsNull) {
  call.weights.image = nullptr;
  expectFailure(ATTNC_ERROR_ARGUMENT, init(&call.weights), "weights->image is NULL; model 'toy' needs 148 bytes");
}

TEST_F(Init, ImageIsTooSmall) {
  call.weights.image_size = 147;
  expectFailure(ATTNC_ERROR_WEIGHTS, init(&call.weights), "weights->image has 147 bytes; model 'toy' needs 148");
}

TEST_F(Init, ImageIsMisaligned) {
  Aligned larger(512);
  call.weights.image = larger.data() + 32;
  expectFailure(ATTNC_ERROR_ARGUMENT, init(&call.weights), "weights->image is not aligned to 64 bytes");
}

TEST_F(Init, ItemsAreNull) {
  call.weights.items = nullptr;
  expectFailure(ATTNC_ERROR_ARGUMENT, init(&call.weights), "weights->items is NULL, but weights->count is 1");
}

TEST_F(Init, ItemWithoutName) {
  call.item.name = nullptr;
  expectFailure(ATTNC_ERROR_ARGUMENT, init(&call.weights), "weights->items[0].name is NULL");
}

TEST_F(Init, MissingWeight) {
  call.item.name = "layer.scales";
  expectFailure(ATTNC_ERROR_WEIGHTS, init(&call.weights), "weight 'layer.scale' is missing; expected f32 [37]");
}

TEST_F(Init, NoItems) {
  call.weights.count = 0;
  call.weights.items = nullptr;
  expectFailure(ATTNC_ERROR_WEIGHTS, init(&call.weights), "weight 'layer.scale' is missing; expected f32 [37]");
}

TEST_F(Init, OtherDtype) {
  call.item.dtype = ATTNC_BF16;
  expectFailure(ATTNC_ERROR_WEIGHTS, init(&call.weights), "weight 'layer.scale' is bf16 [37]; expected f32 [37]");
}

TEST_F(Init, NoDtype) {
  call.item.dtype = static_cast<attnc_dtype>(12);
  expectFailure(ATTNC_ERROR_WEIGHTS, init(&call.weights), "weight 'layer.scale' is ? [37]; expected f32 [37]");
}

TEST_F(Init, OtherShape) {
  call.item.shape[0] = 38;
  expectFailure(ATTNC_ERROR_WEIGHTS, init(&call.weights), "weight 'layer.scale' is f32 [38]; expected f32 [37]");
}

TEST_F(Init, OtherRank) {
  call.item.rank = 2;
  call.item.shape[1] = 1;
  expectFailure(ATTNC_ERROR_WEIGHTS, init(&call.weights), "weight 'layer.scale' is f32 [37, 1]; expected f32 [37]");
}

TEST_F(Init, RankOutOfRange) {
  call.item.rank = 9;
  expectFailure(ATTNC_ERROR_WEIGHTS, init(&call.weights), "weight 'layer.scale' is f32 of rank 9; expected f32 [37]");
  call.item.rank = -1;
  instance.model = nullptr;
  expectFailure(ATTNC_ERROR_WEIGHTS, init(&call.weights), "weight 'layer.scale' is f32 of rank -1; expected f32 [37]");
}

TEST_F(Init, WeightWithoutData) {
  call.item.data = nullptr;
  expectFailure(ATTNC_ERROR_WEIGHTS, init(&call.weights), "the data of weight 'layer.scale' is NULL");
}

TEST_F(Init, FailureLeavesTheImageUntouched) {
  memset(call.image.data(), 0x5a, call.image.size());
  call.item.data = nullptr;
  EXPECT_EQ(init(&call.weights), ATTNC_ERROR_WEIGHTS);
  for (size_t i = 0; i < call.image.size(); ++i)
    ASSERT_EQ(call.image.data()[i], 0x5a);
}

TEST_F(Init, BytesThatNoStepWritesAreZero) {
  Aligned larger(256);
  memset(larger.data(), 0x5a, 256);
  toy.model.weights_image_size = 200;
  call.weights.image = larger.data();
  call.weights.image_size = 256;
  ASSERT_EQ(init(&call.weights), ATTNC_OK);
  for (size_t i = 148; i < 200; ++i)
    ASSERT_EQ(larger.data()[i], 0) << i;
  EXPECT_EQ(larger.data()[200], 0x5a) << "beyond the image";
}

TEST_F(Init, EmbeddedWeights) {
  toy.model.weights_image = call.scale.data();
  EXPECT_EQ(init(nullptr), ATTNC_OK);
  EXPECT_EQ(instance.weights, call.scale.data());
}

TEST_F(Init, ModelWithoutWeights) {
  toy.model.num_weights = toy.model.num_pack_steps = 0;
  toy.model.weights_image_size = 0;
  EXPECT_EQ(init(nullptr), ATTNC_OK);
  EXPECT_EQ(instance.weights, nullptr);
}

TEST_F(Init, ExtraWeightsAndAnyOrder) {
  constexpr int32_t count = 2000;
  std::vector<std::string> names;
  for (int32_t i = 0; i < count; ++i)
    names.push_back("weight." + std::to_string(i));
  std::vector<float> values(count);
  std::vector<attnc_tensor_info> infos(count, attnc_tensor_info{});
  std::vector<attnc_weight> items(count + 1, call.item);
  std::vector<attnc_pack_step> steps(count, attnc_pack_step{});
  for (int32_t i = 0; i < count; ++i) {
    values[i] = static_cast<float>(i);
    infos[i] = {names[i].c_str(), ATTNC_F32, 0, {}, 0, 0, 0};
    items[(i * 7 + 3) % count] = {names[i].c_str(), ATTNC_F32, 0, {}, &values[i]};
    steps[i] = {i, ATTNC_PACK_COPY, 0, 1, 1, 1, 1, uint64_t{ATTNC_ALIGNMENT} * i, 0, 0, 0};
  }
  Aligned image(ATTNC_ALIGNMENT * count);
  toy.model.num_weights = toy.model.num_pack_steps = count;
  toy.model.weights = infos.data();
  toy.model.pack_steps = steps.data();
  toy.model.weights_image_size = image.size();
  const attnc_weights weights = {items.data(), items.size(), image.data(), image.size(), nullptr, 0};
  ASSERT_EQ(init(&weights), ATTNC_OK) << error.message;
  for (int32_t i = 0; i < count; ++i)
    ASSERT_EQ(*reinterpret_cast<float *>(image.data() + ATTNC_ALIGNMENT * i), values[i]);
}

TEST_F(Init, MessagesStayOnOneLineAndInBounds) {
  std::string name = "evil\n\x1b[31m" + std::string(1000, 'x');
  toy.weights[0].name = name.c_str();
  EXPECT_EQ(init(&call.weights), ATTNC_ERROR_WEIGHTS);
  EXPECT_EQ(std::string(error.message).rfind("weight 'evil??[31mxxx", 0), 0u) << error.message;
  EXPECT_NE(std::string(error.message).find("expected f32 [37]"), std::string::npos) << error.message;
  for (int32_t axis = 0; axis < ATTNC_MAX_RANK; ++axis)
    call.item.shape[axis] = INT64_MIN;
  toy.weights[0].name = "layer.scale";
  call.item.rank = ATTNC_MAX_RANK;
  EXPECT_EQ(init(&call.weights), ATTNC_ERROR_WEIGHTS);
  EXPECT_NE(std::string(error.message).find("-9223372036854775808, "), std::string::npos);
}

TEST(Status, Names) {
  const char *const names[] = {"ok",        "argument", "abi",     "cpu",    "weights",
                               "workspace", "index",    "threads", "kernel", "mask"};
  for (int status = ATTNC_OK; status <= ATTNC_ERROR_MASK; ++status)
    EXPECT_STREQ(attnc_status_name(static_cast<attnc_status>(status)), names[status]);
  EXPECT_STREQ(attnc_status_name(static_cast<attnc_status>(12)), "unknown");
}

TEST(Dtype, Sizes) {
  const size_t sizes[] = {4, 4, 8, 1, 8, 2, 2, 1, 1};
  for (int dtype = ATTNC_F32; dtype <= ATTNC_U8; ++dtype)
    EXPECT_EQ(attnc_dtype_size(static_cast<attnc_dtype>(dtype)), sizes[dtype]);
  EXPECT_EQ(attnc_dtype_size(static_cast<attnc_dtype>(9)), 0u);
}

} // namespace
