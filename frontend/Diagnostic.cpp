// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "frontend/Diagnostic.h"

#include "frontend/RegularFile.h"

#include <algorithm>
#include <cctype>
#include <cstdio>

namespace attnc {

namespace {

/// Bytes of the UTF-8 sequence that begins at text[at], or 0 where none does (invalid, overlong, surrogate).
size_t codePointLength(std::string_view text, size_t at) {
  auto byte = [&](size_t i) -> unsigned { return at + i < text.size() ? (unsigned char)text[at + i] : 0u; };
  auto continues = [&](size_t i) { return (byte(i) & 0xC0) == 0x80; };
  unsigned first = byte(0);
  if (first < 0x80)
    return 1;
  if (first >= 0xC2 && first <= 0xDF)
    return continues(1) ? 2 : 0;
  if (first >= 0xE0 && first <= 0xEF) {
    bool overlong = first == 0xE0 && byte(1) < 0xA0, surrogate = first == 0xED && byte(1) >= 0xA0;
    return continues(1) && continues(2) && !overlong && !surrogate ? 3 : 0;
  }
  if (first >= 0xF0 && first <= 0xF4) {
    bool overlong = first == 0xF0 && byte(1) < 0x90, beyond = first == 0xF4 && byte(1) >= 0x90;
    return continues(1) && continues(2) && continues(3) && !overlong && !beyond ? 4 : 0;
  }
  return 0;
}

/// One string per code point, fit for a terminal: tabs become a space, what cannot be shown a `?`.
std::vector<std::string> printable(std::string_view text) {
  std::vector<std::string> glyphs;
  for (size_t at = 0; at < text.size();) {
    size_t length = codePointLength(text, at);
    unsigned char first = text[at];
    bool c1 = length == 2 && first == 0xC2 && (unsigned char)text[at + 1] < 0xA0;
    if (first == '\t')
      glyphs.emplace_back(" ");
    else if (length == 0 || first < 0x20 || first == 0x7F || c1)
      glyphs.emplace_back("?");
    else
      glyphs.emplace_back(text.substr(at, length));
    at += std::max<size_t>(length, 1);
  }
  return glyphs;
}

/// A message as it may go to a terminal; its line breaks stay.
std::string clean(std::string_view text) {
  std::string result;
  for (size_t begin = 0; begin <= text.size();) {
    size_t end = std::min(text.find('\n', begin), text.size());
    for (const std::string &glyph : printable(text.substr(begin, end - begin)))
      result += glyph;
    if (end < text.size())
      result += '\n';
    begin = end + 1;
  }
  return result;
}

/// The source line and a caret below the column. Of a line that is wider than a terminal only the part around the
/// caret.
void renderSnippet(const SourceLoc &loc, std::ostream &out) {
  constexpr size_t width = 100, lead = 60;
  std::string_view line = loc.file->line(loc.line);
  // A long line is cut before it is split, so that rendering costs the same wherever the caret is in a 4 MiB line.
  std::vector<std::string> glyphs = printable(line.substr(0, std::min<size_t>(line.size(), 4 * (loc.column + width))));
  size_t caret = loc.column - 1;
  size_t begin = caret > lead && glyphs.size() > width ? caret - lead : 0;
  size_t end = std::min(glyphs.size(), begin + width);
  std::string number = std::to_string(loc.line);
  out << "  " << std::string(number.size() < 4 ? 4 - number.size() : 0, ' ') << number << " | " << (begin ? "..." : "");
  for (size_t i = begin; i < end; ++i)
    out << glyphs[i];
  out << (end < glyphs.size() ? "..." : "") << "\n  " << std::string(std::max<size_t>(number.size(), 4), ' ') << " | "
      << std::string(caret - begin + (begin ? 3 : 0), ' ') << "^\n";
}

const char *spelling(Severity severity) {
  switch (severity) {
  case Severity::Error:
    return "error";
  case Severity::Warning:
    return "warning";
  case Severity::Note:
    return "note";
  }
  return "";
}

} // namespace

std::string_view SourceFile::line(uint32_t number) const {
  size_t begin = 0;
  for (uint32_t i = 1; i < number; ++i) {
    begin = text.find('\n', begin);
    if (begin == std::string::npos)
      return {};
    ++begin;
  }
  size_t end = std::min(text.find('\n', begin), text.size());
  if (end > begin && text[end - 1] == '\r')
    --end;
  return std::string_view(text).substr(begin, end - begin);
}

void render(const Diagnostic &diagnostic, std::ostream &out) {
  const SourceLoc &loc = diagnostic.loc;
  out << (loc.file ? clean(loc.file->name) : "attnc");
  if (loc.file && loc.line) {
    out << ':' << loc.line;
    if (loc.column)
      out << ':' << loc.column;
  }
  out << ": " << spelling(diagnostic.severity) << ": " << clean(diagnostic.message) << '\n';
  if (!loc.path.empty())
    out << "  at " << clean(loc.path) << '\n';
  if (loc.file && loc.line && loc.column)
    renderSnippet(loc, out);
  if (!diagnostic.hint.empty())
    out << "  help: " << clean(diagnostic.hint) << '\n';
}

const SourceFile &Diagnostics::addSource(std::string name, std::string text) {
  sources.push_back(std::make_unique<SourceFile>(SourceFile{std::move(name), std::move(text)}));
  return *sources.back();
}

const SourceFile *Diagnostics::findSource(std::string_view name) const {
  for (const auto &source : sources)
    if (source->name == name)
      return source.get();
  return nullptr;
}

void Diagnostics::add(Severity severity, SourceLoc loc, std::string message, std::string hint) {
  errors += severity == Severity::Error;
  diagnostics.push_back({severity, std::move(loc), std::move(message), std::move(hint)});
}

void Diagnostics::error(SourceLoc loc, std::string message, std::string hint) {
  add(Severity::Error, std::move(loc), std::move(message), std::move(hint));
}

void Diagnostics::warning(SourceLoc loc, std::string message, std::string hint) {
  add(Severity::Warning, std::move(loc), std::move(message), std::move(hint));
}

void Diagnostics::note(SourceLoc loc, std::string message, std::string hint) {
  add(Severity::Note, std::move(loc), std::move(message), std::move(hint));
}

void Diagnostics::render(std::ostream &out) const {
  size_t printed = std::min(diagnostics.size(), maxPrinted);
  for (size_t i = 0; i < printed; ++i)
    attnc::render(diagnostics[i], out);
  if (diagnostics.size() > printed)
    out << "attnc: " << diagnostics.size() - printed << " more not shown\n";
}

std::optional<std::string> nearestName(std::string_view word, const std::vector<std::string> &candidates) {
  // Names of this format are short; a hostile key of megabytes must not cost a quadratic table.
  if (word.size() > 64)
    return std::nullopt;
  // Two swapped letters are a distance of 2; a short word has no room for that.
  size_t allowed = word.size() < 2 ? 0 : word.size() < 4 ? 1 : std::max<size_t>(word.size() / 3, 2);
  size_t best = allowed + 1;
  std::optional<std::string> nearest;
  for (const std::string &candidate : candidates) {
    if (candidate.size() > 64)
      continue;
    std::vector<size_t> row(candidate.size() + 1);
    for (size_t j = 0; j <= candidate.size(); ++j)
      row[j] = j;
    for (size_t i = 1; i <= word.size(); ++i) {
      size_t diagonal = row[0];
      row[0] = i;
      for (size_t j = 1; j <= candidate.size(); ++j) {
        size_t substituted =
            diagonal + (std::tolower((unsigned char)word[i - 1]) != std::tolower((unsigned char)candidate[j - 1]));
        diagonal = row[j];
        row[j] = std::min({substituted, row[j] + 1, row[j - 1] + 1});
      }
    }
    if (row.back() < best) {
      best = row.back();
      nearest = candidate;
    }
  }
  return nearest;
}

std::string didYouMean(std::string_view word, const std::vector<std::string> &candidates) {
  std::optional<std::string> nearest = nearestName(word, candidates);
  return nearest ? "; did you mean " + inQuotes(*nearest) + "?" : "";
}

std::string joined(const std::vector<std::string> &words) {
  std::string text;
  for (const std::string &word : words)
    text += (text.empty() ? "" : ", ") + word;
  return text;
}

std::string inQuotes(std::string_view text) {
  constexpr size_t limit = 80;
  std::string result = "\"";
  for (size_t at = 0; at < text.size();) {
    if (result.size() > limit)
      return result + "...\"";
    size_t length = std::max<size_t>(codePointLength(text, at), 1);
    char first = text[at];
    if (first == '"' || first == '\\')
      (result += '\\') += first;
    else if ((unsigned char)first < 0x20 || first == 0x7F) {
      char escape[8];
      std::snprintf(escape, sizeof escape, "\\u%04x", (unsigned char)first);
      result += escape;
    } else
      result += text.substr(at, length);
    at += length;
  }
  return result + "\"";
}

std::optional<std::string> readTextFile(const std::string &path, size_t maxBytes, Diagnostics &diagnostics) {
  std::string reason, text;
  std::unique_ptr<RegularFile> file = RegularFile::open(path, reason);
  if (file && file->size() > maxBytes)
    reason = "it is larger than " + std::to_string(maxBytes) + " bytes";
  if (file && reason.empty()) {
    text.resize(file->size());
    if (file->read(0, text.data(), text.size(), reason))
      return text;
  }
  diagnostics.error({}, "cannot read " + inQuotes(path) + ": " + reason);
  return std::nullopt;
}

} // namespace attnc
