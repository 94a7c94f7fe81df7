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

bool writeAll(int descriptor, const std::string &contents) {
  size_t done = 0;
  while (done < contents.size()) {
    const ssize_t wrote = write(descriptor, contents.data() + done, contents.size() - done);
    if (wrote < 0 && errno != EINTR)
      return false;
    done += wrote > 0 ? static_cast<size_t>(wrote) : 0;
  }
  return true;
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
  if (isStream(path)) {
    const int stream = open(path.c_str(), O_WRONLY | O_CLOEXEC);
    const bool wrote = stream >= 0 && writeAll(stream, contents);
    if (!wrote)
      error = reasonOf(path, "write");
    if (stream >= 0)
      close(stream);
    return wrote;
  }
  const std::string temporary = stageExternal(path, error);
  if (temporary.empty())
    return false;
  const int descriptor = open(temporary.c_str(), O_WRONLY | O_TRUNC | O_CLOEXEC);
  bool ok = descriptor >= 0 && writeAll(descriptor, contents);
  if (!ok)
    error = reasonOf(path, "write");
  if (descriptor >= 0 && close(descriptor) != 0 && ok) {
    error = reasonOf(path, "write");
    ok = false;
  }
  return ok;
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
