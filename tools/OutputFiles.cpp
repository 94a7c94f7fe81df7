// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "tools/OutputFiles.h"

#include "codegen/SignalsHeldBack.h"

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Signals.h"

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace attnc {

namespace {

std::string reasonOf(const std::string &path, const char *what) {
  return "cannot " + std::string(what) + " " + path + ": " + std::strerror(errno);
}

/// An open file; -1 takes nothing.
class Descriptor : public ByteSink {
public:
  explicit Descriptor(int number) : number(number), reason(number < 0 ? errno : 0) {}
  ~Descriptor() override { finish(); }

  bool append(const void *data, size_t size) override {
    return writeAll(size,
                    [&](size_t done) { return ::write(number, static_cast<const char *>(data) + done, size - done); });
  }

  bool replace(uint64_t offset, const void *data, size_t size) override {
    return writeAll(size, [&](size_t done) {
      return ::pwrite(number, static_cast<const char *>(data) + done, size - done, static_cast<off_t>(offset + done));
    });
  }

  /// Closes the file. The first failure of any call, as an errno; 0: there was none.
  int finish() {
    if (number >= 0 && close(number) != 0 && reason == 0)
      reason = errno;
    number = -1;
    return reason;
  }

private:
  template <typename Write> bool writeAll(size_t size, Write write) {
    for (size_t done = 0; done < size && reason == 0;) {
      const ssize_t wrote = write(done);
      if (wrote >= 0)
        done += static_cast<size_t>(wrote);
      else if (errno != EINTR)
        reason = errno;
    }
    return reason == 0;
  }

  int number, reason;
};

/// Lets `write` fill an open file.
bool fill(int descriptor, const std::string &path, const FileWriter &write, std::string &error) {
  Descriptor file(descriptor);
  const bool wrote = descriptor >= 0 && write(file, error);
  errno = file.finish();
  if (errno == 0)
    return wrote;
  error = reasonOf(path, "write");
  return false;
}

/// The permissions that a file of this process gets; mkstemp gives fewer.
mode_t creationMode() {
  const mode_t mask = umask(0);
  umask(mask);
  return 0666 & ~mask;
}

} // namespace

OutputFiles::~OutputFiles() {
  for (const auto &[temporary, place] : staged) {
    unlink(temporary.c_str());
    llvm::sys::DontRemoveFileOnSignal(temporary);
  }
}

std::string OutputFiles::stageExternal(const std::string &path, std::string &error) {
  struct stat status;
  if (stat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode)) {
    error = "cannot write " + path + ": it is a directory";
    return "";
  }
  std::string temporary = path + ".XXXXXX";
  const SignalsHeldBack held;
  const int descriptor = mkstemp(temporary.data());
  if (descriptor < 0) {
    error = reasonOf(path, "write");
    return "";
  }
  fchmod(descriptor, creationMode());
  close(descriptor);
  llvm::sys::RemoveFileOnSignal(temporary);
  staged.emplace_back(temporary, path);
  return temporary;
}

bool isStream(const std::string &path) {
  struct stat status;
  return stat(path.c_str(), &status) == 0 && !S_ISREG(status.st_mode) && !S_ISDIR(status.st_mode);
}

bool OutputFiles::stage(const std::string &path, const std::string &contents, std::string &error) {
  return stage(
      path, [&](ByteSink &file, std::string &) { return file.append(contents.data(), contents.size()); }, error);
}

bool OutputFiles::stage(const std::string &path, const FileWriter &write, std::string &error) {
  if (isStream(path))
    return fill(open(path.c_str(), O_WRONLY | O_CLOEXEC), path, write, error);
  const std::string temporary = stageExternal(path, error);
  return !temporary.empty() && fill(open(temporary.c_str(), O_WRONLY | O_TRUNC | O_CLOEXEC), path, write, error);
}

bool OutputFiles::publish(std::string &error) {
  const SignalsHeldBack held;
  while (!staged.empty()) {
    const auto &[temporary, place] = staged.front();
    if (rename(temporary.c_str(), place.c_str()) != 0) {
      error = reasonOf(place, "write");
      return false;
    }
    llvm::sys::DontRemoveFileOnSignal(temporary);
    staged.erase(staged.begin());
  }
  return true;
}

} // namespace attnc
