// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "frontend/Identifiers.h"

#include <algorithm>
#include <cctype>

namespace attnc {

namespace {

bool isReservedWord(const std::string &name) {
  // clang-format off
  static const std::set<std::string> words = {
      "alignas", "alignof", "and", "and_eq", "asm", "auto", "bitand", "bitor", "bool", "break", "case", "catch",
      "char", "char8_t", "char16_t", "char32_t", "class", "co_await", "co_return", "co_yield", "compl", "concept",
      "const", "const_cast", "consteval", "constexpr", "constinit", "continue", "decltype", "default", "delete", "do",
      "double", "dynamic_cast", "else", "enum", "explicit", "export", "extern", "false", "float", "for", "friend",
      "goto", "if", "inline", "int", "long", "mutable", "namespace", "new", "noexcept", "not", "not_eq", "nullptr",
      "operator", "or", "or_eq", "private", "protected", "public", "register", "reinterpret_cast", "requires",
      "restrict", "return", "short", "signed", "sizeof", "static", "static_assert", "static_cast", "struct", "switch",
      "template", "this", "thread_local", "throw", "true", "try", "typedef", "typeid", "typename", "typeof",
      "typeof_unqual", "union", "unsigned", "using", "virtual", "void", "volatile", "wchar_t", "while", "xor", "xor_eq"};
  // clang-format on
  return words.count(name) != 0;
}

bool beginsWith(const std::string &text, const std::string &start) { return text.compare(0, start.size(), start) == 0; }

bool endsWith(const std::string &text, const std::string &end) {
  return text.size() >= end.size() && text.compare(text.size() - end.size(), end.size(), end) == 0;
}

/// Macros and types of the compiler, of <stddef.h> and <stdint.h> and of the runtime's header.
bool isUsedByHeaders(const std::string &name) {
  static const std::set<std::string> words = {"NULL",     "linux",    "unix",     "i386",    "size_t",
                                              "int8_t",   "int16_t",  "int32_t",  "int64_t", "uint8_t",
                                              "uint16_t", "uint32_t", "uint64_t", "offsetof"};
  if (words.count(name) || beginsWith(name, "ATTNC_"))
    return true;
  if (name.size() > 1 && name[0] == '_' && (name[1] == '_' || std::isupper(static_cast<unsigned char>(name[1]))))
    return true;
  if (!endsWith(name, "_MAX") && !endsWith(name, "_MIN"))
    return false;
  static const char *const limits[] = {"INT", "UINT", "SIZE_", "PTRDIFF_", "SIG_ATOMIC_", "WCHAR_", "WINT_"};
  return std::any_of(std::begin(limits), std::end(limits), [&](const char *limit) { return beginsWith(name, limit); });
}

/// "attnc", in whatever case: the header has functions and constants in both.
bool isRuntimePrefix(const std::string &name) {
  const std::string prefix = "attnc";
  return std::equal(name.begin(), name.end(), prefix.begin(), prefix.end(),
                    [](char a, char b) { return std::tolower(static_cast<unsigned char>(a)) == b; });
}

} // namespace

bool checkIdentifier(const Located<std::string> &name, const std::string &what, Diagnostics &diagnostics) {
  const char *hint =
      "use letters, digits and _, at most 64, the first no digit: it names things in the generated C header";
  bool fits = !name->empty() && name->size() <= 64 && !std::isdigit(static_cast<unsigned char>(name->front())) &&
              std::all_of(name->begin(), name->end(), [](char c) {
                return c == '_' || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
              });
  if (!fits)
    diagnostics.error(name.loc, what + " " + inQuotes(*name) + " is not a C identifier", hint);
  else if (isReservedWord(*name))
    diagnostics.error(name.loc, what + " " + inQuotes(*name) + " is a reserved word of C or C++",
                      "choose another name");
  else if (isUsedByHeaders(*name))
    diagnostics.error(name.loc,
                      what + " " + inQuotes(*name) + " is used by the headers that the generated one includes",
                      "choose another name");
  else
    return true;
  return false;
}

bool checkModelName(const Located<std::string> &name, Diagnostics &diagnostics) {
  if (!checkIdentifier(name, "the model's name", diagnostics))
    return false;
  if (!isRuntimePrefix(*name))
    return true;
  diagnostics.error(name.loc, "the model's name " + inQuotes(*name) + " is that of the runtime's functions",
                    "choose another name");
  return false;
}

bool checkTensorName(const Located<std::string> &name, std::set<std::string> &seen, Diagnostics &diagnostics) {
  std::string lowered = *name;
  std::transform(lowered.begin(), lowered.end(), lowered.begin(), [](unsigned char c) { return std::tolower(c); });
  if (*name == "batch")
    diagnostics.error(name.loc, "\"batch\" cannot name a tensor",
                      "the header uses it for the number of sequences of a call");
  else if (!seen.insert(lowered).second)
    diagnostics.error(name.loc, "inputs and outputs need names that differ, and not in case alone: " + inQuotes(*name));
  else
    return true;
  return false;
}

std::string modelNameFor(const std::string &path) {
  size_t slash = path.find_last_of('/');
  std::string stem = slash == std::string::npos ? path : path.substr(slash + 1);
  stem = stem.substr(0, stem.find('.'));
  for (char &c : stem)
    if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')))
      c = '_';
  if (stem.empty() || (stem.front() >= '0' && stem.front() <= '9') || isReservedWord(stem) || isRuntimePrefix(stem))
    stem = "model_" + stem;
  return stem.substr(0, 64);
}

} // namespace attnc
