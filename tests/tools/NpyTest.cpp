// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "tools/run/Npy.h"
#include "tests/frontend/TemporaryDirectory.h"

#include <gtest/gtest.h>

namespace attnc {
namespace {

/// A file with this header and these bytes of data.
std::string npy(const std::string &dict, const std::string &data, int major = 1) {
  std::string bytes = "\x93NUMPY";
  bytes += static_cast<char>(major);
  bytes += '\0';
  for (int i = 0; i < (major == 1 ? 2 : 4); ++i)
    bytes += static_cast<char>(dict.size() >> (8 * i) & 0xFF);
  return bytes + dict + data;
}

class Npy : public testing::Test {
protected:
  /// Reads a file of these bytes; what went wrong, or nothing.
  std::string read(const std::string &bytes) {
    std::string error;
    auto file = RegularFile::open(directory.write("x.npy", bytes), error);
    if (!file || readNpy(*file, 0, file->size(), array, error))
      return error;
    return error.empty() ? "failed without a message" : error;
  }
  std::string readHeader(const std::string &dict) { return read(npy(dict, "")); }

  TemporaryDirectory directory;
  Array array;
};

const std::string two(8, '\0');

TEST_F(Npy, ReadsEachVersion) {
  for (int major : {1, 2, 3}) {
    const std::string data("\0\0\x80\x3F\0\0\0\xC0", 8);
    EXPECT_EQ(read(npy("{'descr': '<f4', 'fortran_order': False, 'shape': (1, 2), }   \n", data, major)), "");
    EXPECT_EQ(array.shape, (std::vector<int64_t>{1, 2}));
    EXPECT_EQ(array.as<float>()[0], 1.0f);
    EXPECT_EQ(array.as<float>()[1], -2.0f);
  }
}

TEST_F(Npy, ReadsEveryDtype) {
  const std::pair<const char *, attnc_dtype> dtypes[] = {{"<f4", ATTNC_F32},  {"<i4", ATTNC_I32}, {"<i8", ATTNC_I64},
                                                         {"|b1", ATTNC_BOOL}, {"<f8", ATTNC_F64}, {"<f2", ATTNC_F16},
                                                         {"|i1", ATTNC_I8},   {"|u1", ATTNC_U8}};
  for (const auto &[descr, dtype] : dtypes) {
    const std::string data(3 * attnc_dtype_size(dtype), '\0');
    EXPECT_EQ(read(npy("{\"shape\":(3,),\"fortran_order\":False,\"descr\":\"" + std::string(descr) + "\"}", data)), "");
    EXPECT_EQ(array.dtype, dtype);
    EXPECT_EQ(array.elements(), 3u);
  }
}

TEST_F(Npy, ReadsScalarsAndEmptyArrays) {
  EXPECT_EQ(read(npy("{'descr': '<f4', 'fortran_order': False, 'shape': (), }", std::string(4, '\0'))), "");
  EXPECT_TRUE(array.shape.empty());
  EXPECT_EQ(read(npy("{'descr': '<f4', 'fortran_order': False, 'shape': (0, 7), }", "")), "");
  EXPECT_EQ(array.elements(), 0u);
}

TEST_F(Npy, WritesWhatItReads) {
  const std::vector<std::vector<int64_t>> shapes = {{}, {3}, {2, 3}, {1, 0, 5}};
  for (const std::vector<int64_t> &shape : shapes) {
    Array written{"x", ATTNC_I32, shape, AlignedBytes(*byteSize(ATTNC_I32, shape))};
    for (size_t i = 0; i < written.elements(); ++i)
      written.as<int32_t>()[i] = static_cast<int32_t>(i * i);
    std::string error;
    std::string bytes = npyHeader(written, error);
    EXPECT_EQ(bytes.size() % 64, 0u);
    bytes.append(written.as<const char>(), written.data.size());
    EXPECT_EQ(read(bytes), "");
    EXPECT_EQ(array.shape, shape);
    EXPECT_TRUE(std::equal(array.data.data(), array.data.data() + array.data.size(), written.data.data()));
  }
}

TEST_F(Npy, HasNoBfloat) {
  std::string error;
  EXPECT_EQ(npyHeader(Array{"x", ATTNC_BF16, {0}, AlignedBytes(0)}, error), "");
  EXPECT_EQ(error, "NumPy has no dtype bf16; write .safetensors");
}

TEST_F(Npy, RefusesWhatIsNotNpy) {
  EXPECT_EQ(read(""), "this is not a .npy file");
  EXPECT_EQ(read("\x93NUMPY\x01"), "this is not a .npy file");
  EXPECT_EQ(read(std::string("\x93NUMPX\x01\0\0\0", 10)), "this is not a .npy file");
  EXPECT_EQ(read(std::string("\x93NUMPY\x04\0\0\0", 10)), "version 4.0 of the .npy format is not known");
  EXPECT_EQ(read(std::string("\x93NUMPY\x01\x01\0\0", 10)), "version 1.1 of the .npy format is not known");
}

TEST_F(Npy, RefusesWrongHeaderLengths) {
  EXPECT_EQ(read(std::string("\x93NUMPY\x01\0\x05\0{}", 12)), "the header has 5 bytes, but the file ends before");
  EXPECT_EQ(read(std::string("\x93NUMPY\x02\0\x05\0", 10)), "the header has 5 bytes, but the file ends before");
  EXPECT_EQ(read(std::string("\x93NUMPY\x02\0\xFF\xFF\xFF\xFF", 12)),
            "the header has 4294967295 bytes; at most 10000 are read");
}

TEST_F(Npy, RefusesHeadersThatAreNotTheDict) {
  EXPECT_EQ(readHeader(""), "the header is not a Python dict");
  EXPECT_EQ(readHeader("[1]"), "the header is not a Python dict");
  for (const char *dict : {"{", "{'descr'", "{'descr' '<f4'}", "{'descr': '<f4' 'shape': ()}", "{descr: 1}",
                           "{'fortran_order': False 'x'}"})
    EXPECT_EQ(readHeader(dict), "the header is not a Python dict of three entries") << dict;
  EXPECT_EQ(readHeader("{'descr': 4}"), "the header's descr is not a string");
  EXPECT_EQ(readHeader("{'descr': '<f4', 'shape': ()}"), "the header needs 'descr', 'fortran_order' and 'shape'");
  EXPECT_EQ(readHeader("{'what': 1}"), "the header has the unknown entry \"what\"");
  EXPECT_EQ(readHeader("{'descr': '<f4', 'descr': '<f4'}"), "the header has the entry \"descr\" twice");
  EXPECT_EQ(readHeader("{'fortran_order': 0}"), "the header's fortran_order is neither True nor False");
  EXPECT_EQ(readHeader("{'descr': '<f4', 'fortran_order': False, 'shape': ()} x"),
            "the header has text after its dict");
}

TEST_F(Npy, RefusesWhatItDoesNotSupport) {
  EXPECT_EQ(readHeader("{'descr': '>f4'}"), "big-endian data (\">f4\") is not supported; save it little-endian");
  EXPECT_EQ(readHeader("{'descr': '|O'}"), "dtype \"|O\" is not supported; float16, float32, float64, int8, uint8, "
                                           "int32, int64 and bool are");
  EXPECT_EQ(readHeader("{'descr': [('a', '<f4')]}"), "structured dtypes are not supported; save one plain array");
  EXPECT_EQ(readHeader("{'fortran_order': True}"),
            "the array is in Fortran order; save numpy.ascontiguousarray() of it");
  EXPECT_EQ(readHeader("{'shape': (1,1,1,1,1,1,1,1,1)}"), "the array has more than 8 dimensions");
}

TEST_F(Npy, RefusesShapesThatAreNotTuples) {
  EXPECT_EQ(readHeader("{'shape': 2}"), "the header's shape is not a tuple");
  for (const char *shape :
       {"(2)", "(-1,)", "(,)", "(2 3)", "(2,,3)", "(1.5,)", "(2", "(9223372036854775808,)", "(0x2,)"})
    EXPECT_EQ(readHeader("{'shape': " + std::string(shape) + "}"),
              "the header's shape is not a tuple of non-negative 64-bit integers")
        << shape;
}

TEST_F(Npy, RefusesDataOfAnotherSize) {
  const std::string dict = "{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }";
  EXPECT_EQ(read(npy(dict, two)), "");
  EXPECT_EQ(read(npy(dict, two.substr(1))), "dtype f32 and shape [2] need 8 bytes of data, found 7");
  EXPECT_EQ(read(npy(dict, two + "x")), "dtype f32 and shape [2] need 8 bytes of data, found 9");
  EXPECT_EQ(read(npy("{'descr': '<f4', 'fortran_order': False, 'shape': (4294967296, 4294967296), }", "")),
            "dtype f32 and shape [4294967296, 4294967296] need more than 2^64 bytes of data, found 0");
  EXPECT_EQ(read(npy("{'descr': '<f4', 'fortran_order': False, 'shape': (1099511627776,), }", "")),
            "dtype f32 and shape [1099511627776] need 4398046511104 bytes of data, found 0");
}

TEST_F(Npy, RefusesBoolsThatAreNeither) {
  EXPECT_EQ(read(npy("{'descr': '|b1', 'fortran_order': False, 'shape': (2,), }", "\x01\x02")),
            "a bool has the byte 2; 0 and 1 are valid");
}

/// Whatever is cut off or flipped, the reader says no or reads an array whose sizes fit.
TEST_F(Npy, SurvivesDamage) {
  const std::string good = npy("{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }", two);
  for (size_t size = 0; size < good.size(); ++size)
    EXPECT_NE(read(good.substr(0, size)), "") << size;
  for (size_t bit = 0; bit < 8 * (good.size() - two.size()); ++bit) {
    std::string bad = good;
    bad[bit / 8] = static_cast<char>(bad[bit / 8] ^ 1 << bit % 8);
    if (read(bad).empty()) {
      EXPECT_EQ(array.data.size(), two.size()) << bit;
    }
  }
}

} // namespace
} // namespace attnc
