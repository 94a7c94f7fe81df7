// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <filesystem>
#include <string>

namespace attnc {

/// A folder for the files of one workload, in the system's place for temporary files; removed with all that is in it.
class WorkFolder {
public:
  /// Makes it. False with the reason in `error`.
  bool make(std::string &error);
  ~WorkFolder();
  WorkFolder() = default;
  WorkFolder(const WorkFolder &) = delete;

  std::string file(const std::string &name) const { return (path / name).string(); }

private:
  std::filesystem::path path;
};

/// The program's own place, to find what lies beside it.
std::filesystem::path programFolder();

/// Whether SIGINT or SIGTERM came; the program then ends as soon as it can, leaving no files behind.
bool interrupted();

/// Makes SIGINT and SIGTERM do no more than that.
void watchForInterrupts();

} // namespace attnc
