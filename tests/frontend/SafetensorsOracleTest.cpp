// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The reader against the reference implementation: no file may be accepted here and refused there, and what both
// accept must hold the same tensors. Skipped where Python has no safetensors.
#include "frontend/Safetensors.h"

#include "tests/errors/safetensors/HostileFiles.h"
#include "tests/frontend/TemporaryDirectory.h"

#include <cstdio>
#include <gtest/gtest.h>
#include <random>
#include <sys/wait.h>

#ifndef ATTNC_PYTHON
#define ATTNC_PYTHON "python3"
#endif

namespace attnc {
namespace {

/// Hostile files, valid ones, and valid ones with a few bits flipped anywhere in the header.
std::vector<std::string> corpus() {
  std::vector<std::string> files;
  for (const hostile::HostileFile &file : hostile::allFiles())
    files.push_back(file.bytes);
  const std::string valid[] = {
      hostile::file("{}"), hostile::tensor("\"F32\"", "[1,2]", "[0,8]", 8), hostile::bytesAt({{2, 3}, {0, 2}}, 3),
      hostile::file(R"({"__metadata__":{"format":"pt"},"b":{"dtype":"F16","shape":[2,2],"data_offsets":[0,8]},)"
                    R"("a":{"dtype":"I64","shape":[],"data_offsets":[8,16]}})",
                    16)};
  files.insert(files.end(), std::begin(valid), std::end(valid));
  std::mt19937 random(1);
  for (int i = 0; i < 3000; ++i) {
    std::string bytes = valid[random() % std::size(valid)];
    for (unsigned flips = 1 + random() % 3; flips > 0; --flips) {
      size_t bit = random() % (bytes.size() * 8);
      bytes[bit / 8] = static_cast<char>(bytes[bit / 8] ^ 1 << bit % 8);
    }
    files.push_back(bytes);
  }
  return files;
}

/// This reader's verdict, spelled as safetensors_oracle.py spells the reference's.
std::string verdict(const std::string &path) {
  std::string error;
  std::unique_ptr<SafetensorsFile> file = SafetensorsFile::open(path, error);
  if (!file)
    return "reject";
  std::string text = "accept";
  for (const TensorEntry &entry : file->entries()) {
    text += ' ';
    for (unsigned char byte : entry.name) {
      char hex[3];
      std::snprintf(hex, sizeof hex, "%02x", byte);
      text += hex;
    }
    text += std::string(":") + tensorTypeName(entry.type) + ":";
    for (size_t i = 0; i < entry.shape.size(); ++i)
      text += (i ? "x" : "") + std::to_string(entry.shape[i]);
  }
  return text;
}

TEST(SafetensorsOracle, AcceptsNothingThatTheReferenceRefuses) {
  TemporaryDirectory directory;
  std::vector<std::string> files = corpus();
  for (size_t i = 0; i < files.size(); ++i)
    directory.write(std::to_string(100000 + i), files[i]);
  FILE *pipe = ::popen(
      (std::string(ATTNC_PYTHON " " ATTNC_SAFETENSORS_ORACLE " '") + directory.path() + "' 2>/dev/null").c_str(), "r");
  ASSERT_TRUE(pipe);
  std::string output;
  char buffer[4096];
  while (size_t got = std::fread(buffer, 1, sizeof buffer, pipe))
    output.append(buffer, got);
  int status = ::pclose(pipe);
  if (WIFEXITED(status) && (WEXITSTATUS(status) == 77 || WEXITSTATUS(status) == 127))
    GTEST_SKIP() << ATTNC_PYTHON " has no package safetensors to compare with";
  ASSERT_EQ(status, 0);
  size_t accepted = 0, stricter = 0, at = 0;
  for (size_t i = 0; i < files.size(); ++i) {
    size_t end = output.find('\n', at);
    ASSERT_NE(end, std::string::npos);
    std::string name = std::to_string(100000 + i), line = output.substr(at, end - at);
    at = end + 1;
    std::string ours = name + " " + verdict(directory.path(name));
    accepted += ours != name + " reject";
    if (ours == name + " reject" && line != ours)
      ++stricter;
    else
      EXPECT_EQ(ours, line) << files[i];
  }
  EXPECT_GT(accepted, 50u) << "the corpus must hold files that are valid";
  RecordProperty("stricter", static_cast<int>(stricter));
}

} // namespace
} // namespace attnc
