// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// JSON text -> a tree in which every value and key knows its line, column and path. The grammar is RFC 8259, strictly;
// on top of it a document is refused for a duplicate key, invalid UTF-8, nesting deeper than maxJsonDepth and a size
// over maxJsonBytes. Numbers keep their spelling, and whether they are exact 64-bit integers.
#pragma once

#include "frontend/Diagnostic.h"

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace attnc {

constexpr size_t maxJsonDepth = 100;
constexpr size_t maxJsonBytes = size_t(4) << 20;

enum class JsonKind { Null, Boolean, Number, String, Array, Object };

struct JsonValue;

struct JsonMember {
  std::string key;
  SourceLoc keyLoc() const;

  uint32_t line = 0, column = 0;
  const JsonValue *value = nullptr;
};

struct JsonValue {
  JsonKind kind = JsonKind::Null;
  bool boolean = false;
  double number = 0;
  std::optional<int64_t> integer;       ///< Where the number is spelled as an integer that fits.
  std::string text;                     ///< The string's value, or the number's spelling.
  std::vector<const JsonValue *> items; ///< Elements of an array.
  std::vector<JsonMember> members;      ///< Members of an object, in the file's order.

  /// The member's value, or null.
  const JsonValue *find(std::string_view key) const;
  /// `$.model[0].embed_dim`.
  std::string path() const;
  SourceLoc loc() const;
  /// What it is, for messages: `the string "relu"`, `the number 1.5`, `an array of 2`, `an object`, `null`.
  std::string describe() const;

  const SourceFile *file = nullptr;
  const JsonValue *parent = nullptr;
  size_t position = 0; ///< Which element or member of its parent it is.
  uint32_t line = 0, column = 0;
};

/// A parsed document; values point into it and into the SourceFile.
class JsonDocument {
public:
  const JsonValue &root() const { return values.front(); }

private:
  friend class JsonBuilder;
  std::deque<JsonValue> values;
};

/// Parses a text. On any fault reports it with its place and returns null; duplicate keys are all reported.
std::unique_ptr<JsonDocument> parseJson(const SourceFile &file, Diagnostics &diagnostics);

/// Reads and parses a file.
std::unique_ptr<JsonDocument> parseJsonFile(const std::string &path, Diagnostics &diagnostics);

/// Finds paths by places. Parses each file that it is asked about once, and keeps it.
class JsonPaths {
public:
  /// The path of the innermost value that begins at or before that place in the text; `$` where none does.
  std::string at(const SourceFile &file, uint32_t line, uint32_t column);

private:
  std::map<const SourceFile *, std::unique_ptr<JsonDocument>> documents;
};

} // namespace attnc
