// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A directory of one test's own, removed with all that is in it when the test ends.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

namespace attnc {

class TemporaryDirectory {
public:
  TemporaryDirectory() {
    std::string pattern = (std::filesystem::temp_directory_path() / "attnc-test-XXXXXX").string();
    if (!::mkdtemp(pattern.data()))
      std::abort();
    directory = pattern;
  }
  ~TemporaryDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(directory, ignored);
  }
  TemporaryDirectory(const TemporaryDirectory &) = delete;
  TemporaryDirectory &operator=(const TemporaryDirectory &) = delete;

  const std::string &path() const { return directory; }
  std::string path(const std::string &name) const { return directory + "/" + name; }

  /// Writes a file, with the directories above it, and returns its path.
  std::string write(const std::string &name, const std::string &bytes) const {
    std::filesystem::create_directories(std::filesystem::path(path(name)).parent_path());
    // A file that is truncated and written again is flushed to disk by some file systems, which takes milliseconds.
    std::filesystem::remove(path(name));
    std::ofstream(path(name), std::ios::binary) << bytes;
    return path(name);
  }

private:
  std::string directory;
};

} // namespace attnc
