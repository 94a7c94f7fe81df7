// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "tools/bench/WorkFolder.h"

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>

namespace fs = std::filesystem;

namespace attnc {

namespace {
volatile std::sig_atomic_t gInterrupted = 0;
}

bool WorkFolder::make(std::string &error) {
  std::error_code failure;
  std::string name = (fs::temp_directory_path(failure) / "attnc-bench-XXXXXX").string();
  if (failure || !mkdtemp(name.data())) {
    error = "cannot make a folder for temporary files: " + (failure ? failure.message() : std::strerror(errno)) +
            "; TMPDIR says where";
    return false;
  }
  path = name;
  return true;
}

WorkFolder::~WorkFolder() {
  std::error_code ignored;
  if (!path.empty())
    fs::remove_all(path, ignored);
}

fs::path programFolder() {
  std::error_code ignored;
  return fs::read_symlink("/proc/self/exe", ignored).parent_path();
}

bool interrupted() { return gInterrupted != 0; }

void watchForInterrupts() {
  struct sigaction action = {};
  action.sa_handler = [](int) { gInterrupted = 1; };
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
  std::signal(SIGPIPE, SIG_IGN); // A peer that ends early is an error of write().
}

} // namespace attnc
