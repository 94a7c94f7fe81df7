// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The module types of model.json: which there are, what keys each has, and how its own keys become a struct.
#pragma once

#include "frontend/KeyTable.h"

namespace attnc {

/// What the modules' own readers need of the whole.
struct ParseContext {
  Diagnostics &diagnostics;
  const std::vector<DimDesc> &dims; ///< Resolved.
};

/// Reads a shape: a list of integers and names of dimensions, of rank 0 to maxRank. None after an error.
std::optional<Shape> readShape(const JsonValue &value, const std::string &name, const ParseContext &context);

/// What an input is where its key is left out.
enum class InputDefault {
  None,     ///< The key is required.
  Previous, ///< The module before it; for the first one, the model's first input.
  Preceding ///< The value of the module's input before this one: of query, key and value.
};

/// A key that names an input.
struct InputSpec {
  const char *key;
  InputDefault fallback;
};

/// How a module names what it reads.
enum class InputForm {
  Named, ///< By ModuleType::inputs.
  Row,   ///< As Named, but none where "row" is given.
  Many,  ///< By the list "inputs".
  None
};

/// What a value may be that a module reads besides its inputs.
enum class ArgumentKind {
  AttentionMask, ///< bool (true blocks) or f32, any value or a constant.
  AllowedMask,   ///< The same, but bool true lets the key take part.
  PaddingMask,   ///< bool, f32 or integers of a stated convention; an input of the model.
  TokenMask,     ///< bool or integers of a stated convention; an input of the model.
  Lengths,       ///< i32; an input of the model.
  Position       ///< The same, of a cache.
};

/// A key that names such a value.
struct ArgumentSpec {
  const char *key;
  ArgumentKind kind;
  const char *hint = nullptr;        ///< The key of PyTorch's is_causal for this mask: true needs the mask.
  const char *hintDefault = "false"; ///< As JSON text.
};

struct ModuleType {
  InputForm form;
  std::vector<InputSpec> inputs; ///< In the order of ModuleDesc::inputs.
  std::vector<ArgumentSpec> arguments;
  bool hasParameters; ///< Whether it takes "prefix" and "parameters".
  ObjectSpec spec;    ///< Its name and all of its keys, the common ones included.
  /// Reads and checks its own keys; what it reads from other modules is the caller's affair.
  ModuleKind (*parse)(const JsonValue &object, const ParseContext &context);
};

/// All types, in the order of the documentation.
const std::vector<ModuleType> &moduleTypes();

/// The keys of the description itself, of a run-time dimension, an input, the weights, and the layer and norm within
/// TransformerEncoder and TransformerDecoder.
const ObjectSpec &modelSpec();
const ObjectSpec &dimSpec();
const ObjectSpec &inputSpec();
const ObjectSpec &weightsSpec();
const ObjectSpec &encoderLayerSpec();
const ObjectSpec &ropeSpec();
const ObjectSpec &sinkSpec();
const ObjectSpec &decoderLayerSpec();
const ObjectSpec &normSpec();

/// Every object of the format, graph nodes included (as `node <op>`): for tests of schema and documentation.
std::vector<ObjectSpec> describeFormat();

/// Reads the nodes of a Graph (ParseGraph.cpp); what they refer to is resolved later.
ModuleKind parseGraph(const JsonValue &object, const ParseContext &context);

} // namespace attnc
