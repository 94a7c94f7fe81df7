// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Opening a file and checking its layout; the header's JSON is read in SafetensorsHeader.cpp.
#include "frontend/Safetensors.h"

#include <algorithm>
#include <new>

namespace attnc {

std::unique_ptr<SafetensorsFile> SafetensorsFile::open(const std::string &path, std::string &error) try {
  auto fail = [&](const std::string &reason) {
    error = path + ": " + reason;
    return nullptr;
  };
  std::string reason;
  std::unique_ptr<SafetensorsFile> result(new SafetensorsFile);
  result->filePath = path;
  result->file = RegularFile::open(path, reason);
  if (!result->file)
    return fail(reason);
  uint64_t fileBytes = result->file->size();
  if (fileBytes < 8)
    return fail("is " + std::to_string(fileBytes) +
                " bytes long; a safetensors file starts with the 8 bytes of its "
                "header's length");
  unsigned char prefix[8];
  if (!result->file->read(0, prefix, 8, reason))
    return fail(reason);
  uint64_t headerBytes = 0;
  for (int i = 7; i >= 0; --i)
    headerBytes = headerBytes << 8 | prefix[i];
  if (headerBytes > maxHeaderBytes)
    return fail("the header's length is " + std::to_string(headerBytes) + "; the limit is " +
                std::to_string(maxHeaderBytes));
  if (headerBytes > fileBytes - 8)
    return fail("the header's length is " + std::to_string(headerBytes) + ", but only " +
                std::to_string(fileBytes - 8) + " bytes follow");
  std::string header(static_cast<size_t>(headerBytes), '\0');
  if (!result->file->read(8, header.data(), headerBytes, reason))
    return fail(reason);
  result->dataStart = 8 + headerBytes;
  if (!parseSafetensorsHeader(header, fileBytes - result->dataStart, result->tensors, reason))
    return fail(reason);
  return result;
} catch (const std::bad_alloc &) {
  error = path + ": the header needs more memory than there is";
  return nullptr;
}

const TensorEntry *SafetensorsFile::find(std::string_view name) const {
  auto at = std::lower_bound(tensors.begin(), tensors.end(), name,
                             [](const TensorEntry &entry, std::string_view name) { return entry.name < name; });
  return at != tensors.end() && at->name == name ? &*at : nullptr;
}

bool SafetensorsFile::read(const TensorEntry &entry, void *to, std::string &error) const {
  return read(entry, 0, to, entry.bytes(), error);
}

bool SafetensorsFile::read(const TensorEntry &entry, uint64_t offset, void *to, uint64_t bytes,
                           std::string &error) const {
  std::string reason;
  if (file->read(dataStart + entry.begin + offset, to, bytes, reason))
    return true;
  error = filePath + ": " + reason;
  return false;
}

} // namespace attnc
