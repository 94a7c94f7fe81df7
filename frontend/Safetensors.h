// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Reader of the safetensors format. A file is treated as hostile: every size is checked before it is used, and a file
// is either read exactly as the reference rules say or refused with a message that names the tensor and both numbers.
//
// The rules: eight bytes hold the header's length, little-endian; the header is at most 100,000,000 bytes, lies inside
// the file, and is a UTF-8 JSON object that starts with '{'. Each member is a tensor with exactly the keys dtype,
// shape and data_offsets, or `__metadata__`, an object of strings. No key occurs twice, escapes included. Sizes are
// plain non-negative integers. Tensors ordered by offset fill the rest of the file from its first to its last byte,
// with no overlap and no hole; each holds exactly the bytes that its dtype and shape need. Names are any Unicode text
// without NUL; a tensor has at most 64 dimensions.
#pragma once

#include "frontend/RegularFile.h"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace attnc {

/// The element types of the safetensors format.
enum class TensorType : uint8_t {
  BOOL,
  F4,
  F6_E2M3,
  F6_E3M2,
  U8,
  I8,
  F8_E5M2,
  F8_E4M3,
  F8_E8M0,
  I16,
  U16,
  F16,
  BF16,
  I32,
  U32,
  F32,
  I64,
  U64,
  F64,
  C64
};

/// The name of `type` as it stands in the file.
const char *tensorTypeName(TensorType type);

/// One tensor of a file: what the header says about it.
struct TensorEntry {
  std::string name;
  TensorType type = TensorType::F32;
  std::vector<int64_t> shape;
  /// The bytes [begin, end) of the file's data section.
  uint64_t begin = 0, end = 0;

  uint64_t bytes() const { return end - begin; }
};

/// An open safetensors file whose header has been checked completely. The data is read on request, tensor by tensor,
/// so that a model that needs a few tensors of a large file does not pay for the rest.
class SafetensorsFile {
public:
  /// The longest header that is read.
  static constexpr uint64_t maxHeaderBytes = 100'000'000;
  /// The most dimensions that a tensor may have.
  static constexpr size_t maxRank = 64;

  /// Opens and checks the file at `path`. On failure returns null and sets `error`, which starts with `path`.
  static std::unique_ptr<SafetensorsFile> open(const std::string &path, std::string &error);

  /// The tensor of this name, or null.
  const TensorEntry *find(std::string_view name) const;

  /// All tensors, ordered by name (by bytes).
  const std::vector<TensorEntry> &entries() const { return tensors; }

  /// Copies the tensor's bytes to `to`, which holds `entry.bytes()`. Returns false and sets `error` when the file
  /// cannot be read or has changed its length since it was opened.
  bool read(const TensorEntry &entry, void *to, std::string &error) const;

  /// The same for `bytes` of its bytes from `offset` on, which lie within the tensor.
  bool read(const TensorEntry &entry, uint64_t offset, void *to, uint64_t bytes, std::string &error) const;

  const std::string &path() const { return filePath; }

private:
  SafetensorsFile() = default;
  std::string filePath;
  std::unique_ptr<RegularFile> file;
  uint64_t dataStart = 0;
  std::vector<TensorEntry> tensors;
};

/// Checks `header`, the JSON text of a file whose data section has `dataBytes` bytes, and fills `tensors` ordered by
/// name. Returns false and sets `error`, without the file's name, when a rule is broken.
bool parseSafetensorsHeader(std::string_view header, uint64_t dataBytes, std::vector<TensorEntry> &tensors,
                            std::string &error);

} // namespace attnc
