// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Reading an input file that may be hostile. Only regular files are opened (symbolic links to them are followed): a
// FIFO, a device or a directory is refused, and opening one never blocks. Bytes are copied with pread rather than
// mapped, because a mapped file that somebody truncates kills the process with SIGBUS, while a short pread is an
// ordinary error; and copying 90 MB costs about 30 ms.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

namespace attnc {

/// A regular file opened for reading at any offset.
class RegularFile {
public:
  /// Opens `path`. On failure returns null and sets `error` to the reason, without the path.
  static std::unique_ptr<RegularFile> open(const std::string &path, std::string &error);
  ~RegularFile();
  RegularFile(const RegularFile &) = delete;
  RegularFile &operator=(const RegularFile &) = delete;

  /// The file's size in bytes when it was opened.
  uint64_t size() const { return fileSize; }

  /// Copies `bytes` bytes from `offset` to `to`. Returns false and sets `error` when the file cannot be read or has
  /// become too short.
  bool read(uint64_t offset, void *to, uint64_t bytes, std::string &error) const;

private:
  RegularFile(int descriptor, uint64_t fileSize) : descriptor(descriptor), fileSize(fileSize) {}
  int descriptor;
  uint64_t fileSize;
};

} // namespace attnc
