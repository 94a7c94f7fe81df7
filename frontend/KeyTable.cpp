// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "frontend/KeyTable.h"

#include "frontend/Dims.h"

#include <algorithm>

namespace attnc {

namespace {

std::string quotedList(const std::vector<std::string> &words) {
  std::vector<std::string> quotes;
  for (const std::string &word : words)
    quotes.push_back(inQuotes(word));
  return joined(quotes);
}

std::string expectation(const KeySpec &spec) {
  std::string orNull = spec.nullable ? " or null" : "";
  switch (spec.type) {
  case KeyType::Integer:
    return "an integer" + orNull;
  case KeyType::Number:
    return "a number" + orNull;
  case KeyType::Boolean:
    return "true or false" + orNull;
  case KeyType::Choice:
    return "one of " + quotedList(spec.choices) + orNull;
  case KeyType::String:
    return "a string" + orNull;
  case KeyType::Reference:
    return "the name of a value" + orNull;
  case KeyType::Mask:
    return maskForms + orNull;
  case KeyType::ReferenceList:
    return "a list of names of values";
  case KeyType::IntegerList:
    return "a list of integers";
  case KeyType::ShapeList:
    return "a list of integers and names of dimensions";
  case KeyType::Object:
  case KeyType::Map:
    return "an object" + orNull;
  case KeyType::ObjectList:
    return "a list of objects";
  }
  return "";
}

} // namespace

void KeyReader::wrongType(const JsonValue &value, const std::string &name, const std::string &expected) {
  diagnostics.error(value.loc(), name + " must be " + expected + ", but is " + value.describe());
}

std::optional<int64_t> KeyReader::integer(const JsonValue &value, const KeySpec &spec) {
  if (spec.listOfOne && value.kind == JsonKind::Array) {
    if (value.items.size() == 1)
      return integer(*value.items.front(), spec);
    diagnostics.error(value.loc(), spec.name + " lists " + std::to_string(value.items.size()) + " dimensions",
                      "supported is one, the last");
    return std::nullopt;
  }
  if (value.kind != JsonKind::Number || value.text.find_first_of(".eE") != std::string::npos) {
    wrongType(value, spec.name, expectation(spec));
    return std::nullopt;
  }
  if (!value.integer || *value.integer < spec.minimum || *value.integer > maxElements) {
    diagnostics.error(value.loc(), spec.name + " must be an integer from " + std::to_string(spec.minimum) + " to " +
                                       std::to_string(maxElements) + ", but is " + value.describe());
    return std::nullopt;
  }
  return value.integer;
}

std::optional<double> KeyReader::number(const JsonValue &value, const KeySpec &spec) {
  if (value.kind != JsonKind::Number) {
    wrongType(value, spec.name, expectation(spec));
    return std::nullopt;
  }
  return value.number;
}

std::optional<bool> KeyReader::boolean(const JsonValue &value, const KeySpec &spec) {
  if (value.kind != JsonKind::Boolean) {
    wrongType(value, spec.name, expectation(spec));
    return std::nullopt;
  }
  return value.boolean;
}

std::optional<std::string> KeyReader::choice(const JsonValue &value, const KeySpec &spec) {
  if (value.kind != JsonKind::String) {
    wrongType(value, spec.name, expectation(spec));
    return std::nullopt;
  }
  if (std::find(spec.choices.begin(), spec.choices.end(), value.text) == spec.choices.end()) {
    diagnostics.error(value.loc(),
                      "unknown " + spec.name + " " + inQuotes(value.text) + didYouMean(value.text, spec.choices),
                      "supported is " + quotedList(spec.choices));
    return std::nullopt;
  }
  return value.text;
}

std::optional<std::string> KeyReader::string(const JsonValue &value, const std::string &name) {
  if (value.kind != JsonKind::String) {
    wrongType(value, name, "a string");
    return std::nullopt;
  }
  return value.text;
}

void KeyReader::checkWithoutMember(const JsonValue &value, const KeySpec &spec) {
  if (spec.role == KeyRole::Ignored && !(spec.nullable && value.kind == JsonKind::Null)) {
    bool fits = spec.type == KeyType::Boolean  ? value.kind == JsonKind::Boolean
                : spec.type == KeyType::String ? value.kind == JsonKind::String
                                               : value.kind == JsonKind::Number;
    if (!fits)
      wrongType(value, spec.name, expectation(spec));
  }
  if (spec.role == KeyRole::Unsupported) {
    std::string text = value.kind == JsonKind::Boolean ? jsonText(value.boolean)
                       : value.kind == JsonKind::Null  ? "null"
                                                       : "";
    if (text != spec.fallback)
      diagnostics.error(value.loc(), spec.name + ": " + value.describe() + " is valid in PyTorch, but not supported",
                        "supported is " + inQuotes(spec.name) + ": " + spec.fallback);
  }
}

bool KeyReader::checkKeys(const JsonValue &value, const ObjectSpec &spec) {
  if (value.kind != JsonKind::Object) {
    wrongType(value, spec.name, "an object");
    return false;
  }
  std::vector<std::string> names;
  for (const KeySpec &key : spec.keys)
    names.push_back(key.name);
  size_t unknown = 0;
  for (const JsonMember &member : value.members) {
    // Suggestions cost time, and nobody reads more than are printed.
    if (unknown == Diagnostics::maxPrinted)
      break;
    auto key =
        std::find_if(spec.keys.begin(), spec.keys.end(), [&](const KeySpec &key) { return key.name == member.key; });
    unknown += key == spec.keys.end();
    if (key == spec.keys.end())
      diagnostics.error(member.keyLoc(), "unknown key " + inQuotes(member.key) + didYouMean(member.key, names),
                        "keys of " + spec.name + ": " + joined(names));
    else
      checkWithoutMember(*member.value, *key);
  }
  for (const KeySpec &key : spec.keys)
    if (key.role == KeyRole::Required && !value.find(key.name))
      diagnostics.error(value.loc(), "missing key " + inQuotes(key.name),
                        spec.name + " needs " + inQuotes(key.name) + ": " + expectation(key));
  return true;
}

} // namespace attnc
