// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Weights files: what is mapped, and what each file that does not fit is told.
#include "runtime/WeightsFile.h"
#include "TestModel.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <fstream>
#include <sys/stat.h>
#include <unistd.h>

using namespace attnc::test;

namespace {

struct WeightsFile : testing::Test {
  WeightsFile() {
    toy.model.weights_hash = attnc::rt::hashImage(call.scale.data(), toy.model.weights_image_size);
    const attnc::rt::WeightsFileHeader header =
        attnc::rt::weightsFileHeader("toy", toy.model.weights_image_size, toy.model.weights_hash);
    bytes.assign(reinterpret_cast<const char *>(&header), sizeof header);
    bytes.append(reinterpret_cast<const char *>(call.scale.data()), toy.model.weights_image_size);
  }
  ~WeightsFile() override {
    attnc_unmap_weights(&weights);
    unlink(path.c_str());
  }

  attnc_status map(const std::string &contents) {
    std::ofstream(path, std::ios::binary) << contents;
    return attnc_map_weights(&weights, &toy.model, path.c_str(), &error);
  }

  /// What the message says behind the path.
  std::string refused(const std::string &contents) {
    EXPECT_EQ(map(contents), ATTNC_ERROR_WEIGHTS);
    EXPECT_EQ(weights.mapping, nullptr);
    const std::string text = error.message, start = "weights file '" + path + "' ";
    return text.compare(0, start.size(), start) == 0 ? text.substr(start.size()) : text;
  }

  template <typename Value> std::string with(size_t offset, Value value) const {
    std::string changed = bytes;
    memcpy(&changed[offset], &value, sizeof value);
    return changed;
  }

  ToyModel toy;
  ToyCall call{toy.model};
  std::string path = testing::TempDir() + "attnc-weights-" + std::to_string(getpid()), bytes;
  attnc_weights weights{};
  attnc_instance instance{};
  attnc_error error{};
};

TEST_F(WeightsFile, IsMappedCheckedAndRun) {
  ASSERT_EQ(map(bytes), ATTNC_OK) << error.message;
  EXPECT_EQ(attnc_check_weights(&weights, &toy.model, &error), ATTNC_OK) << error.message;
  ASSERT_EQ(attnc_init(&call.instance, &toy.model, &weights, &error), ATTNC_OK) << error.message;
  EXPECT_EQ(reinterpret_cast<uintptr_t>(call.instance.weights) % ATTNC_ALIGNMENT, 0u);
  EXPECT_EQ(call.run(), ATTNC_OK) << call.message();
  EXPECT_EQ(call.y, expected(call));
  attnc_unmap_weights(&weights);
  EXPECT_EQ(weights.mapping, nullptr);
  attnc_unmap_weights(&weights);
  attnc_unmap_weights(nullptr);
}

TEST_F(WeightsFile, MayBeReplacedWhileItIsMapped) {
  ASSERT_EQ(map(bytes), ATTNC_OK) << error.message;
  const std::string other = path + ".next";
  std::ofstream(other) << "something else";
  ASSERT_EQ(rename(other.c_str(), path.c_str()), 0);
  EXPECT_EQ(attnc_check_weights(&weights, &toy.model, &error), ATTNC_OK) << error.message;
}

TEST_F(WeightsFile, Truncated) {
  const std::string is = std::to_string(bytes.size() - 1), needed = std::to_string(bytes.size());
  EXPECT_EQ(refused(bytes.substr(0, bytes.size() - 1)), "has " + is + " bytes instead of " + needed);
  EXPECT_EQ(refused(bytes + "x"), "has " + std::to_string(bytes.size() + 1) + " bytes instead of " + needed);
  for (size_t size : {size_t{0}, size_t{1}, sizeof(attnc::rt::WeightsFileHeader) - 1})
    EXPECT_EQ(refused(bytes.substr(0, size)), "is no weights file of attnc") << size;
}

TEST_F(WeightsFile, OtherFiles) {
  EXPECT_EQ(refused(with(0, 'A')), "is no weights file of attnc");
  EXPECT_EQ(refused(std::string(1000, '{')), "is no weights file of attnc");
  EXPECT_EQ(refused(with<uint32_t>(8, 7)), "is of version 7, this runtime reads version 1");
  EXPECT_EQ(refused(with<uint32_t>(12, 1u << 31)), "is of version 1, this runtime reads version 1");
}

TEST_F(WeightsFile, OfAnotherModel) {
  const std::string message = "does not belong to this object: it was made with another compilation, of model 'toy'; "
                              "take the one beside the object of 'toy'";
  EXPECT_EQ(refused(with<uint64_t>(16, UINT64_MAX)), message);
  EXPECT_EQ(refused(with<uint64_t>(24, 1)), message);
  toy.model.weights_hash ^= 1;
  EXPECT_EQ(refused(bytes), message);
}

TEST_F(WeightsFile, NameWithoutAnEnd) {
  std::string changed = with<uint64_t>(24, 1);
  memset(&changed[32], 'n', 96);
  EXPECT_NE(refused(changed).find("of model '" + std::string(40, 'n') + "'"), std::string::npos);
}

TEST_F(WeightsFile, ThatIsNone) {
  const std::string folder = testing::TempDir();
  EXPECT_EQ(attnc_map_weights(&weights, &toy.model, folder.c_str(), &error), ATTNC_ERROR_WEIGHTS);
  EXPECT_EQ(error.message, "weights file '" + folder + "' is not a regular file");
  EXPECT_EQ(attnc_map_weights(&weights, &toy.model, "/nonexistent/w", &error), ATTNC_ERROR_WEIGHTS);
  EXPECT_STREQ(error.message, "weights file '/nonexistent/w' cannot be opened: No such file or directory");
  ASSERT_EQ(mkfifo(path.c_str(), 0600), 0);
  EXPECT_EQ(attnc_map_weights(&weights, &toy.model, path.c_str(), &error), ATTNC_ERROR_WEIGHTS);
  EXPECT_EQ(error.message, "weights file '" + path + "' is not a regular file");
}

TEST_F(WeightsFile, Damaged) {
  for (size_t at : {sizeof(attnc::rt::WeightsFileHeader), bytes.size() / 2 + 64, bytes.size() - 1}) {
    std::string changed = bytes;
    changed[at] = static_cast<char>(changed[at] ^ 1);
    ASSERT_EQ(map(changed), ATTNC_OK) << error.message;
    EXPECT_EQ(attnc_check_weights(&weights, &toy.model, &error), ATTNC_ERROR_WEIGHTS) << at;
    EXPECT_STREQ(error.message, "the weights of model 'toy' are damaged: their hash is not the object's");
    attnc_unmap_weights(&weights);
  }
}

TEST_F(WeightsFile, IsNeededByItsObject) {
  EXPECT_EQ(attnc_init(&instance, &toy.model, nullptr, &error), ATTNC_ERROR_WEIGHTS);
  EXPECT_STREQ(error.message, "the weights of model 'toy' are in a file: map it (attnc_map_weights)");
  EXPECT_EQ(attnc_init(&instance, &toy.model, &call.weights, &error), ATTNC_ERROR_WEIGHTS);
  ASSERT_EQ(map(bytes), ATTNC_OK);
  toy.model.weights_hash ^= 1;
  EXPECT_EQ(attnc_init(&instance, &toy.model, &weights, &error), ATTNC_ERROR_WEIGHTS) << "mapped for another model";
  toy.model.weights_hash = 0;
  attnc_unmap_weights(&weights);
  EXPECT_EQ(map(bytes), ATTNC_ERROR_WEIGHTS);
  EXPECT_STREQ(error.message, "model 'toy' has no weights file; one is made by attnc --weights external");
}

TEST_F(WeightsFile, WrongCalls) {
  EXPECT_EQ(attnc_map_weights(nullptr, &toy.model, "x", &error), ATTNC_ERROR_ARGUMENT);
  EXPECT_EQ(attnc_map_weights(&weights, nullptr, "x", &error), ATTNC_ERROR_ARGUMENT);
  EXPECT_EQ(attnc_map_weights(&weights, &toy.model, nullptr, &error), ATTNC_ERROR_ARGUMENT);
  EXPECT_EQ(attnc_check_weights(nullptr, &toy.model, &error), ATTNC_ERROR_ARGUMENT);
  EXPECT_EQ(attnc_check_weights(&weights, &toy.model, &error), ATTNC_ERROR_WEIGHTS);
  toy.model.abi_version = 99;
  EXPECT_EQ(attnc_map_weights(&weights, &toy.model, "x", &error), ATTNC_ERROR_ABI);
}

TEST(ImageHash, SeesEveryByteAndTheLength) {
  std::string image(100, '\0');
  const uint64_t none = attnc::rt::hashImage(image.data(), image.size());
  EXPECT_NE(none, 0u);
  EXPECT_NE(none, attnc::rt::hashImage(image.data(), image.size() - 1));
  for (size_t at = 0; at < image.size(); ++at) {
    std::string changed = image;
    changed[at] = 1;
    EXPECT_NE(none, attnc::rt::hashImage(changed.data(), changed.size())) << at;
  }
  std::string swapped = image;
  swapped[0] = swapped[33] = 1;
  std::string other = image;
  other[1] = other[32] = 1;
  EXPECT_NE(attnc::rt::hashImage(swapped.data(), 100), attnc::rt::hashImage(other.data(), 100));
}

TEST(ImageHash, DoesNotDependOnTheParts) {
  std::string image;
  for (int i = 0; i < 203; ++i)
    image += static_cast<char>(i * 37);
  for (uint64_t size : {0, 1, 31, 32, 33, 203})
    for (uint64_t part : {1, 5, 31, 32, 33, 64, 100}) {
      attnc::rt::ImageHash hash(size);
      for (uint64_t at = 0; at < size; at += part)
        hash.add(&image[at], std::min(part, size - at));
      EXPECT_EQ(hash.finish(), attnc::rt::hashImage(image.data(), size)) << size << " in parts of " << part;
    }
}

} // namespace
