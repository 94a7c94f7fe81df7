// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "tools/run/TensorFiles.h"
#include "tests/frontend/TemporaryDirectory.h"

#include <gtest/gtest.h>

#include <sys/stat.h>

namespace attnc {
namespace {

Array makeArray(const std::string &name, attnc_dtype dtype, std::vector<int64_t> shape) {
  const size_t bytes = *byteSize(dtype, shape);
  Array array{name, dtype, std::move(shape), AlignedBytes(bytes)};
  for (size_t i = 0; i < bytes; ++i)
    array.data.data()[i] = dtype == ATTNC_BOOL ? i % 2 : static_cast<uint8_t>(37 * i + 1);
  return array;
}

class TensorFiles : public testing::Test {
protected:
  std::string openError(const std::string &path) {
    std::string error;
    EXPECT_EQ(TensorReader::open(path, error), nullptr);
    return error;
  }
  void writeAndRead(const std::string &path, const std::vector<const Array *> &arrays) {
    std::string bytes, error;
    ASSERT_TRUE(tensorBytes(path, arrays, bytes, error)) << error;
    const auto reader = TensorReader::open(directory.write(path, bytes), error);
    ASSERT_TRUE(reader) << error;
    EXPECT_EQ(reader->names().size(), arrays.size());
    for (const Array *array : arrays) {
      Array found;
      ASSERT_TRUE(reader->read(formatOf(path) == TensorFormat::Npy ? "" : array->name, found, error)) << error;
      EXPECT_EQ(found.dtype, array->dtype);
      EXPECT_EQ(found.shape, array->shape);
      ASSERT_EQ(found.data.size(), array->data.size());
      EXPECT_TRUE(std::equal(found.data.data(), found.data.data() + found.data.size(), array->data.data()));
    }
  }
  TemporaryDirectory directory;
};

TEST_F(TensorFiles, AreToldApartByTheirNames) {
  EXPECT_EQ(formatOf("a.npy"), TensorFormat::Npy);
  EXPECT_EQ(formatOf("a.b.npz"), TensorFormat::Npz);
  EXPECT_EQ(formatOf("dir/a.safetensors"), TensorFormat::Safetensors);
  for (const char *path : {"", "npy", ".npy", "a.npy.gz", "a.NPY", "a.bin"})
    EXPECT_EQ(formatOf(path), TensorFormat::Unknown) << path;
}

TEST_F(TensorFiles, KeepEveryDtype) {
  for (int dtype = ATTNC_F32; dtype <= ATTNC_U8; ++dtype) {
    const Array array = makeArray("x", static_cast<attnc_dtype>(dtype), {3, 5});
    writeAndRead("x.safetensors", {&array});
    if (dtype != ATTNC_BF16) {
      writeAndRead("x.npy", {&array});
      writeAndRead("x.npz", {&array});
    }
  }
}

TEST_F(TensorFiles, KeepSeveralArrays) {
  const Array bools = makeArray("flags", ATTNC_BOOL, {3}), floats = makeArray("y", ATTNC_F32, {2, 2}),
              scalar = makeArray("z", ATTNC_F64, {});
  for (const char *path : {"x.npz", "x.safetensors"})
    writeAndRead(path, {&bools, &floats, &scalar});
}

TEST_F(TensorFiles, NameTheFileInErrors) {
  const std::string missing = directory.path("missing");
  EXPECT_EQ(openError(missing + ".npy"), missing + ".npy: cannot be opened: No such file or directory");
  EXPECT_EQ(openError("x.txt"), "x.txt: not a .npy, .npz or .safetensors file by its name");
  const std::string broken = directory.write("x.npz", "hello");
  EXPECT_EQ(openError(broken), broken + ": this is not a .npz file, or it is incomplete");
  EXPECT_EQ(openError(directory.write("x.safetensors", "hello")).find(directory.path("x.safetensors")), 0u);
}

TEST_F(TensorFiles, NameTheArrayInErrors) {
  const Array array = makeArray("x", ATTNC_F32, {4});
  std::string bytes, error;
  Array found;
  ASSERT_TRUE(tensorBytes("a.npz", {&array}, bytes, error));
  bytes[bytes.find("PK\x01\x02") - 1] ^= 1;
  const std::string path = directory.write("a.npz", bytes);
  EXPECT_FALSE(TensorReader::open(path, error)->read("x", found, error));
  EXPECT_EQ(error, path + ": array \"x\": the checksum does not fit: the file is damaged");
  EXPECT_FALSE(TensorReader::open(path, error)->read("y", found, error));
  EXPECT_EQ(error, path + ": there is no array \"y\"");
  const std::string npy = directory.write("a.npy", "hello");
  EXPECT_FALSE(TensorReader::open(npy, error)->read("", found, error));
  EXPECT_EQ(error, npy + ": this is not a .npy file");
}

TEST_F(TensorFiles, RefuseTensorsThatNoInputTakes) {
  const std::string header = R"({"x":{"dtype":"U32","shape":[1],"data_offsets":[0,4]}})";
  const std::string path = directory.write("a.safetensors", std::string(1, static_cast<char>(header.size())) +
                                                                std::string(7, '\0') + header + std::string(4, '\0'));
  std::string error;
  Array found;
  const auto reader = TensorReader::open(path, error);
  ASSERT_TRUE(reader) << error;
  EXPECT_FALSE(reader->read("x", found, error));
  EXPECT_EQ(error, path + ": tensor \"x\" is U32, which no input can take");
  EXPECT_FALSE(reader->read("y", found, error));
  EXPECT_EQ(error, path + ": there is no tensor \"y\"");
}

TEST_F(TensorFiles, RefuseToWriteBfloatForNumPy) {
  const Array array = makeArray("x", ATTNC_BF16, {4});
  std::string bytes, error;
  for (const std::string path : {"a.npy", "a.npz"}) {
    EXPECT_FALSE(tensorBytes(path, {&array}, bytes, error));
    EXPECT_EQ(error, path + ": NumPy has no dtype bf16; write .safetensors");
  }
}

TEST_F(TensorFiles, RefuseFifos) {
  const std::string path = directory.path("fifo.npy");
  ASSERT_EQ(mkfifo(path.c_str(), 0600), 0);
  EXPECT_EQ(openError(path).find(path + ": "), 0u);
}

} // namespace
} // namespace attnc
