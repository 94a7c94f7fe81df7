// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "tools/run/Npy.h"

#include "frontend/Diagnostic.h"

#include <cstring>
#include <string_view>

static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "array data is little-endian and used as it is");

namespace attnc {
namespace {

constexpr std::string_view kMagic = "\x93NUMPY";
/// NumPy itself refuses longer headers unless told otherwise; a dict of three entries takes 200 bytes at most.
constexpr uint64_t kMaxHeader = 10000;

struct Descr {
  const char *text;
  attnc_dtype dtype;
};
constexpr Descr kDescrs[] = {{"<f4", ATTNC_F32}, {"<i4", ATTNC_I32}, {"<i8", ATTNC_I64}, {"|b1", ATTNC_BOOL},
                             {"<f8", ATTNC_F64}, {"<f2", ATTNC_F16}, {"|i1", ATTNC_I8},  {"|u1", ATTNC_U8}};

/// A parser of `{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }`, keys in any order, each once.
class HeaderParser {
public:
  HeaderParser(std::string_view text, Array &array, std::string &error) : text(text), array(array), error(error) {}

  bool parse() {
    if (!take("{"))
      return fail("the header is not a Python dict");
    while (!take("}")) {
      if (!entry())
        return false;
      if (!take(",") && next() != '}')
        return fail("the header is not a Python dict of three entries");
    }
    skipSpace();
    if (!text.empty())
      return fail("the header has text after its dict");
    if (!descr || !order || !shape)
      return fail("the header needs 'descr', 'fortran_order' and 'shape'");
    return true;
  }

private:
  bool fail(std::string message) {
    error = std::move(message);
    return false;
  }
  void skipSpace() { text.remove_prefix(std::min(text.find_first_not_of(" \n"), text.size())); }
  char next() {
    skipSpace();
    return text.empty() ? '\0' : text.front();
  }
  bool take(std::string_view token) {
    skipSpace();
    if (text.substr(0, token.size()) != token)
      return false;
    text.remove_prefix(token.size());
    return true;
  }
  bool string(std::string_view &value) {
    const char quote = next();
    const size_t end = quote == '\'' || quote == '"' ? text.find(quote, 1) : std::string_view::npos;
    if (end == std::string_view::npos)
      return false;
    value = text.substr(1, end - 1);
    text.remove_prefix(end + 1);
    return value.find('\\') == std::string_view::npos;
  }

  bool entry() {
    std::string_view key;
    if (!string(key) || !take(":"))
      return fail("the header is not a Python dict of three entries");
    bool *seen = key == "descr" ? &descr : key == "fortran_order" ? &order : key == "shape" ? &shape : nullptr;
    if (!seen)
      return fail("the header has the unknown entry " + inQuotes(key));
    if (*seen)
      return fail("the header has the entry " + inQuotes(key) + " twice");
    *seen = true;
    return seen == &descr ? parseDescr() : seen == &order ? parseOrder() : parseShape();
  }

  bool parseDescr() {
    if (next() == '[')
      return fail("structured dtypes are not supported; save one plain array");
    std::string_view value;
    if (!string(value))
      return fail("the header's descr is not a string");
    for (const Descr &known : kDescrs)
      if (value == known.text) {
        array.dtype = known.dtype;
        return true;
      }
    if (!value.empty() && value.front() == '>')
      return fail("big-endian data (" + inQuotes(value) + ") is not supported; save it little-endian");
    return fail("dtype " + inQuotes(value) +
                " is not supported; float16, float32, float64, int8, uint8, int32, int64 and bool are");
  }

  bool parseOrder() {
    if (take("False"))
      return true;
    if (take("True"))
      return fail("the array is in Fortran order; save numpy.ascontiguousarray() of it");
    return fail("the header's fortran_order is neither True nor False");
  }

  bool extent(int64_t &value) {
    skipSpace();
    size_t digits = 0;
    value = 0;
    for (; digits < text.size() && text[digits] >= '0' && text[digits] <= '9'; ++digits)
      if (__builtin_mul_overflow(value, 10, &value) || __builtin_add_overflow(value, text[digits] - '0', &value))
        return false;
    text.remove_prefix(digits);
    return digits > 0;
  }

  bool parseShape() {
    if (!take("("))
      return fail("the header's shape is not a tuple");
    bool comma = false;
    while (!take(")")) {
      int64_t value;
      if ((!array.shape.empty() && !comma) || !extent(value))
        return fail("the header's shape is not a tuple of non-negative 64-bit integers");
      if (array.shape.size() == ATTNC_MAX_RANK)
        return fail("the array has more than " + std::to_string(ATTNC_MAX_RANK) + " dimensions");
      array.shape.push_back(value);
      comma = take(",");
    }
    if (array.shape.size() == 1 && !comma)
      return fail("the header's shape is not a tuple of non-negative 64-bit integers");
    return true;
  }

  std::string_view text;
  Array &array;
  std::string &error;
  bool descr = false, order = false, shape = false;
};

/// Reads magic, version and header; `start` becomes the length of all that stands before the data.
bool readHeader(const RegularFile &file, uint64_t offset, uint64_t size, std::string &header, uint64_t &start,
                std::string &error) {
  uint8_t prefix[12] = {};
  if (!file.read(offset, prefix, std::min<uint64_t>(size, sizeof prefix), error))
    return false;
  if (size < 10 || std::memcmp(prefix, kMagic.data(), kMagic.size()) != 0) {
    error = "this is not a .npy file";
    return false;
  }
  const unsigned major = prefix[6], minor = prefix[7];
  if (major < 1 || major > 3 || minor != 0) {
    error = "version " + std::to_string(major) + "." + std::to_string(minor) + " of the .npy format is not known";
    return false;
  }
  start = major == 1 ? 10 : 12;
  uint64_t length = prefix[8] | uint64_t(prefix[9]) << 8;
  if (major > 1)
    length |= uint64_t(prefix[10]) << 16 | uint64_t(prefix[11]) << 24;
  if (length > kMaxHeader) {
    error = "the header has " + std::to_string(length) + " bytes; at most " + std::to_string(kMaxHeader) + " are read";
    return false;
  }
  if (size < start || length > size - start) {
    error = "the header has " + std::to_string(length) + " bytes, but the file ends before";
    return false;
  }
  header.resize(length);
  if (!file.read(offset + start, header.data(), length, error))
    return false;
  start += length;
  return true;
}

} // namespace

bool readNpy(const RegularFile &file, uint64_t offset, uint64_t size, Array &array, std::string &error) {
  std::string header;
  uint64_t start;
  array = Array{};
  if (!readHeader(file, offset, size, header, start, error) || !HeaderParser(header, array, error).parse())
    return false;
  const std::optional<size_t> bytes = byteSize(array.dtype, array.shape);
  if (!bytes || *bytes != size - start) {
    error = std::string("dtype ") + dtypeText(array.dtype) + " and shape " + shapeText(array.shape) + " need " +
            (bytes ? std::to_string(*bytes) : "more than 2^64") + " bytes of data, found " +
            std::to_string(size - start);
    return false;
  }
  array.data = AlignedBytes(*bytes);
  if (!file.read(offset + start, array.data.data(), *bytes, error))
    return false;
  const uint8_t *values = array.data.data();
  for (size_t i = 0; array.dtype == ATTNC_BOOL && i < *bytes; ++i)
    if (values[i] > 1) {
      error = "a bool has the byte " + std::to_string(values[i]) + "; 0 and 1 are valid";
      return false;
    }
  return true;
}

std::string npyHeader(const Array &array, std::string &error) {
  const char *descr = nullptr;
  for (const Descr &known : kDescrs)
    if (known.dtype == array.dtype)
      descr = known.text;
  if (!descr) {
    error = std::string("NumPy has no dtype ") + dtypeText(array.dtype) + "; write .safetensors";
    return "";
  }
  std::string shape;
  for (int64_t extent : array.shape)
    shape += std::to_string(extent) + ", ";
  if (array.shape.size() != 1)
    shape.resize(shape.size() - std::min<size_t>(shape.size(), 2));
  std::string dict = std::string("{'descr': '") + descr + "', 'fortran_order': False, 'shape': (" + shape + "), }";
  // The data starts at a multiple of 64 bytes, as NumPy writes it.
  const size_t before = kMagic.size() + 4;
  dict.append((64 - (before + dict.size() + 1) % 64) % 64, ' ');
  dict += '\n';
  std::string header(kMagic);
  header += '\x01';
  header += '\0';
  header += static_cast<char>(dict.size() & 0xFF);
  header += static_cast<char>(dict.size() >> 8);
  return header + dict;
}

} // namespace attnc
