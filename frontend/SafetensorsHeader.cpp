// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The header of a safetensors file. The grammar of JSON is nlohmann's; what may stand where is decided here event by
// event, so that an unexpected value stops the parser at once: depth never passes three, and nothing is stored but the
// tensors.
#include "frontend/Dims.h"
#include "frontend/Safetensors.h"

#include <algorithm>
#include <iterator>
#include <limits>
#include <nlohmann/json.hpp>
#include <tuple>

namespace attnc {
namespace {

struct TypeRow {
  const char *name;
  unsigned bits;
};

/// Indexed by TensorType.
constexpr TypeRow typeRows[] = {
    {"BOOL", 8},    {"F4", 4},      {"F6_E2M3", 6}, {"F6_E3M2", 6}, {"U8", 8},   {"I8", 8},    {"F8_E5M2", 8},
    {"F8_E4M3", 8}, {"F8_E8M0", 8}, {"I16", 16},    {"U16", 16},    {"F16", 16}, {"BF16", 16}, {"I32", 32},
    {"U32", 32},    {"F32", 32},    {"I64", 64},    {"U64", 64},    {"F64", 64}, {"C64", 64},
};
static_assert(std::size(typeRows) == static_cast<size_t>(TensorType::C64) + 1, "one row for each TensorType");

/// Turns the parser's events into tensors; the first event that breaks a rule sets `error` and stops the parser.
class HeaderReader : public nlohmann::json_sax<nlohmann::json> {
public:
  explicit HeaderReader(std::vector<TensorEntry> &tensors) : tensors(tensors) {}

  std::string error;

  bool null() override { return unexpected("null"); }
  bool boolean(bool) override { return unexpected("a boolean"); }
  bool binary(binary_t &) override { return unexpected("binary data"); }
  bool number_integer(number_integer_t) override { return unexpected("a negative number"); }
  bool number_float(number_float_t, const string_t &text) override {
    bool plain = text.find_first_not_of("0123456789") == std::string::npos;
    return unexpected(plain ? "a number over 64 bits" : "a number with sign, fraction or exponent");
  }

  bool number_unsigned(number_unsigned_t value) override {
    if (state == State::ShapeItem) {
      if (value > static_cast<uint64_t>(std::numeric_limits<int64_t>::max()))
        return fail("shape holds " + std::to_string(value) + ", which is over the limit of 2^63 - 1");
      if (entry.shape.size() == SafetensorsFile::maxRank)
        return fail("shape has more than " + std::to_string(SafetensorsFile::maxRank) + " dimensions");
      entry.shape.push_back(static_cast<int64_t>(value));
      return true;
    }
    if (state == State::OffsetItem) {
      if (offsetCount == 2)
        return fail("data_offsets holds more than two numbers");
      (offsetCount++ == 0 ? entry.begin : entry.end) = value;
      return true;
    }
    return unexpected("a number");
  }

  bool string(string_t &text) override {
    if (state == State::MetadataValue) {
      state = State::InMetadata;
      return true;
    }
    if (state != State::TypeValue)
      return unexpected("a string");
    for (size_t i = 0; i < std::size(typeRows); ++i)
      if (text == typeRows[i].name) {
        entry.type = static_cast<TensorType>(i);
        state = State::InTensor;
        return true;
      }
    return fail("dtype " + inQuotes(text) + " is unknown");
  }

  bool start_object(std::size_t) override {
    if (state == State::Start)
      state = State::Root;
    else if (state == State::TensorValue)
      state = State::InTensor;
    else if (state == State::MetadataObject)
      state = State::InMetadata;
    else
      return unexpected("an object");
    return true;
  }

  bool key(string_t &text) override {
    if (state == State::Root)
      return rootKey(text);
    if (state == State::InTensor)
      return tensorKey(text);
    metadataKeys.push_back(text);
    state = State::MetadataValue;
    return true;
  }

  bool end_object() override {
    if (state == State::InTensor) {
      if (seen != (SeenType | SeenShape | SeenOffsets))
        return fail(std::string(!(seen & SeenType)    ? "dtype"
                                : !(seen & SeenShape) ? "shape"
                                                      : "data_offsets") +
                    " is missing");
      tensors.push_back(std::move(entry));
      inTensor = false;
      state = State::Root;
    } else if (state == State::InMetadata) {
      state = State::Root;
      return metadataKeysDiffer();
    }
    return true;
  }

  bool start_array(std::size_t) override {
    if (state == State::ShapeValue)
      state = State::ShapeItem;
    else if (state == State::OffsetsValue)
      state = State::OffsetItem;
    else
      return unexpected("an array");
    return true;
  }

  bool end_array() override {
    if (state == State::OffsetItem && offsetCount != 2)
      return fail("data_offsets holds " + std::to_string(offsetCount) + " numbers, not two");
    state = State::InTensor;
    return true;
  }

  bool parse_error(std::size_t position, const std::string &, const nlohmann::detail::exception &problem) override {
    // out_of_range: a number such as 1e400, which is well-formed JSON.
    if (problem.id >= 400)
      return unexpected("a number with sign, fraction or exponent");
    return fail("the header is not valid UTF-8 JSON at its byte " + std::to_string(position));
  }

private:
  /// What the next event may be.
  enum class State {
    Start,
    Root,
    TensorValue,
    InTensor,
    TypeValue,
    ShapeValue,
    ShapeItem,
    OffsetsValue,
    OffsetItem,
    MetadataObject,
    InMetadata,
    MetadataValue
  };
  enum Seen : unsigned { SeenType = 1, SeenShape = 2, SeenOffsets = 4 };

  std::vector<TensorEntry> &tensors;
  State state = State::Start;
  TensorEntry entry;
  bool inTensor = false;
  unsigned seen = 0, offsetCount = 0;
  bool metadataSeen = false;
  std::vector<std::string> metadataKeys;

  bool fail(const std::string &reason) {
    error = inTensor ? "tensor " + inQuotes(entry.name) + ": " + reason : reason;
    return false;
  }

  bool unexpected(const char *found) {
    static const char *const expected[] = {
        "the header must be an object",
        "the header must be an object of tensors",
        "the description must be an object",
        "the description must have named members",
        "dtype must be a string",
        "shape must be an array of non-negative integers",
        "shape must be an array of non-negative integers",
        "data_offsets must be an array of two non-negative integers",
        "data_offsets must be an array of two non-negative integers",
        "__metadata__ must be an object of strings",
        "__metadata__ must be an object of strings",
        "__metadata__ must be an object of strings",
    };
    return fail(std::string(expected[static_cast<size_t>(state)]) + ", found " + found);
  }

  bool rootKey(const std::string &text) {
    if (text.find('\0') != std::string::npos)
      return fail("a tensor's name holds a NUL: " + inQuotes(text));
    if (text == "__metadata__") {
      if (metadataSeen)
        return fail("__metadata__ occurs twice");
      metadataSeen = true;
      state = State::MetadataObject;
      return true;
    }
    entry = TensorEntry();
    entry.name = text;
    inTensor = true;
    seen = offsetCount = 0;
    state = State::TensorValue;
    return true;
  }

  bool tensorKey(const std::string &text) {
    unsigned bit = text == "dtype" ? SeenType : text == "shape" ? SeenShape : text == "data_offsets" ? SeenOffsets : 0u;
    if (!bit)
      return fail("unknown key " + inQuotes(text) + "; the keys are dtype, shape and data_offsets");
    if (seen & bit)
      return fail(text + " occurs twice");
    seen |= bit;
    state = bit == SeenType ? State::TypeValue : bit == SeenShape ? State::ShapeValue : State::OffsetsValue;
    return true;
  }

  bool metadataKeysDiffer() {
    std::sort(metadataKeys.begin(), metadataKeys.end());
    auto twice = std::adjacent_find(metadataKeys.begin(), metadataKeys.end());
    return twice == metadataKeys.end() || fail("__metadata__ has the key " + inQuotes(*twice) + " twice");
  }
};

std::string offsetsText(const TensorEntry &entry) {
  return "data_offsets [" + std::to_string(entry.begin) + ", " + std::to_string(entry.end) + "]";
}

/// Why the tensor's bytes are not what its dtype and shape need; empty if they are.
std::string checkSize(const TensorEntry &entry) {
  uint64_t bits = typeRows[static_cast<size_t>(entry.type)].bits;
  bool overflow = false;
  for (int64_t extent : entry.shape)
    overflow |= __builtin_mul_overflow(bits, static_cast<uint64_t>(extent), &bits);
  if (!overflow && bits % 8 == 0 && bits / 8 == entry.bytes())
    return "";
  std::string what = std::string(tensorTypeName(entry.type)) + " of shape " + toString(entry.shape) + " needs ";
  if (overflow)
    return what + "more than 2^64 bits";
  if (bits % 8 != 0)
    return what + std::to_string(bits) + " bits, which is not a whole number of bytes";
  return offsetsText(entry) + " hold " + std::to_string(entry.bytes()) + " bytes, but " + what +
         std::to_string(bits / 8);
}

/// Why the tensor cannot be the one that follows the first `filled` bytes of the data; empty if it can.
std::string checkPlace(const TensorEntry &entry, uint64_t filled, uint64_t dataBytes) {
  if (entry.end < entry.begin)
    return offsetsText(entry) + " end before they begin";
  if (entry.begin < filled)
    return offsetsText(entry) + " overlap the tensor before, which ends at " + std::to_string(filled);
  if (entry.begin > filled)
    return offsetsText(entry) + " leave a hole: the tensor before ends at " + std::to_string(filled);
  if (entry.end > dataBytes)
    return offsetsText(entry) + " end past the file's " + std::to_string(dataBytes) + " bytes of data";
  return checkSize(entry);
}

/// Whether the tensors, taken by offset, fill `dataBytes` bytes exactly; sets `error` if not.
bool checkLayout(const std::vector<TensorEntry> &tensors, uint64_t dataBytes, std::string &error) {
  std::vector<const TensorEntry *> byOffset;
  byOffset.reserve(tensors.size());
  for (const TensorEntry &entry : tensors)
    byOffset.push_back(&entry);
  std::sort(byOffset.begin(), byOffset.end(), [](const TensorEntry *a, const TensorEntry *b) {
    return std::tie(a->begin, a->end, a->name) < std::tie(b->begin, b->end, b->name);
  });
  uint64_t filled = 0;
  for (const TensorEntry *entry : byOffset) {
    std::string reason = checkPlace(*entry, filled, dataBytes);
    if (!reason.empty()) {
      error = "tensor " + inQuotes(entry->name) + ": " + reason;
      return false;
    }
    filled = entry->end;
  }
  if (filled == dataBytes)
    return true;
  error = "the tensors end at byte " + std::to_string(filled) + " of the data, but the file has " +
          std::to_string(dataBytes) + " bytes of data";
  return false;
}

} // namespace

const char *tensorTypeName(TensorType type) { return typeRows[static_cast<size_t>(type)].name; }

bool parseSafetensorsHeader(std::string_view header, uint64_t dataBytes, std::vector<TensorEntry> &tensors,
                            std::string &error) {
  error.clear();
  tensors.clear();
  if (header.empty() || header.front() != '{') {
    error = "the header does not start with '{'";
    return false;
  }
  // The parser takes a NUL for the end of the text, so it must never see one.
  size_t nul = header.find('\0');
  if (nul != std::string_view::npos) {
    error = "the header holds a NUL at its byte " + std::to_string(nul);
    return false;
  }
  HeaderReader reader(tensors);
  if (!nlohmann::json::sax_parse(header.begin(), header.end(), &reader)) {
    error = reader.error;
    return false;
  }
  std::sort(tensors.begin(), tensors.end(), [](const TensorEntry &a, const TensorEntry &b) { return a.name < b.name; });
  auto twice = std::adjacent_find(tensors.begin(), tensors.end(),
                                  [](const TensorEntry &a, const TensorEntry &b) { return a.name == b.name; });
  if (twice != tensors.end()) {
    error = "tensor " + inQuotes(twice->name) + " occurs twice";
    return false;
  }
  return checkLayout(tensors, dataBytes, error);
}

} // namespace attnc
