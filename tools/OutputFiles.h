// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Files that appear whole or not at all: written beside their place under a temporary name, then renamed. An
// interrupted or failed run leaves what was there before, and no temporary file (SIGKILL excepted).
#pragma once

#include "codegen/ByteSink.h"

#include <string>
#include <utility>
#include <vector>

namespace attnc {

class OutputFiles {
public:
  OutputFiles() = default;
  OutputFiles(const OutputFiles &) = delete;
  /// Removes what was staged and not published.
  ~OutputFiles();

  /// Writes `contents` under a temporary name beside `path`. False with the reason in `error`.
  bool stage(const std::string &path, const std::string &contents, std::string &error);

  /// The same with what `write` appends. A pipe takes no replacement of earlier bytes.
  bool stage(const std::string &path, const FileWriter &write, std::string &error);

  /// A temporary name beside `path` for another program to write; published like a staged file. Empty on failure.
  std::string stageExternal(const std::string &path, std::string &error);

  /// Renames all staged files to their places; a signal comes before the first or after the last.
  bool publish(std::string &error);

private:
  std::vector<std::pair<std::string, std::string>> staged; ///< Temporary name, place.
};

/// Whether `path` is a device or a pipe, which is written to and never replaced.
bool isStream(const std::string &path);

} // namespace attnc
