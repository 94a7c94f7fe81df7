// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Reads members of a JSON object that others define, such as config.json: unknown members are of no concern, and a
// member that is left out, or null, has its default. Of our own descriptions ParseModel reads every member strictly.
#pragma once

#include "frontend/Json.h"

namespace attnc {

class ConfigReader {
public:
  ConfigReader(const JsonValue &object, Diagnostics &diagnostics) : diagnostics(diagnostics), object(object) {}

  /// Each returns the member or `fallback`; a member of the wrong kind or out of range is reported.
  Located<int64_t> integer(const char *key, int64_t fallback, int64_t least, int64_t most);
  Located<std::string> string(const char *key, const char *fallback);
  Located<double> nonNegative(const char *key, double fallback);
  bool boolean(const char *key, bool fallback);

  /// Reports `key` as not supported, unless it is left out, null, false or an empty object. `supported` says what is.
  void refuse(const char *key, const std::string &supported);

  /// The member; null where it is left out or null.
  const JsonValue *find(const char *key) const;

  Diagnostics &diagnostics;

private:
  void wrong(const JsonValue &value, const std::string &key, const std::string &expected);

  const JsonValue &object;
};

bool fileExists(const std::string &path);

/// `directory` and `name` with one slash between; either may be empty.
std::string joinPath(const std::string &directory, const std::string &name);

/// Parses a file whose root is an object; reports and returns null where it is not.
std::unique_ptr<JsonDocument> parseObjectFile(const std::string &path, Diagnostics &diagnostics);

} // namespace attnc
