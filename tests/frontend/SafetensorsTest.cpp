// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "frontend/Safetensors.h"

#include "tests/errors/safetensors/HostileFiles.h"
#include "tests/frontend/TemporaryDirectory.h"

#include <cstring>
#include <gtest/gtest.h>
#include <sys/stat.h>

namespace attnc {
namespace {

/// Writes the bytes to a file and opens it; what a valid file holds goes to `tensors`.
bool parses(const std::string &bytes, std::vector<TensorEntry> &tensors, std::string &error) {
  static const TemporaryDirectory directory;
  std::unique_ptr<SafetensorsFile> file = SafetensorsFile::open(directory.write("w.safetensors", bytes), error);
  if (file)
    tensors = file->entries();
  return file != nullptr;
}

/// A small file with two tensors of different types, an empty one, a scalar, and metadata.
std::string smallFile() {
  return hostile::file(R"({"__metadata__":{"format":"pt"},"b":{"dtype":"F32","shape":[2,1],"data_offsets":[0,8]},)"
                       R"("a":{"dtype":"I64","shape":[],"data_offsets":[8,16]},)"
                       R"("e":{"dtype":"BF16","shape":[0,3],"data_offsets":[8,8]}}  )",
                       16);
}

TEST(Safetensors, ReadsNamesTypesShapesAndData) {
  TemporaryDirectory directory;
  std::string bytes = hostile::file(R"({"b":{"dtype":"F32","shape":[2],"data_offsets":[4,12]},)"
                                    R"("a":{"data_offsets":[0,4],"shape":[],"dtype":"I32"}})");
  bytes += std::string("\x2A\0\0\0", 4) + std::string("\0\0\x80\x3F\0\0\0\xC0", 8);
  std::string error;
  auto file = SafetensorsFile::open(directory.write("w.safetensors", bytes), error);
  ASSERT_TRUE(file) << error;
  ASSERT_EQ(file->entries().size(), 2u);
  EXPECT_EQ(file->entries()[0].name, "a");
  const TensorEntry *b = file->find("b");
  ASSERT_TRUE(b);
  EXPECT_EQ(b->type, TensorType::F32);
  EXPECT_EQ(b->shape, std::vector<int64_t>{2});
  float values[2];
  ASSERT_TRUE(file->read(*b, values, error)) << error;
  EXPECT_EQ(values[0], 1.0f);
  EXPECT_EQ(values[1], -2.0f);
  int32_t scalar = 0;
  ASSERT_TRUE(file->read(*file->find("a"), &scalar, error)) << error;
  EXPECT_EQ(scalar, 42);
  EXPECT_EQ(file->find("c"), nullptr);
}

TEST(Safetensors, AcceptsWhatTheRulesAllow) {
  std::vector<TensorEntry> tensors;
  std::string error;
  EXPECT_TRUE(parses(smallFile(), tensors, error)) << error;
  EXPECT_TRUE(parses(hostile::file("{}"), tensors, error)) << error;
  EXPECT_TRUE(parses(hostile::file("{}       "), tensors, error)) << error;
  EXPECT_TRUE(parses(hostile::file("{\"__metadata__\":{\"a\":\"\"}}"), tensors, error)) << error;
  EXPECT_TRUE(parses(hostile::tensor("\"U8\"", "[0,4294967296]", "[0,0]", 0), tensors, error)) << error;
  EXPECT_TRUE(parses(hostile::tensor("\"F4\"", "[2]", "[0,1]", 1), tensors, error)) << error;
  EXPECT_TRUE(parses(hostile::tensor("\"F6_E3M2\"", "[4]", "[0,3]", 3), tensors, error)) << error;
  EXPECT_TRUE(parses(hostile::tensor("\"C64\"", "[1]", "[0,8]", 8), tensors, error)) << error;
  EXPECT_TRUE(parses(hostile::bytesAt({{2, 3}, {0, 2}}, 3), tensors, error)) << error;
  // Names mean nothing to the reader: no path, no format, no terminal sequence.
  ASSERT_TRUE(parses(hostile::file("{\"../%n\\u001b[2J\\ud83d\\ude00\":{\"dtype\":\"U8\",\"shape\":[0],"
                                   "\"data_offsets\":[0,0]}}"),
                     tensors, error))
      << error;
  EXPECT_EQ(tensors[0].name, "../%n\x1b[2J\xF0\x9F\x98\x80");
}

TEST(Safetensors, KnowsEveryType) {
  const std::pair<const char *, int> types[] = {
      {"BOOL", 8},    {"F4", 4},      {"F6_E2M3", 6}, {"F6_E3M2", 6}, {"U8", 8},   {"I8", 8},    {"F8_E5M2", 8},
      {"F8_E4M3", 8}, {"F8_E8M0", 8}, {"I16", 16},    {"U16", 16},    {"F16", 16}, {"BF16", 16}, {"I32", 32},
      {"U32", 32},    {"F32", 32},    {"I64", 64},    {"U64", 64},    {"F64", 64}, {"C64", 64}};
  for (auto [name, bits] : types) {
    std::vector<TensorEntry> tensors;
    std::string error;
    // Eight elements are `bits` bytes.
    EXPECT_TRUE(
        parses(hostile::tensor("\"" + std::string(name) + "\"", "[8]", "[0," + std::to_string(bits) + "]", bits),
               tensors, error))
        << error;
    ASSERT_EQ(tensors.size(), 1u);
    EXPECT_STREQ(tensorTypeName(tensors[0].type), name);
  }
}

TEST(Safetensors, RefusesEveryHostileFileByName) {
  std::vector<hostile::HostileFile> files = hostile::allFiles();
  EXPECT_GE(files.size(), 60u);
  for (const hostile::HostileFile &file : files) {
    std::vector<TensorEntry> tensors;
    std::string error;
    EXPECT_FALSE(parses(file.bytes, tensors, error)) << file.name;
    EXPECT_NE(error.find(file.message), std::string::npos) << file.name << ": " << error;
    EXPECT_LT(error.size(), 1000u) << file.name;
    EXPECT_NE(error.find("w.safetensors: "), std::string::npos) << file.name << ": " << error;
  }
}

TEST(Safetensors, NamesInMessagesCannotSteerTheTerminal) {
  std::vector<TensorEntry> tensors;
  std::string error;
  EXPECT_FALSE(parses(hostile::file("{\"\\u001b[2J\\u0007\":1}"), tensors, error));
  for (char c : error)
    EXPECT_GE(static_cast<unsigned char>(c), 0x20);
}

TEST(Safetensors, RefusesWhatIsNotARegularFile) {
  TemporaryDirectory directory;
  std::string error;
  EXPECT_FALSE(SafetensorsFile::open(directory.path("missing"), error));
  EXPECT_NE(error.find("missing: cannot be opened: No such file"), std::string::npos) << error;
  EXPECT_FALSE(SafetensorsFile::open(directory.path(), error));
  EXPECT_NE(error.find("is a directory, not a regular file"), std::string::npos) << error;
  ASSERT_EQ(::mkfifo(directory.path("fifo").c_str(), 0600), 0);
  EXPECT_FALSE(SafetensorsFile::open(directory.path("fifo"), error));
  EXPECT_NE(error.find("is a FIFO, not a regular file"), std::string::npos) << error;
  EXPECT_FALSE(SafetensorsFile::open("/dev/zero", error));
  EXPECT_NE(error.find("is a device, not a regular file"), std::string::npos) << error;
  EXPECT_FALSE(SafetensorsFile::open(std::string("a\0b", 3), error));
  EXPECT_NE(error.find("its name holds a NUL"), std::string::npos) << error;
}

TEST(Safetensors, FollowsSymbolicLinksToFiles) {
  TemporaryDirectory directory;
  std::string error;
  std::filesystem::create_symlink(directory.write("blob", smallFile()), directory.path("w.safetensors"));
  EXPECT_TRUE(SafetensorsFile::open(directory.path("w.safetensors"), error)) << error;
}

TEST(Safetensors, AFileThatShrinksAfterwardsIsAnError) {
  TemporaryDirectory directory;
  std::string error;
  auto file = SafetensorsFile::open(directory.write("w.safetensors", smallFile()), error);
  ASSERT_TRUE(file) << error;
  std::filesystem::resize_file(directory.path("w.safetensors"), smallFile().size() - 1);
  char data[8];
  EXPECT_FALSE(file->read(*file->find("a"), data, error));
  EXPECT_NE(error.find("bytes long when it was opened"), std::string::npos) << error;
}

/// Every file that the format allows in three small shapes: none, one and several tensors.
std::vector<std::string> smallFiles() {
  return {hostile::file("{}"), hostile::tensor("\"F32\"", "[1,2]", "[0,8]", 8), smallFile()};
}

TEST(Safetensors, TruncationAtEveryByteIsAnError) {
  for (const std::string &bytes : smallFiles())
    for (size_t length = 0; length < bytes.size(); ++length) {
      std::vector<TensorEntry> tensors;
      std::string error;
      EXPECT_FALSE(parses(bytes.substr(0, length), tensors, error)) << length << " bytes of " << bytes;
      EXPECT_FALSE(error.empty());
    }
}

/// A flipped bit may give another valid file: another name, or a type of the same size. Then every rule still holds.
TEST(Safetensors, EveryFlippedHeaderBitIsAnErrorOrAnotherValidFile) {
  for (const std::string &bytes : smallFiles()) {
    uint64_t headerBytes = 0;
    std::memcpy(&headerBytes, bytes.data(), 8);
    uint64_t dataBytes = bytes.size() - 8 - headerBytes;
    for (size_t bit = 0; bit < (8 + headerBytes) * 8; ++bit) {
      std::string flipped = bytes;
      flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ 1 << bit % 8);
      std::vector<TensorEntry> tensors;
      std::string error;
      if (!parses(flipped, tensors, error)) {
        EXPECT_FALSE(error.empty());
        continue;
      }
      EXPECT_GE(bit, 64u) << "no other length fits this header";
      uint64_t total = 0;
      for (const TensorEntry &entry : tensors) {
        EXPECT_LE(entry.end, dataBytes);
        total += entry.bytes();
      }
      EXPECT_EQ(total, dataBytes) << flipped;
    }
  }
}

TEST(Safetensors, ManyTensorsAreReadInOrder) {
  constexpr size_t count = 50000;
  std::vector<std::pair<uint64_t, uint64_t>> places;
  for (size_t i = 0; i < count; ++i)
    places.emplace_back(count - 1 - i, count - i);
  std::vector<TensorEntry> tensors;
  std::string error;
  ASSERT_TRUE(parses(hostile::bytesAt(places, count), tensors, error)) << error;
  ASSERT_EQ(tensors.size(), count);
  for (size_t i = 1; i < count; ++i)
    ASSERT_LT(tensors[i - 1].name, tensors[i].name);
}

} // namespace
} // namespace attnc
