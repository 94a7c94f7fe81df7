// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Command lines: `--name value`, `--name=value`, `-o value`, flags and positional arguments, with errors that name the
// nearest option. LLVM's cl::opt is not used: it would list every option of the linked LLVM libraries.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace attnc {

struct OptionSpec {
  std::string name; ///< With its dashes: "--dim", "-o".
  bool takesValue = true;
  bool repeats = false;
};

/// A plain decimal number in [lowest, highest]; nothing where the text is something else.
std::optional<uint64_t> parseNumber(const std::string &text, uint64_t lowest, uint64_t highest);

/// The parts of a list with commas between them.
std::vector<std::string> splitList(const std::string &list);

class CommandLine {
public:
  /// Parses; false with the reason in `error`.
  bool parse(int argc, char **argv, const std::vector<OptionSpec> &specs, std::string &error);

  bool has(const std::string &name) const { return values.count(name) != 0; }
  /// The (last) value, or `otherwise`.
  std::string value(const std::string &name, const std::string &otherwise = "") const;
  std::vector<std::string> all(const std::string &name) const;
  /// Reads a plain decimal number in [lowest, highest], where the option is given; else `result` stays as it is. False
  /// with the reason in `error` where it is none.
  bool number(const std::string &name, uint64_t lowest, uint64_t highest, std::optional<uint64_t> &result,
              std::string &error) const;
  const std::vector<std::string> &positional() const { return arguments; }

private:
  std::map<std::string, std::vector<std::string>> values;
  std::vector<std::string> arguments;
};

} // namespace attnc
