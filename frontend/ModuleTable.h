// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the tables of module types are made of: shared by ModuleTypes.cpp and AttentionTypes.cpp.
#pragma once

#include "frontend/ModuleTypes.h"

namespace attnc {

/// The own keys of each module; specialised where they are read.
template <typename T> const std::vector<Key<T>> &keysOf();

template <typename T> T readTable(const JsonValue &object, Diagnostics &diagnostics) {
  T result;
  KeyReader(diagnostics).read(object, keysOf<T>(), result);
  return result;
}

/// The specs of T's own keys, and then `more`.
template <typename T> std::vector<KeySpec> specsOf(const std::vector<KeySpec> &more = {}) {
  std::vector<KeySpec> specs;
  for (const Key<T> &key : keysOf<T>())
    specs.push_back(key.spec);
  specs.insert(specs.end(), more.begin(), more.end());
  return specs;
}

/// What a module type reads.
struct Reads {
  InputForm form = InputForm::None;
  std::vector<InputSpec> inputs;
  std::vector<ArgumentSpec> arguments;
};

using ParseFunction = ModuleKind (*)(const JsonValue &, const ParseContext &);

/// A type with its own keys between those that all modules have.
ModuleType makeType(const char *name, const std::vector<KeySpec> &own, ParseFunction parse, Reads reads,
                    bool hasParameters);

/// A module within a module, where "type" may be left out.
ObjectSpec nestedSpec(const char *name, std::vector<KeySpec> keys);

/// Checks the keys of a module within a module, where "type" may be left out but not be another one.
bool checkNested(const JsonValue &object, const ObjectSpec &spec, const char *type, Diagnostics &diagnostics);

/// Reports an eps that is negative or not finite.
void checkEps(const Located<double> &eps, const char *name, Diagnostics &diagnostics);

LayerNormDesc readLayerNorm(const JsonValue &object, Diagnostics &diagnostics);

/// The types that are, or contain, attention. (AttentionTypes.cpp)
std::vector<ModuleType> attentionTypes();

} // namespace attnc
