// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "frontend/ConfigReader.h"

#include <cmath>
#include <sys/stat.h>

namespace attnc {

Located<int64_t> ConfigReader::integer(const char *key, int64_t fallback, int64_t least, int64_t most) {
  const JsonValue *value = find(key);
  if (!value)
    return {fallback, object.loc(), false};
  if (value->integer && *value->integer >= least && *value->integer <= most)
    return {*value->integer, value->loc()};
  wrong(*value, key, "an integer from " + std::to_string(least) + " to " + std::to_string(most));
  return {fallback, value->loc()};
}

Located<std::string> ConfigReader::string(const char *key, const char *fallback) {
  const JsonValue *value = find(key);
  if (!value)
    return {fallback, object.loc(), false};
  if (value->kind == JsonKind::String)
    return {value->text, value->loc()};
  wrong(*value, key, "a string");
  return {fallback, value->loc()};
}

Located<double> ConfigReader::nonNegative(const char *key, double fallback) {
  const JsonValue *value = find(key);
  if (!value)
    return {fallback, object.loc(), false};
  if (value->kind == JsonKind::Number && std::isfinite(value->number) && value->number >= 0)
    return {value->number, value->loc()};
  wrong(*value, key, "a number that is not negative");
  return {fallback, value->loc()};
}

bool ConfigReader::boolean(const char *key, bool fallback) {
  const JsonValue *value = find(key);
  if (!value)
    return fallback;
  if (value->kind == JsonKind::Boolean)
    return value->boolean;
  wrong(*value, key, "true or false");
  return fallback;
}

void ConfigReader::refuse(const char *key, const std::string &supported) {
  const JsonValue *value = find(key);
  if (!value || (value->kind == JsonKind::Boolean && !value->boolean) ||
      (value->kind == JsonKind::Object && value->members.empty()))
    return;
  diagnostics.error(value->loc(), std::string(key) + " is not supported", supported);
}

const JsonValue *ConfigReader::find(const char *key) const {
  const JsonValue *value = object.find(key);
  return value && value->kind == JsonKind::Null ? nullptr : value;
}

void ConfigReader::wrong(const JsonValue &value, const std::string &key, const std::string &expected) {
  diagnostics.error(value.loc(), key + " must be " + expected + ", found " + value.describe());
}

bool fileExists(const std::string &path) {
  struct stat status{};
  return ::stat(path.c_str(), &status) == 0;
}

std::string joinPath(const std::string &directory, const std::string &name) {
  if (directory.empty() || name.empty())
    return directory + name;
  return directory + (directory.back() == '/' ? "" : "/") + name;
}

std::unique_ptr<JsonDocument> parseObjectFile(const std::string &path, Diagnostics &diagnostics) {
  std::unique_ptr<JsonDocument> document = parseJsonFile(path, diagnostics);
  if (!document || document->root().kind == JsonKind::Object)
    return document;
  diagnostics.error(document->root().loc(), "expected an object, found " + document->root().describe());
  return nullptr;
}

} // namespace attnc
