// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What attnc says about a user's input, and where. Errors are collected, so that one run reports all of them, and
// rendered with file, line, column, JSON path, the source line with a caret, and what to do about it:
//
//   model.json:12:18: error: embed_dim 250 is not divisible by num_heads 8
//     at $.model[0].embed_dim
//      12 |     "embed_dim": 250,
//         |                  ^
//     help: every head gets embed_dim / num_heads features; 248 or 256 would do
//
// A Diagnostics object owns the texts that locations point into, so it outlives every ModelDesc that was parsed with
// it.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

namespace attnc {

/// One input file, by the name that messages use. Made by Diagnostics::addSource.
struct SourceFile {
  std::string name;
  std::string text;

  /// The text of a line, counted from 1, without its line end; empty past the last line.
  std::string_view line(uint32_t number) const;
};

/// A place in an input file. A default-constructed one is no place at all: its message carries no file.
struct SourceLoc {
  const SourceFile *file = nullptr;
  uint32_t line = 0;   ///< From 1; 0 where only the file is known.
  uint32_t column = 0; ///< From 1, in code points; 0 where only the line is known.
  std::string path;    ///< The JSON path, `$.model[0].embed_dim`; empty where there is none.
};

/// A value and the place that it was written at. A value that the file leaves out carries its default and the place of
/// the object that could have held it, and `given` is false.
template <typename T> struct Located {
  T value{};
  SourceLoc loc;
  bool given = false;

  Located() = default;
  Located(T value) : value(std::move(value)) {}
  Located(T value, SourceLoc loc, bool given = true) : value(std::move(value)), loc(std::move(loc)), given(given) {}

  const T &operator*() const { return value; }
  const T *operator->() const { return &value; }
};

enum class Severity { Error, Warning, Note };

struct Diagnostic {
  Severity severity = Severity::Error;
  SourceLoc loc;
  std::string message;
  std::string hint; ///< What to do about it; may be empty.
};

/// Writes one diagnostic in the form shown at the top of this file. Control characters and bytes that are not UTF-8 are
/// replaced by `?`, so that no input can steer the terminal; long source lines are cut around the caret.
void render(const Diagnostic &diagnostic, std::ostream &out);

/// The collector that every step of the frontend reports to.
class Diagnostics {
public:
  /// More than this many diagnostics are counted, not printed.
  static constexpr size_t maxPrinted = 20;

  /// Keeps a text for as long as this object lives, so that locations can point into it.
  const SourceFile &addSource(std::string name, std::string text);
  /// The source of that name, or null.
  const SourceFile *findSource(std::string_view name) const;

  void error(SourceLoc loc, std::string message, std::string hint = "");
  void warning(SourceLoc loc, std::string message, std::string hint = "");
  void note(SourceLoc loc, std::string message, std::string hint = "");

  bool hasErrors() const { return errors != 0; }
  size_t errorCount() const { return errors; }
  /// In the order of their report.
  const std::vector<Diagnostic> &all() const { return diagnostics; }

  /// Prints all (at most maxPrinted, then how many more there are).
  void render(std::ostream &out) const;

private:
  void add(Severity severity, SourceLoc loc, std::string message, std::string hint);

  std::vector<std::unique_ptr<SourceFile>> sources;
  std::vector<Diagnostic> diagnostics;
  size_t errors = 0;
};

/// The candidate nearest to `word` by edit distance, or none where nothing is near enough to be what was meant.
std::optional<std::string> nearestName(std::string_view word, const std::vector<std::string> &candidates);

/// `; did you mean "num_heads"?` or nothing: the usual end of a message about an unknown name.
std::string didYouMean(std::string_view word, const std::vector<std::string> &candidates);

/// The text in double quotes, with control characters and quotes escaped and a long text cut: for names in messages.
std::string inQuotes(std::string_view text);

/// The words with ", " between them.
std::string joined(const std::vector<std::string> &words);

/// Reads a whole regular file of at most `maxBytes` bytes. On failure reports an error that names the file, and returns
/// none.
std::optional<std::string> readTextFile(const std::string &path, size_t maxBytes, Diagnostics &diagnostics);

} // namespace attnc
