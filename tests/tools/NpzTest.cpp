// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "tools/run/Npz.h"
#include "tests/frontend/TemporaryDirectory.h"

#include <gtest/gtest.h>

namespace attnc {
namespace {

Array makeArray(const std::string &name, std::vector<int64_t> shape) {
  const size_t bytes = *byteSize(ATTNC_F32, shape);
  Array array{name, ATTNC_F32, std::move(shape), AlignedBytes(bytes)};
  for (size_t i = 0; i < array.elements(); ++i)
    array.as<float>()[i] = static_cast<float>(i) + 0.5f;
  return array;
}

class Npz : public testing::Test {
protected:
  Npz() {
    std::string error;
    EXPECT_TRUE(npzBytes({&first, &second}, good, error)) << error;
    directoryStart = good.find("PK\x01\x02");
    secondHeader = good.find("PK\x03\x04", 1);
  }

  /// Reads an archive of these bytes with all its members; what went wrong, or nothing.
  std::string read(const std::string &bytes) {
    std::string error;
    auto file = RegularFile::open(directory.write("x.npz", bytes), error);
    std::vector<NpzMember> members;
    arrays.clear();
    if (!file || !readNpzDirectory(*file, members, error))
      return error;
    for (const NpzMember &member : members)
      if (!readNpzMember(*file, member, arrays.emplace_back(), error))
        return error;
    return "";
  }
  /// The good archive with other bytes at `offset`.
  std::string with(size_t offset, const std::string &bytes) const {
    std::string changed = good;
    return changed.replace(offset, bytes.size(), bytes);
  }

  const Array first = makeArray("first", {2, 3}), second = makeArray("second", {4});
  TemporaryDirectory directory;
  std::string good;
  size_t directoryStart, secondHeader;
  std::vector<Array> arrays;
};

TEST_F(Npz, ReadsWhatItWrites) {
  ASSERT_EQ(read(good), "");
  ASSERT_EQ(arrays.size(), 2u);
  EXPECT_EQ(arrays[0].name, "first");
  EXPECT_EQ(arrays[0].shape, first.shape);
  EXPECT_EQ(arrays[1].name, "second");
  EXPECT_EQ(arrays[1].as<float>()[3], 3.5f);
}

TEST_F(Npz, ReadsAnEmptyArchive) {
  std::string bytes, error;
  ASSERT_TRUE(npzBytes({}, bytes, error));
  EXPECT_EQ(read(bytes), "");
  EXPECT_TRUE(arrays.empty());
}

TEST_F(Npz, ReadsPastAComment) {
  std::string commented = good + "PK\x05\x06 hi";
  commented[good.size() - 2] = 7;
  EXPECT_EQ(read(commented), "");
  EXPECT_EQ(arrays.size(), 2u);
}

TEST_F(Npz, RefusesWhatIsNotAnArchive) {
  const std::string message = "this is not a .npz file, or it is incomplete";
  EXPECT_EQ(read(""), message);
  EXPECT_EQ(read("hello"), message);
  EXPECT_EQ(read(std::string(100000, 'P')), message);
  EXPECT_EQ(read(good + "x"), message);
  for (size_t size = 0; size < good.size(); ++size)
    EXPECT_EQ(read(good.substr(0, size)), message) << size;
}

TEST_F(Npz, RefusesWhatItDoesNotSupport) {
  EXPECT_EQ(read(with(directoryStart + 10, std::string("\x08\0", 2))),
            "member \"first.npy\" is compressed; save it with numpy.savez, not numpy.savez_compressed");
  EXPECT_EQ(read(with(directoryStart + 8, "\x01")), "member \"first.npy\" is encrypted");
  EXPECT_EQ(read(with(directoryStart + 46, "first.txt")), "member \"first.txt\" is not a .npy file");
  EXPECT_EQ(read(with(good.size() - 18, "\x01")), "archives of several parts are not supported");
  const std::string large = "archives of 4 GiB and more are not supported; use .safetensors";
  EXPECT_EQ(read(with(good.size() - 6, "\xFF\xFF\xFF\xFF")), large);
  EXPECT_EQ(read(with(directoryStart + 24, "\xFF\xFF\xFF\xFF")), large);
}

TEST_F(Npz, RefusesADirectoryThatIsElsewhere) {
  const std::string message = "the archive's directory is not where its end record says";
  EXPECT_EQ(read("x" + good), message);
  EXPECT_EQ(read(with(good.size() - 6, std::string("\0\0\0\0", 4))), message);
}

TEST_F(Npz, RefusesABrokenDirectory) {
  const std::string message = "the archive's directory is broken";
  EXPECT_EQ(read(with(directoryStart, "XX")), message);
  EXPECT_EQ(read(with(directoryStart + 28, "\xFF\xFF")), message);
  EXPECT_EQ(read(with(good.size() - 14, std::string("\x01\0\x01\0", 4))), message); // one entry less than there are
  EXPECT_EQ(read(with(good.size() - 14, std::string("\x03\0\x03\0", 4))), message);
}

TEST_F(Npz, RefusesMembersThatDoNotFitTheirHeaders) {
  const std::string differs = "member \"first.npy\" has another header than the archive's directory says";
  EXPECT_EQ(read(with(0, "XX")), differs);
  EXPECT_EQ(read(with(30, "other.npy")), differs);
  EXPECT_EQ(read(with(26, "\x01")), differs);
  const std::string outside = "member \"first.npy\" lies outside the archive";
  EXPECT_EQ(read(with(directoryStart + 42, "\xFE\xFF\xFF\xFF")), outside);
  EXPECT_EQ(read(with(28, "\xFF\xFF")), outside);
  EXPECT_EQ(read(with(directoryStart + 20, "\xFE\xFF\xFF\xFE\xFE\xFF\xFF\xFE")), outside);
  EXPECT_EQ(read(with(directoryStart + 20, "\x01")), "member \"first.npy\" is stored, but has two sizes");
}

/// A small file could otherwise stand for any amount of memory.
TEST_F(Npz, RefusesOverlap) {
  const size_t sizes = directoryStart + 20;
  std::string overlapping = good;
  const auto size = static_cast<char>(static_cast<unsigned char>(good[sizes]) + 1);
  overlapping[sizes] = overlapping[sizes + 4] = size;
  EXPECT_EQ(read(overlapping), "members of the archive overlap");
}

TEST_F(Npz, RefusesTwoMembersOfOneName) {
  const Array other = makeArray("first", {4});
  std::string bytes, error;
  ASSERT_TRUE(npzBytes({&first, &other}, bytes, error));
  EXPECT_EQ(read(bytes), "array \"first\" is in the archive twice");
}

TEST_F(Npz, RefusesDamagedData) {
  EXPECT_EQ(read(with(secondHeader - 1, "x")), "the checksum does not fit: the file is damaged");
}

TEST_F(Npz, SurvivesFlippedBits) {
  for (size_t bit = 0; bit < 8 * good.size(); ++bit) {
    std::string bad = good;
    bad[bit / 8] = static_cast<char>(bad[bit / 8] ^ 1 << bit % 8);
    if (!read(bad).empty())
      continue;
    for (const Array &array : arrays)
      EXPECT_EQ(byteSize(array.dtype, array.shape), array.data.size()) << bit;
  }
}

} // namespace
} // namespace attnc
