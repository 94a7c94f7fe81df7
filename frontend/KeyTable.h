// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Objects of model.json as tables of keys. One table says what an object may hold; the parser reads by it, messages
// quote it, and tests hold model.schema.json and docs/MODEL.md against it. A default is written once, in ModelDesc.h:
// a table takes it from a default-constructed struct.
#pragma once

#include "frontend/Json.h"
#include "frontend/Spellings.h"

#include <sstream>
#include <string>
#include <variant>
#include <vector>

namespace attnc {

enum class KeyType {
  Integer,
  Number,
  Boolean,
  Choice,
  String,
  Reference,
  ReferenceList,
  Mask, ///< The name of a value, or a constant (ParseMask.h).
  IntegerList,
  ShapeList,
  Object,
  ObjectList,
  Map
};

enum class KeyRole {
  Required,
  Optional,
  Ignored,    ///< Checked, and without effect on inference.
  Unsupported ///< PyTorch has it; only the fallback is accepted.
};

/// What a Mask may be.
constexpr const char *maskForms =
    "the name of a value, {\"causal\": \"top_left\"}, {\"parameter\": \"name\"} or a list of rows";

/// What is known about one key, whatever it is read into.
struct KeySpec {
  std::string name;
  KeyType type = KeyType::Integer;
  KeyRole role = KeyRole::Required;
  std::string fallback; ///< As JSON text, when the key may be left out; empty for a default that is worked out.
  std::vector<std::string> choices; ///< Of a Choice.
  int64_t minimum = 1;              ///< Of an Integer.
  bool nullable = false;            ///< null stands for the default.
  bool listOfOne = false;           ///< An Integer that may stand in a list, alone.
};

/// A named object of the format: what schema, documentation and messages know about it.
struct ObjectSpec {
  std::string name;
  std::vector<KeySpec> keys;
};

template <typename T>
using MemberOf = std::variant<std::monostate, Located<int64_t> T::*, Located<double> T::*, Located<bool> T::*,
                              Located<DType> T::*, Located<ActivationKind> T::*, Located<PoolingMode> T::*,
                              Located<PositionKind> T::*, Located<MaskConvention> T::*, Located<FullyMaskedRows> T::*,
                              Located<Normalizer> T::*, Located<PaddedRows> T::*, Located<MatmulPrecision> T::*>;

/// A key and where its value goes. A key without a member is read by the object's own code.
template <typename T> struct Key {
  KeySpec spec;
  MemberOf<T> member;

  Key &&atLeast(int64_t minimum) && {
    spec.minimum = minimum;
    return std::move(*this);
  }
  Key &&orList() && {
    spec.listOfOne = true;
    return std::move(*this);
  }
  /// null, or leaving the key out, stands for a default that no other value spells.
  Key &&orNull() && {
    spec.nullable = true;
    spec.fallback = "null";
    return std::move(*this);
  }
};

inline KeyType keyTypeOf(const Located<int64_t> &) { return KeyType::Integer; }
inline KeyType keyTypeOf(const Located<double> &) { return KeyType::Number; }
inline KeyType keyTypeOf(const Located<bool> &) { return KeyType::Boolean; }
template <typename Enum> KeyType keyTypeOf(const Located<Enum> &) { return KeyType::Choice; }

inline std::string jsonText(int64_t value) { return std::to_string(value); }
inline std::string jsonText(bool value) { return value ? "true" : "false"; }
inline std::string jsonText(double value) {
  std::ostringstream text;
  text << value;
  return text.str();
}
template <typename Enum> std::string jsonText(Enum value) { return "\"" + std::string(spelling(value)) + "\""; }

template <typename V> std::vector<std::string> choicesOf(const Located<V> &) {
  std::vector<std::string> texts;
  if constexpr (std::is_enum_v<V>)
    for (const Spelling<V> &entry : Spellings<V>::table)
      texts.push_back(entry.text);
  return texts;
}

template <typename T, typename V> Key<T> required(const char *name, Located<V> T::*member) {
  Located<V> sample;
  return {{name, keyTypeOf(sample), KeyRole::Required, "", choicesOf(sample), 1, false, false}, member};
}
template <typename T, typename V> Key<T> optional(const char *name, Located<V> T::*member) {
  Located<V> sample = T{}.*member;
  return {{name, keyTypeOf(sample), KeyRole::Optional, jsonText(sample.value), choicesOf(sample), 1, false, false},
          member};
}

inline KeySpec ignored(const char *name, KeyType type, const char *fallback) {
  return {name, type, KeyRole::Ignored, fallback, {}, 0, std::string(fallback) == "null", false};
}
inline KeySpec unsupported(const char *name, KeyType type, const char *fallback) {
  return {name, type, KeyRole::Unsupported, fallback, {}, 0, std::string(fallback) == "null", false};
}
inline KeySpec special(const char *name, KeyType type, KeyRole role, const char *fallback = "") {
  return {name, type, role, fallback, {}, 0, std::string(fallback) == "null", false};
}

/// Reads objects by their tables and reports what does not fit.
class KeyReader {
public:
  explicit KeyReader(Diagnostics &diagnostics) : diagnostics(diagnostics) {}

  /// Reports keys that the object does not have, missing ones, and unsupported or misshapen values of keys without a
  /// member. False where the value is no object at all.
  bool checkKeys(const JsonValue &value, const ObjectSpec &spec);

  /// Reads every key of the table that has a member.
  template <typename T> void read(const JsonValue &object, const std::vector<Key<T>> &table, T &result) {
    for (const Key<T> &key : table)
      std::visit([&](auto member) { readMember(object, key.spec, member, result); }, key.member);
  }

  std::optional<int64_t> integer(const JsonValue &value, const KeySpec &spec);
  std::optional<double> number(const JsonValue &value, const KeySpec &spec);
  std::optional<bool> boolean(const JsonValue &value, const KeySpec &spec);
  std::optional<std::string> choice(const JsonValue &value, const KeySpec &spec);
  /// A choice whose words are spellings of the enumeration.
  template <typename Enum> std::optional<Enum> enumeration(const JsonValue &value, const KeySpec &spec) {
    std::optional<std::string> text = choice(value, spec);
    for (const Spelling<Enum> &entry : Spellings<Enum>::table)
      if (text && *text == entry.text)
        return entry.value;
    return std::nullopt;
  }
  std::optional<std::string> string(const JsonValue &value, const std::string &name);
  /// `<name> must be <expected>, but is <what it is>`.
  void wrongType(const JsonValue &value, const std::string &name, const std::string &expected);

private:
  template <typename T> void readMember(const JsonValue &, const KeySpec &, std::monostate, T &) {}
  template <typename T, typename V>
  void readMember(const JsonValue &object, const KeySpec &spec, Located<V> T::*member, T &result) {
    Located<V> &target = result.*member;
    target.loc = object.loc();
    const JsonValue *value = object.find(spec.name);
    if (!value || (spec.nullable && value->kind == JsonKind::Null))
      return;
    target.loc = value->loc();
    if (std::optional<V> parsed = convert(*value, spec, target.value))
      target.value = *parsed;
    target.given = true;
  }
  std::optional<int64_t> convert(const JsonValue &value, const KeySpec &spec, int64_t) { return integer(value, spec); }
  std::optional<double> convert(const JsonValue &value, const KeySpec &spec, double) { return number(value, spec); }
  std::optional<bool> convert(const JsonValue &value, const KeySpec &spec, bool) { return boolean(value, spec); }
  template <typename Enum> std::optional<Enum> convert(const JsonValue &value, const KeySpec &spec, Enum) {
    return enumeration<Enum>(value, spec);
  }
  void checkWithoutMember(const JsonValue &value, const KeySpec &spec);

  Diagnostics &diagnostics;
};

} // namespace attnc
