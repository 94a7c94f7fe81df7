// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Files that break one rule of the safetensors format each, and the message that names it. Made here rather than kept
// as binary files, so that the broken rule can be read.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace attnc::hostile {

struct HostileFile {
  std::string name, bytes, message;
};

/// The eight bytes of a header's length.
inline std::string lengthBytes(uint64_t length) {
  std::string bytes;
  for (int i = 0; i < 8; ++i)
    bytes += static_cast<char>(length >> (8 * i));
  return bytes;
}

/// A file of this header and `dataBytes` bytes of data.
inline std::string file(const std::string &header, size_t dataBytes = 0) {
  return lengthBytes(header.size()) + header + std::string(dataBytes, '\x5A');
}

/// A file of one tensor "x" that is described by `members`.
inline std::string tensor(const std::string &members, size_t dataBytes = 0) {
  return file("{\"x\":{" + members + "}}", dataBytes);
}

inline std::string tensor(const std::string &dtype, const std::string &shape, const std::string &offsets,
                          size_t dataBytes) {
  return tensor("\"dtype\":" + dtype + ",\"shape\":" + shape + ",\"data_offsets\":" + offsets, dataBytes);
}

/// A file of tensors of type U8 and one dimension, each given by its offsets.
inline std::string bytesAt(const std::vector<std::pair<uint64_t, uint64_t>> &places, size_t dataBytes) {
  std::string header = "{";
  for (size_t i = 0; i < places.size(); ++i)
    header += (i ? ",\"t" : "\"t") + std::to_string(i) + "\":{\"dtype\":\"U8\",\"shape\":[" +
              std::to_string(places[i].second - places[i].first) + "],\"data_offsets\":[" +
              std::to_string(places[i].first) + "," + std::to_string(places[i].second) + "]}";
  return file(header + "}", dataBytes);
}

/// The length that is declared: limits, and numbers that wrap when eight is added or when they are made signed.
inline void addLengths(std::vector<HostileFile> &files) {
  for (size_t size : {0, 1, 7})
    files.push_back({"shorter than a length, " + std::to_string(size), std::string(size, '\0'),
                     "is " + std::to_string(size) + " bytes long; a safetensors file starts with the 8 bytes"});
  files.push_back({"no header", lengthBytes(0), "the header does not start with '{'"});
  files.push_back({"length past the end", lengthBytes(3) + "{}", "the header's length is 3, but only 2 bytes follow"});
  files.push_back({"length 2^26 past the end", lengthBytes(1u << 26) + "{}", "is 67108864, but only 2 bytes follow"});
  files.push_back({"length 100000000 past the end", lengthBytes(100000000) + "{}", "but only 2 bytes follow"});
  const uint64_t over[] = {100000001,         1u << 27,         1u << 31,         UINT32_MAX,
                           uint64_t(1) << 63, uint64_t(0) - 9u, uint64_t(0) - 8u, UINT64_MAX};
  for (uint64_t length : over)
    files.push_back({"length " + std::to_string(length), lengthBytes(length) + "{}",
                     "the header's length is " + std::to_string(length) + "; the limit is 100000000"});
}

/// What is not JSON, not UTF-8, or not an object.
inline void addSyntax(std::vector<HostileFile> &files) {
  const std::string notJson = "the header is not valid UTF-8 JSON at its byte ", noBrace = "does not start with '{'";
  files.push_back({"one brace", file("{"), notJson});
  files.push_back({"white space first", file(" {}"), noBrace});
  files.push_back({"byte order mark", file("\xEF\xBB\xBF{}"), noBrace});
  files.push_back({"array", file("[]"), noBrace});
  files.push_back({"string", file("\"x\""), noBrace});
  files.push_back({"null", file("null"), noBrace});
  files.push_back({"two objects", file("{}{}"), notJson});
  files.push_back({"comment", file("{/*x*/}"), notJson});
  files.push_back({"trailing comma", file("{\"__metadata__\":{},}"), notJson});
  files.push_back({"single quotes", file("{'x':1}"), notJson});
  files.push_back({"NUL after the object", file(std::string("{}\0", 3)), "the header holds a NUL at its byte 2"});
  files.push_back({"polyglot after a NUL", file(std::string("{}\0PK\3\4", 7)), "holds a NUL at its byte 2"});
  files.push_back({"NUL in a name", file(std::string("{\"a\0b\":1}", 9)), "holds a NUL at its byte 3"});
  files.push_back({"escaped NUL in a name", file("{\"a\\u0000b\":{}}"), "a tensor's name holds a NUL: \"a"});
  files.push_back({"invalid UTF-8", file("{\"\xFF\":{}}"), notJson});
  files.push_back({"overlong UTF-8", file("{\"\xC0\x80\":{}}"), notJson});
  files.push_back({"UTF-8 of a surrogate", file("{\"\xED\xA0\x80\":{}}"), notJson});
  files.push_back({"cut UTF-8", file("{\"\xE2\x82"), notJson});
  files.push_back({"lone surrogate", file("{\"\\ud800\":{}}"), notJson});
  files.push_back({"reversed surrogates", file("{\"\\udc00\\ud800\":{}}"), notJson});
  files.push_back({"line break in a name", file("{\"a\nb\":{}}"), notJson});
  files.push_back({"100000 arrays", file("{\"x\":" + std::string(100000, '[')), "must be an object, found an array"});
  std::string objects = "{";
  for (int i = 0; i < 100000; ++i)
    objects += "\"shape\":{";
  files.push_back(
      {"100000 objects", file(objects), "shape must be an array of non-negative integers, found an object"});
  files.push_back(
      {"1 MB name", file("{\"" + std::string(1 << 20, 'n') + "\":1}"), "nnn...\": the description must be"});
}

/// Members of the wrong kind, missing, unknown or repeated.
inline void addMembers(std::vector<HostileFile> &files) {
  const std::string rest = ",\"shape\":[1],\"data_offsets\":[0,1]";
  files.push_back(
      {"tensor is a number", file("{\"x\":1}"), "tensor \"x\": the description must be an object, found a number"});
  files.push_back({"tensor is null", file("{\"x\":null}"), "the description must be an object, found null"});
  files.push_back({"tensor is empty", file("{\"x\":{}}"), "tensor \"x\": dtype is missing"});
  files.push_back({"no dtype", tensor("\"shape\":[1],\"data_offsets\":[0,1]", 1), "tensor \"x\": dtype is missing"});
  files.push_back({"no shape", tensor("\"dtype\":\"U8\",\"data_offsets\":[0,1]", 1), "tensor \"x\": shape is missing"});
  files.push_back({"no offsets", tensor("\"dtype\":\"U8\",\"shape\":[1]", 1), "tensor \"x\": data_offsets is missing"});
  files.push_back({"unknown key", tensor("\"dtype\":\"U8\",\"stride\":[1]" + rest, 1), "unknown key \"stride\""});
  files.push_back(
      {"dtype twice", tensor("\"dtype\":\"U8\",\"dtype\":\"I8\"" + rest, 1), "tensor \"x\": dtype occurs twice"});
  files.push_back(
      {"shape twice", tensor("\"dtype\":\"U8\",\"shape\":[1]" + rest, 1), "tensor \"x\": shape occurs twice"});
  files.push_back({"offsets twice by escape", tensor("\"dtype\":\"U8\",\"d\\u0061ta_offsets\":[0,1]" + rest, 1),
                   "data_offsets occurs twice"});
  files.push_back({"unknown dtype", tensor("\"F31\"", "[1]", "[0,4]", 4), "tensor \"x\": dtype \"F31\" is unknown"});
  files.push_back({"dtype in lower case", tensor("\"f32\"", "[1]", "[0,4]", 4), "dtype \"f32\" is unknown"});
  files.push_back({"dtype is a number", tensor("32", "[1]", "[0,4]", 4), "dtype must be a string, found a number"});
  files.push_back({"dtype is a boolean", tensor("true", "[1]", "[0,4]", 4), "dtype must be a string, found a boolean"});
  files.push_back({"shape is a number", tensor("\"U8\"", "1", "[0,1]", 1),
                   "shape must be an array of non-negative integers, found a number"});
  files.push_back({"shape of strings", tensor("\"U8\"", "[\"1\"]", "[0,1]", 1),
                   "shape must be an array of non-negative integers, found a string"});
  files.push_back({"shape in shape", tensor("\"U8\"", "[[1]]", "[0,1]", 1), "found an array"});
  files.push_back({"65 dimensions",
                   tensor(
                       "\"U8\"",
                       "[1" +
                           [] {
                             std::string s;
                             for (int i = 0; i < 64; ++i)
                               s += ",1";
                             return s;
                           }() +
                           "]",
                       "[0,1]", 1),
                   "tensor \"x\": shape has more than 64 dimensions"});
  files.push_back({"no number in offsets", tensor("\"U8\"", "[1]", "[]", 1), "data_offsets holds 0 numbers, not two"});
  files.push_back({"one offset", tensor("\"U8\"", "[1]", "[1]", 1), "data_offsets holds 1 numbers, not two"});
  files.push_back({"three offsets", tensor("\"U8\"", "[1]", "[0,1,1]", 1), "data_offsets holds more than two numbers"});
  files.push_back({"offsets are an object", tensor("\"U8\"", "[1]", "{}", 1),
                   "data_offsets must be an array of two non-negative integers, found an object"});
  files.push_back({"metadata is an array", file("{\"__metadata__\":[]}"),
                   "__metadata__ must be an object of strings, found an array"});
  files.push_back(
      {"metadata is null", file("{\"__metadata__\":null}"), "__metadata__ must be an object of strings, found null"});
  files.push_back({"metadata of numbers", file("{\"__metadata__\":{\"a\":1}}"),
                   "__metadata__ must be an object of strings, found a number"});
  files.push_back({"metadata of objects", file("{\"__metadata__\":{\"a\":{}}}"),
                   "__metadata__ must be an object of strings, found an object"});
  files.push_back({"metadata twice", file("{\"__metadata__\":{},\"__metadata__\":{}}"), "__metadata__ occurs twice"});
  files.push_back({"metadata key twice", file("{\"__metadata__\":{\"a\":\"1\",\"\\u0061\":\"2\"}}"),
                   "__metadata__ has the key \"a\" twice"});
  const std::string one = "{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]}",
                    two = "{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[1,2]}";
  files.push_back({"name twice", file("{\"x\":" + one + ",\"x\":" + two + "}", 2), "tensor \"x\" occurs twice"});
  files.push_back(
      {"name twice by escape", file("{\"x\":" + one + ",\"\\u0078\":" + two + "}", 2), "tensor \"x\" occurs twice"});
}

/// Numbers that are not plain non-negative integers, and products that wrap.
inline void addNumbers(std::vector<HostileFile> &files) {
  const std::string shape = "shape must be an array of non-negative integers, found ";
  const std::string offsets = "data_offsets must be an array of two non-negative integers, found ";
  const std::string spelled = "a number with sign, fraction or exponent";
  auto shaped = [](const std::string &extent) { return tensor("\"U8\"", "[" + extent + "]", "[0,1]", 1); };
  files.push_back({"negative extent", shaped("-1"), shape + "a negative number"});
  files.push_back({"two negative extents", shaped("-1,-1"), shape + "a negative number"});
  files.push_back({"minus zero", shaped("-0"), shape + "a negative number"});
  files.push_back({"fraction", shaped("1.5"), shape + spelled});
  files.push_back({"fraction of zero", shaped("1.0"), shape + spelled});
  files.push_back({"exponent", shaped("1e0"), shape + spelled});
  files.push_back({"1e400", shaped("1e400"), shape + spelled});
  files.push_back({"-1e400", shaped("-1e400"), shape + spelled});
  files.push_back({"NaN", shaped("NaN"), "not valid UTF-8 JSON"});
  files.push_back({"leading zero", shaped("01"), "not valid UTF-8 JSON"});
  files.push_back({"plus sign", shaped("+1"), "not valid UTF-8 JSON"});
  files.push_back({"hexadecimal", shaped("0x1"), "not valid UTF-8 JSON"});
  files.push_back({"2^63", shaped("9223372036854775808"), "shape holds 9223372036854775808, which is over the limit"});
  files.push_back({"2^64", shaped("18446744073709551616"), shape + "a number over 64 bits"});
  files.push_back({"2^53+1 is not 2^53", tensor("\"U8\"", "[9007199254740993]", "[0,9007199254740992]", 1),
                   "end past the file's 1 bytes of data"});
  files.push_back({"negative offset", tensor("\"U8\"", "[1]", "[-1,0]", 1), offsets + "a negative number"});
  files.push_back({"fractional offset", tensor("\"U8\"", "[1]", "[0,1.0]", 1), offsets + spelled});
  files.push_back(
      {"offset 2^64", tensor("\"U8\"", "[1]", "[0,18446744073709551616]", 1), offsets + "a number over 64 bits"});
  files.push_back({"product 2^64", tensor("\"U8\"", "[4294967296,4294967296]", "[0,0]", 0),
                   "U8 of shape [4294967296, 4294967296] needs more than 2^64 bits"});
  files.push_back({"product wraps to one byte", tensor("\"U8\"", "[3,12297829382473034411]", "[0,1]", 1),
                   "over the limit of 2^63 - 1"});
  files.push_back({"bits wrap", tensor("\"F32\"", "[576460752303423488]", "[0,0]", 0), "needs more than 2^64 bits"});
  files.push_back({"product wraps, then zero", tensor("\"U8\"", "[4294967296,4294967296,0]", "[0,0]", 0),
                   "needs more than 2^64 bits"});
  files.push_back({"half a byte", tensor("\"F4\"", "[3]", "[0,1]", 1),
                   "F4 of shape [3] needs 12 bits, which is not a whole number of bytes"});
  files.push_back(
      {"six bits", tensor("\"F6_E2M3\"", "[2]", "[0,1]", 1), "needs 12 bits, which is not a whole number of bytes"});
}

/// Tensors that do not fill the data exactly.
inline void addLayout(std::vector<HostileFile> &files) {
  files.push_back({"too few bytes", tensor("\"F32\"", "[2, 2]", "[0,12]", 12),
                   "tensor \"x\": data_offsets [0, 12] hold 12 bytes, but F32 of shape [2, 2] needs 16"});
  files.push_back({"too many bytes", tensor("\"F32\"", "[]", "[0,8]", 8),
                   "data_offsets [0, 8] hold 8 bytes, but F32 of shape [] needs 4"});
  files.push_back(
      {"bytes of an empty tensor", tensor("\"F32\"", "[0]", "[0,4]", 4), "hold 4 bytes, but F32 of shape [0] needs 0"});
  files.push_back(
      {"end before begin", tensor("\"U8\"", "[1]", "[1,0]", 1), "data_offsets [1, 0] end before they begin"});
  files.push_back(
      {"end before begin, wrapping", tensor("\"U8\"", "[1]", "[18446744073709551615,0]", 1), "end before they begin"});
  files.push_back(
      {"past the end", tensor("\"U8\"", "[2]", "[0,2]", 1), "data_offsets [0, 2] end past the file's 1 bytes of data"});
  files.push_back(
      {"far past the end", tensor("\"U8\"", "[1]", "[0,18446744073709551615]", 1), "end past the file's 1 bytes"});
  files.push_back({"hole at the start", bytesAt({{1, 2}}, 2), "leave a hole: the tensor before ends at 0"});
  files.push_back({"hole in the middle", bytesAt({{0, 1}, {2, 3}}, 3),
                   "tensor \"t1\": data_offsets [2, 3] leave a hole: the tensor before ends at 1"});
  files.push_back({"overlap", bytesAt({{0, 2}, {1, 3}}, 3),
                   "tensor \"t1\": data_offsets [1, 3] overlap the tensor before, which ends at 2"});
  files.push_back({"the same bytes twice", bytesAt({{0, 2}, {0, 2}}, 2), "overlap the tensor before, which ends at 2"});
  files.push_back({"inside another", bytesAt({{0, 4}, {1, 3}}, 4), "overlap the tensor before, which ends at 4"});
  files.push_back({"trailing bytes", bytesAt({{0, 1}}, 2),
                   "the tensors end at byte 1 of the data, but the file has 2 bytes of data"});
  files.push_back({"data without tensors", file("{}", 1),
                   "the tensors end at byte 0 of the data, but the file has 1 bytes of data"});
}

inline std::vector<HostileFile> allFiles() {
  std::vector<HostileFile> files;
  addLengths(files);
  addSyntax(files);
  addMembers(files);
  addNumbers(files);
  addLayout(files);
  return files;
}

} // namespace attnc::hostile
