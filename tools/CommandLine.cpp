// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "tools/CommandLine.h"

#include "frontend/Diagnostic.h"

#include <algorithm>

namespace attnc {

bool CommandLine::parse(int argc, char **argv, const std::vector<OptionSpec> &specs, std::string &error) {
  bool onlyPositional = false;
  for (int i = 1; i < argc; ++i) {
    const std::string argument = argv[i];
    if (onlyPositional || argument.size() < 2 || argument[0] != '-') {
      arguments.push_back(argument);
      continue;
    }
    if (argument == "--") {
      onlyPositional = true;
      continue;
    }
    const size_t equals = argument.find('=');
    const std::string name = argument.substr(0, equals);
    auto spec = std::find_if(specs.begin(), specs.end(), [&](const OptionSpec &s) { return s.name == name; });
    if (spec == specs.end()) {
      std::vector<std::string> names;
      for (const OptionSpec &s : specs)
        names.push_back(s.name);
      const std::optional<std::string> nearest = nearestName(name, names);
      error = "unknown option '" + name + "'" + (nearest ? "; did you mean '" + *nearest + "'?" : "; see --help");
      return false;
    }
    if (!spec->takesValue && equals != std::string::npos) {
      error = "option '" + name + "' takes no value";
      return false;
    }
    if (has(name) && !spec->repeats) {
      error = "option '" + name + "' is given twice";
      return false;
    }
    std::string value;
    if (equals != std::string::npos) {
      value = argument.substr(equals + 1);
    } else if (spec->takesValue) {
      if (++i == argc) {
        error = "option '" + name + "' needs a value";
        return false;
      }
      value = argv[i];
    }
    values[name].push_back(value);
  }
  return true;
}

std::string CommandLine::value(const std::string &name, const std::string &otherwise) const {
  auto found = values.find(name);
  return found == values.end() ? otherwise : found->second.back();
}

std::vector<std::string> CommandLine::all(const std::string &name) const {
  auto found = values.find(name);
  return found == values.end() ? std::vector<std::string>() : found->second;
}

bool CommandLine::number(const std::string &name, uint64_t lowest, uint64_t highest, std::optional<uint64_t> &result,
                         std::string &error) const {
  if (!has(name))
    return true;
  const std::string text = value(name);
  const std::optional<uint64_t> found = parseNumber(text, lowest, highest);
  if (!found) {
    error = name + " takes a number from " + std::to_string(lowest) + " to " + std::to_string(highest) + ", not '" +
            text + "'";
    return false;
  }
  result = found;
  return true;
}

std::optional<uint64_t> parseNumber(const std::string &text, uint64_t lowest, uint64_t highest) {
  uint64_t found = 0;
  bool valid = !text.empty();
  for (char c : text)
    valid = valid && c >= '0' && c <= '9' && !__builtin_mul_overflow(found, 10, &found) &&
            !__builtin_add_overflow(found, static_cast<uint64_t>(c - '0'), &found);
  return valid && found >= lowest && found <= highest ? std::optional(found) : std::nullopt;
}

std::vector<std::string> splitList(const std::string &list) {
  std::vector<std::string> parts;
  for (size_t start = 0; start <= list.size();) {
    const size_t comma = std::min(list.find(',', start), list.size());
    parts.push_back(list.substr(start, comma - start));
    start = comma + 1;
  }
  return parts;
}

} // namespace attnc
