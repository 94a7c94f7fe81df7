// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// nlohmann's SAX parser decides what is JSON; it does not say where its tokens were. But it reports them in order, so
// their places are recovered by walking the text along: between two tokens there is only white space, a comma or a
// colon.
#include "frontend/Json.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <tuple>
#include <unordered_map>

namespace attnc {

namespace {

/// Walks the text of a document whose tokens are known to be valid up to the one asked for.
class TokenCursor {
public:
  explicit TokenCursor(std::string_view text) : text(text) {
    if (text.substr(0, 3) == "\xEF\xBB\xBF")
      at = 3;
  }

  uint32_t line = 1, column = 1;

  /// Steps to the first character of the next token.
  void skipToToken() {
    while (at < text.size() && std::string_view(" \t\r\n,:").find(text[at]) != std::string_view::npos)
      step();
  }
  void skipBracket() { step(); }
  void skipString() {
    step();
    while (at < text.size() && text[at] != '"') {
      if (text[at] == '\\')
        step();
      step();
    }
    step();
  }
  /// A number, true, false or null; returns its spelling.
  std::string_view skipWord() {
    size_t begin = at;
    while (at < text.size() && std::string_view(" \t\r\n,:]}").find(text[at]) == std::string_view::npos)
      step();
    return text.substr(begin, at - begin);
  }
  /// Steps to a byte offset.
  void skipTo(size_t offset) {
    while (at < offset && at < text.size())
      step();
  }

private:
  /// Columns count code points: a continuation byte does not begin one.
  void step() {
    if (at >= text.size())
      return;
    if (text[at] == '\n') {
      ++line;
      column = 1;
    } else if (at + 1 >= text.size() || ((unsigned char)text[at + 1] & 0xC0) != 0x80)
      ++column;
    ++at;
  }

  std::string_view text;
  size_t at = 0;
};

} // namespace

/// Receives nlohmann's events and builds the tree.
class JsonBuilder : public nlohmann::json_sax<nlohmann::json> {
public:
  JsonBuilder(const SourceFile &file, JsonDocument &document, Diagnostics &diagnostics)
      : file(file), document(document), diagnostics(diagnostics), cursor(file.text) {}

  bool null() override {
    begin(JsonKind::Null);
    cursor.skipWord();
    return true;
  }
  bool boolean(bool value) override {
    begin(JsonKind::Boolean).boolean = value;
    cursor.skipWord();
    return true;
  }
  bool number_integer(number_integer_t value) override {
    addNumber((double)value).integer = value;
    return true;
  }
  bool number_unsigned(number_unsigned_t value) override {
    JsonValue &number = addNumber((double)value);
    if (value <= (number_unsigned_t)INT64_MAX)
      number.integer = (int64_t)value;
    return true;
  }
  bool number_float(number_float_t value, const string_t &) override {
    addNumber(value);
    return true;
  }
  bool string(string_t &value) override {
    begin(JsonKind::String).text = std::move(value);
    cursor.skipString();
    return true;
  }
  bool binary(binary_t &) override { return false; }
  bool start_object(std::size_t) override { return open(JsonKind::Object); }
  bool start_array(std::size_t) override { return open(JsonKind::Array); }
  bool end_object() override { return close(); }
  bool end_array() override { return close(); }
  bool key(string_t &name) override {
    cursor.skipToToken();
    JsonMember member;
    member.line = cursor.line;
    member.column = cursor.column;
    auto [earlier, fresh] = stack.back().keys.try_emplace(name, cursor.line);
    member.key = std::move(name);
    if (!fresh)
      diagnostics.error({&file, cursor.line, cursor.column, stack.back().value->path()},
                        "duplicate key " + inQuotes(member.key),
                        "the first one is on line " + std::to_string(earlier->second) + "; keep one of them");
    stack.back().value->members.push_back(std::move(member));
    cursor.skipString();
    return true;
  }
  bool parse_error(std::size_t position, const std::string &lastToken,
                   const nlohmann::detail::exception &exception) override {
    // The position counts the characters read, the offending one included. A token in the wrong place is shown at its
    // start.
    size_t offset = position ? position - 1 : 0;
    if (!lastToken.empty() && lastToken.size() <= position &&
        file.text.compare(position - lastToken.size(), lastToken.size(), lastToken) == 0 &&
        std::string_view(exception.what()).find("unexpected") != std::string_view::npos)
      offset = position - lastToken.size();
    cursor.skipTo(offset);
    diagnostics.error({&file, cursor.line, cursor.column, stack.empty() ? "$" : stack.back().value->path()},
                      "not valid JSON: " + reason(exception.what()));
    return false;
  }

private:
  struct Open {
    JsonValue *value;
    std::unordered_map<std::string, uint32_t> keys; ///< Of an object: where each key was first.
  };

  /// nlohmann's sentence without its error number and place, which the location says already.
  static std::string reason(std::string text) {
    for (std::string_view prefix : {"[json.exception.", "parse error"})
      if (text.compare(0, prefix.size(), prefix) == 0) {
        size_t end = text.find(prefix.front() == '[' ? "] " : ": ");
        if (end != std::string::npos)
          text.erase(0, end + 2);
      }
    // It quotes the last token, which may be megabytes long.
    constexpr size_t limit = 300;
    return text.size() > limit ? text.substr(0, limit) + "..." : text;
  }

  JsonValue &begin(JsonKind kind) {
    cursor.skipToToken();
    document.values.emplace_back();
    JsonValue &value = document.values.back();
    value.kind = kind;
    value.file = &file;
    value.line = cursor.line;
    value.column = cursor.column;
    if (stack.empty())
      return value;
    JsonValue &parent = *stack.back().value;
    value.parent = &parent;
    if (parent.kind == JsonKind::Array) {
      value.position = parent.items.size();
      parent.items.push_back(&value);
    } else {
      value.position = parent.members.size() - 1;
      parent.members.back().value = &value;
    }
    return value;
  }
  JsonValue &addNumber(double number) {
    JsonValue &value = begin(JsonKind::Number);
    value.number = number;
    value.text = cursor.skipWord();
    return value;
  }
  bool open(JsonKind kind) {
    JsonValue &value = begin(kind);
    if (stack.size() == maxJsonDepth) {
      diagnostics.error({&file, value.line, value.column, ""},
                        "nested deeper than " + std::to_string(maxJsonDepth) + " levels");
      return false;
    }
    cursor.skipBracket();
    stack.push_back({&value, {}});
    return true;
  }
  bool close() {
    cursor.skipToToken();
    cursor.skipBracket();
    stack.pop_back();
    return true;
  }

  const SourceFile &file;
  JsonDocument &document;
  Diagnostics &diagnostics;
  TokenCursor cursor;
  std::vector<Open> stack;
};

namespace {
bool isPlainKey(std::string_view key) {
  return !key.empty() && !std::isdigit((unsigned char)key.front()) &&
         std::all_of(key.begin(), key.end(), [](unsigned char c) { return std::isalnum(c) || c == '_' || c == '$'; });
}
std::string step(const JsonValue &parent, size_t position) {
  if (parent.kind == JsonKind::Array)
    return "[" + std::to_string(position) + "]";
  const std::string &key = parent.members[position].key;
  return isPlainKey(key) ? "." + key : "[" + inQuotes(key) + "]";
}
} // namespace

SourceLoc JsonMember::keyLoc() const { return {value->file, line, column, value->path()}; }

const JsonValue *JsonValue::find(std::string_view key) const {
  for (const JsonMember &member : members)
    if (member.key == key)
      return member.value;
  return nullptr;
}

std::string JsonValue::path() const { return parent ? parent->path() + step(*parent, position) : "$"; }

SourceLoc JsonValue::loc() const { return {file, line, column, path()}; }

std::string JsonValue::describe() const {
  switch (kind) {
  case JsonKind::Null:
    return "null";
  case JsonKind::Boolean:
    return boolean ? "true" : "false";
  case JsonKind::Number:
    return "the number " + (text.size() > 40 ? text.substr(0, 40) + "..." : text);
  case JsonKind::String:
    return "the string " + inQuotes(text);
  case JsonKind::Array:
    return "an array of " + std::to_string(items.size());
  case JsonKind::Object:
    return "an object";
  }
  return "";
}

std::unique_ptr<JsonDocument> parseJson(const SourceFile &file, Diagnostics &diagnostics) {
  if (file.text.size() > maxJsonBytes) {
    diagnostics.error({&file, 0, 0, ""}, "larger than " + std::to_string(maxJsonBytes) + " bytes");
    return nullptr;
  }
  size_t errorsBefore = diagnostics.errorCount();
  auto document = std::make_unique<JsonDocument>();
  JsonBuilder builder(file, *document, diagnostics);
  bool parsed = nlohmann::json::sax_parse(file.text, &builder);
  return parsed && diagnostics.errorCount() == errorsBefore ? std::move(document) : nullptr;
}

std::unique_ptr<JsonDocument> parseJsonFile(const std::string &path, Diagnostics &diagnostics) {
  std::optional<std::string> text = readTextFile(path, maxJsonBytes, diagnostics);
  return text ? parseJson(diagnostics.addSource(path, std::move(*text)), diagnostics) : nullptr;
}

std::string JsonPaths::at(const SourceFile &file, uint32_t line, uint32_t column) {
  std::unique_ptr<JsonDocument> &document = documents[&file];
  Diagnostics unused;
  if (!document)
    document = parseJson(file, unused);
  if (!document)
    return "$";
  const JsonValue *value = &document->root();
  auto before = [&](const JsonValue &child) { return std::tie(child.line, child.column) <= std::tie(line, column); };
  for (;;) {
    const JsonValue *next = nullptr;
    for (const JsonValue *item : value->items)
      if (before(*item))
        next = item;
    for (const JsonMember &member : value->members)
      if (std::tie(member.line, member.column) <= std::tie(line, column))
        next = member.value;
    // The place of an object is its brace, before all of its members.
    if (!next || (value->line == line && value->column == column))
      return value->path();
    value = next;
  }
}

} // namespace attnc
