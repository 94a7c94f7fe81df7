// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "frontend/GraphOps.h"

#include "frontend/Dims.h"

namespace attnc {

namespace {

KeySpec attribute(const char *name, KeyType type, const char *fallback = "", std::vector<std::string> choices = {}) {
  KeySpec spec = special(name, type, *fallback ? KeyRole::Optional : KeyRole::Required, fallback);
  spec.choices = std::move(choices);
  return spec;
}

template <typename Enum> std::vector<std::string> choices() { return choicesOf(Located<Enum>()); }

GraphOp makeOp(const char *op, size_t minInputs, size_t maxInputs, std::vector<KeySpec> attributes = {}) {
  std::vector<KeySpec> keys = {special("op", KeyType::String, KeyRole::Required),
                               special("name", KeyType::String, KeyRole::Optional)};
  if (maxInputs)
    keys.push_back(special("inputs", KeyType::ReferenceList, KeyRole::Required));
  keys.insert(keys.end(), attributes.begin(), attributes.end());
  return {op, minInputs, maxInputs, {std::string("node ") + op, std::move(keys)}};
}

std::vector<GraphOp> makeOps() {
  const KeySpec eps = attribute("eps", KeyType::Number, "1e-5");
  KeySpec axis = attribute("axis", KeyType::Integer);
  axis.minimum = -(int64_t)maxRank;
  const KeySpec shape = attribute("shape", KeyType::ShapeList);
  return {
      makeOp("weight", 0, 0, {attribute("parameter", KeyType::String), shape}),
      makeOp("constant", 0, 0, {attribute("value", KeyType::Number), shape}),
      makeOp("matmul", 2, 2, {attribute("transpose_rhs", KeyType::Boolean, "false")}),
      makeOp("add", 2, 2),
      makeOp("sub", 2, 2),
      makeOp("mul", 2, 2),
      makeOp("div", 2, 2),
      makeOp("scale", 1, 1, {attribute("factor", KeyType::Number)}),
      makeOp("activation", 1, 1, {attribute("kind", KeyType::Choice, "", choices<ActivationKind>())}),
      makeOp("is_zero", 1, 1),
      makeOp("padding_mask", 1, 1, {attribute("size", KeyType::Integer)}),
      makeOp("mask", 2, 2, {attribute("fill", KeyType::Number, "null")}),
      makeOp("softmax", 1, 1, {axis, attribute("fully_masked", KeyType::Choice, "\"zero\"", {"zero", "nan", "error"})}),
      makeOp("layernorm", 1, 3, {eps}),
      makeOp("rmsnorm", 1, 2, {eps}),
      makeOp("l2norm", 1, 1, {attribute("eps", KeyType::Number, "1e-12")}),
      makeOp("pool", 1, 2, {attribute("kind", KeyType::Choice, "", choices<PoolingMode>())}),
      makeOp("embedding", 2, 2),
      makeOp("split_heads", 1, 1, {attribute("heads", KeyType::Integer)}),
      makeOp("merge_heads", 1, 1),
      makeOp("transpose", 1, 1, {attribute("permutation", KeyType::IntegerList)}),
      makeOp("reshape", 1, 1, {shape}),
      makeOp("slice", 1, 1, {axis, attribute("start", KeyType::Integer), attribute("size", KeyType::Integer)}),
      makeOp("concat", 1, 1024, {axis}),
  };
}

} // namespace

const std::vector<GraphOp> &graphOps() {
  static const std::vector<GraphOp> ops = makeOps();
  return ops;
}

const GraphOp *findGraphOp(const std::string &op) {
  for (const GraphOp &candidate : graphOps())
    if (candidate.op == op)
      return &candidate;
  return nullptr;
}

} // namespace attnc
