// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Every NAME.json in this folder is refused, by the parser or by the import, with the lines of NAME.expected in order.
// A first line
// `--dim name=value ...` there gives overrides.
#include "frontend/Import.h"
#include "frontend/ParseModel.h"

#include "mlir/IR/MLIRContext.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <sstream>

using namespace attnc;

namespace {

std::vector<std::string> readLines(const std::string &path) {
  std::ifstream file(path);
  std::vector<std::string> lines;
  for (std::string line; std::getline(file, line);)
    lines.push_back(line);
  return lines;
}

DimOverrides parseOverrides(const std::string &line) {
  DimOverrides overrides;
  std::istringstream words(line);
  for (std::string word; words >> word;)
    if (size_t equals = word.find('='); equals != std::string::npos)
      overrides[word.substr(0, equals)] = std::stoll(word.substr(equals + 1));
  return overrides;
}

/// What attnc says about the description; empty where it accepts it.
std::string diagnose(const std::string &path, const DimOverrides &overrides) {
  Diagnostics diagnostics;
  std::optional<ModelDesc> model = parseModelFile(path, overrides, diagnostics);
  if (model) {
    mlir::MLIRContext context(mlir::MLIRContext::Threading::DISABLED);
    bool imported = bool(importModel(*model, context, diagnostics));
    EXPECT_NE(imported, diagnostics.hasErrors());
  }
  std::ostringstream text;
  if (diagnostics.hasErrors())
    diagnostics.render(text);
  return text.str();
}

std::vector<std::string> rejectedModels() {
  std::vector<std::string> names;
  for (const auto &entry : std::filesystem::directory_iterator("."))
    if (entry.path().extension() == ".json")
      names.push_back(entry.path().stem());
  std::sort(names.begin(), names.end());
  return names;
}

TEST(RejectedModels, HaveTheirMessages) {
  std::vector<std::string> names = rejectedModels();
  EXPECT_GE(names.size(), 60u);
  for (const std::string &name : names) {
    SCOPED_TRACE(name);
    std::vector<std::string> expected = readLines(name + ".expected");
    DimOverrides overrides;
    if (!expected.empty() && expected[0].compare(0, 5, "--dim") == 0) {
      overrides = parseOverrides(expected[0]);
      expected.erase(expected.begin());
    }
    EXPECT_FALSE(expected.empty()) << "no expectation";
    std::string text = diagnose(name + ".json", overrides);
    EXPECT_FALSE(text.empty()) << "accepted";
    size_t at = 0;
    for (const std::string &line : expected) {
      size_t found = text.find(line, at);
      EXPECT_NE(found, std::string::npos) << "missing: " << line << "\nin:\n" << text;
      at = found == std::string::npos ? at : found + line.size();
    }
  }
}

} // namespace
