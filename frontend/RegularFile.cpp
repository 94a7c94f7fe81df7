// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "frontend/RegularFile.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace attnc {

static std::string kindOfFile(mode_t mode) {
  if (S_ISDIR(mode))
    return "is a directory, not a regular file";
  if (S_ISFIFO(mode))
    return "is a FIFO, not a regular file";
  if (S_ISCHR(mode) || S_ISBLK(mode))
    return "is a device, not a regular file";
  return "is not a regular file";
}

std::unique_ptr<RegularFile> RegularFile::open(const std::string &path, std::string &error) {
  // The kernel would read only up to a NUL, and so open another file than the one that messages name.
  if (path.find('\0') != std::string::npos) {
    error = "cannot be opened: its name holds a NUL";
    return nullptr;
  }
  // O_NONBLOCK: opening a FIFO returns at once instead of waiting for a writer.
  int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  if (descriptor < 0) {
    error = std::string("cannot be opened: ") + std::strerror(errno);
    return nullptr;
  }
  struct stat status{};
  if (::fstat(descriptor, &status) != 0) {
    error = std::string("cannot be examined: ") + std::strerror(errno);
    ::close(descriptor);
    return nullptr;
  }
  if (!S_ISREG(status.st_mode)) {
    error = kindOfFile(status.st_mode);
    ::close(descriptor);
    return nullptr;
  }
  return std::unique_ptr<RegularFile>(new RegularFile(descriptor, static_cast<uint64_t>(status.st_size)));
}

RegularFile::~RegularFile() { ::close(descriptor); }

bool RegularFile::read(uint64_t offset, void *to, uint64_t bytes, std::string &error) const {
  // One call moves less than 2 GiB, so longer reads are cut.
  constexpr uint64_t chunk = uint64_t(1) << 30;
  char *out = static_cast<char *>(to);
  while (bytes > 0) {
    ssize_t got = ::pread(descriptor, out, std::min(bytes, chunk), static_cast<off_t>(offset));
    if (got < 0) {
      if (errno == EINTR)
        continue;
      error = std::string("cannot be read: ") + std::strerror(errno);
      return false;
    }
    if (got == 0) {
      error = "ends at byte " + std::to_string(offset) + "; it was " + std::to_string(fileSize) +
              " bytes long when it was opened";
      return false;
    }
    out += got;
    offset += static_cast<uint64_t>(got);
    bytes -= static_cast<uint64_t>(got);
  }
  return true;
}

} // namespace attnc
