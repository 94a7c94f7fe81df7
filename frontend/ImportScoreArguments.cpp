// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Masks, padding and lengths of one attention: checked against its scores, and shaped to broadcast to them.
#include "frontend/ImportScores.h"

#include <limits>

using namespace mlir;

namespace attnc {

namespace {

/// Reads the arguments of one attention.
class ArgumentImporter {
public:
  ArgumentImporter(ImportBuilder &builder, const ModuleDesc &module, const ScoreExtents &extents)
      : builder(builder), module(module), extents(extents) {}

  std::optional<ScoreArguments> import(const ScoreArgumentKeys &keys) {
    bool fits = addMask(keys.mask) && addPadding(keys.padding) && addLengths(keys.lengths);
    if (fits)
      checkTypes(keys);
    return fits ? std::optional<ScoreArguments>(result) : std::nullopt;
  }

private:
  /// The argument and its value; the latter is null where the value's import failed.
  const Located<std::string> *find(const char *key, Value &value) {
    const Located<std::string> *name = key ? module.argument(key) : nullptr;
    if (name)
      value = builder.values.at(**name);
    return name;
  }
  static Type elementOf(Value value) { return cast<RankedTensorType>(value.getType()).getElementType(); }
  bool fail(const Located<std::string> &name, const std::string &message, const std::string &hint = "") {
    builder.failAt(name.loc, message, hint);
    return false;
  }

  /// Files a mask under its kind.
  void take(Value mask) { (elementOf(mask).isF32() ? result.added : result.blocked).push_back(mask); }

  // -- Attention masks

  bool addMask(const char *key) {
    if (const MaskConstant *constant = key ? module.constantMask(key) : nullptr)
      return addConstant(key, *constant);
    Value mask;
    const Located<std::string> *name = find(key, mask);
    if (!name || !mask)
      return !name;
    std::string what = std::string(key) + " " + inQuotes(**name);
    if (!elementOf(mask).isF32() && !elementOf(mask).isInteger(1))
      return fail(*name, what + " has integers; a mask is bool or f32",
                  "bool: true leaves the key out; f32: added to the scores");
    if (!checkMaskShape(*name, what, mask))
      return false;
    maskType = elementOf(mask);
    size_t rank = ImportBuilder::shapeOf(mask).size();
    if (!elementOf(mask).isF32())
      mask = builder.blockedMask(*name);
    if (rank == 3 && extents.batched)
      mask = builder.reshape(mask, {extents.batch, extents.heads, extents.queries, extents.keys});
    if (mask)
      take(mask);
    return bool(mask);
  }

  bool checkMaskShape(const Located<std::string> &name, const std::string &what, Value mask) {
    ArrayRef<int64_t> shape = ImportBuilder::shapeOf(mask);
    size_t largest = extents.batched ? 4 : 3;
    if (shape.size() < 2 || shape.size() > largest)
      return fail(name, what + " is " + builder.describe(mask) + ", but must have rank 2 to " + std::to_string(largest),
                  extents.batched ? "(queries, keys) is for all batches and heads, (batch * num_heads, queries, keys) "
                                    "or (batch, num_heads, queries, keys) for each its own"
                                  : "(queries, keys) is for all heads, (num_heads, queries, keys) for each its own");
    if (shape.size() == 3 && extents.batched && ShapedType::isDynamic(extents.batch))
      return fail(name, what + " has batch * num_heads masks, so the batch must be a number",
                  "give it the shape " +
                      builder.describeShape({extents.batch, extents.heads, extents.queries, extents.keys}) +
                      ", or fix the run-time dimension with --dim");
    SmallVector<int64_t> expected;
    if (shape.size() == 4)
      expected = {shape[0] == 1 ? 1 : extents.batch, shape[1] == 1 ? 1 : extents.heads};
    else if (shape.size() == 3)
      expected = {extents.heads * extents.batch};
    expected.append({extents.queries, extents.keys});
    if (shape == ArrayRef<int64_t>(expected))
      return true;
    static const char *const meanings[] = {"a mask of rank 2 is (queries, keys)",
                                           "a mask of rank 3 is (batch * num_heads, queries, keys)",
                                           "a mask of rank 4 is (batch, num_heads, queries, keys)"};
    return fail(name, what + " is " + builder.describe(mask) + ", but must be " + builder.describeShape(expected),
                meanings[shape.size() - 2]);
  }

  // -- Constant masks

  bool addConstant(const char *key, const MaskConstant &constant) {
    if (constant.causal)
      return addCausal(constant, *constant.causal) && checkHint(key, constant);
    if (constant.parameter)
      return addParameter(key, *constant.parameter);
    if (constant.rows != extents.queries || constant.columns != extents.keys) {
      builder.failAt(constant.loc,
                     std::string(key) + " has the shape " + builder.describeShape({constant.rows, constant.columns}) +
                         ", but must be " + builder.describeShape({extents.queries, extents.keys}),
                     "one row for each query, one element for each key");
      return false;
    }
    if (!checkHint(key, constant))
      return false;
    maskType = constant.isBool ? Type(builder.builder.getI1Type()) : builder.builder.getF32Type();
    return addMatrix(constant);
  }

  bool addParameter(const char *key, const Located<std::string> &name) {
    maskType = builder.builder.getF32Type();
    bool fits = checkElementCount({extents.queries, extents.keys}, key, name.loc, builder.diagnostics);
    Value mask = fits ? builder.parameter(*name, {extents.queries, extents.keys}) : Value();
    if (mask)
      take(mask);
    return bool(mask);
  }

  bool addCausal(const MaskConstant &constant, CausalAlignment alignment) {
    ScoreStepDesc step;
    step.loc = constant.loc;
    step.alignment = alignment;
    result.steps.push_back(step);
    return true;
  }

  /// A matrix that only blocks is a causal step where it can be, of which kernels skip what is blocked.
  bool addMatrix(const MaskConstant &constant) {
    auto biases = [](float element) { return element != 0 && element != -std::numeric_limits<float>::infinity(); };
    SmallVector<int64_t> shape{extents.queries, extents.keys};
    if (!constant.isBool && llvm::any_of(constant.elements, biases)) {
      take(builder.constant(constant.elements, shape));
      return true;
    }
    for (CausalAlignment alignment : {CausalAlignment::TopLeft, CausalAlignment::BottomRight})
      if (!firstDifference(constant, alignment))
        return addCausal(constant, alignment);
    std::vector<float> blocked;
    for (size_t i = 0; i < constant.elements.size(); ++i)
      blocked.push_back(constant.blocks(i) ? 1.0f : 0.0f);
    result.constants.push_back(builder.constant(blocked, shape));
    return true;
  }

  /// Where a mask is not causal: (query, key).
  std::optional<std::pair<int64_t, int64_t>> firstDifference(const MaskConstant &constant, CausalAlignment alignment) {
    int64_t shift = alignment == CausalAlignment::BottomRight ? extents.keys - extents.queries : 0;
    for (int64_t query = 0; query < extents.queries; ++query)
      for (int64_t key = 0; key < extents.keys; ++key)
        if (blocksAt(constant, query, key) != (key > query + shift))
          return std::make_pair(query, key);
    return std::nullopt;
  }

  bool blocksAt(const MaskConstant &constant, int64_t query, int64_t key) {
    if (!constant.causal)
      return constant.blocks(query * extents.keys + key);
    int64_t shift = *constant.causal == CausalAlignment::BottomRight ? extents.keys - extents.queries : 0;
    return key > query + shift;
  }

  /// PyTorch computes causal attention where its hint says so, whatever the mask.
  bool checkHint(const char *key, const MaskConstant &constant) {
    if (constant.hint->empty())
      return true;
    // A causal constant is compared without a walk through its elements, which a short text can make many.
    if (constant.causal && (*constant.causal == CausalAlignment::TopLeft || extents.queries == extents.keys))
      return true;
    auto difference = firstDifference(constant, CausalAlignment::TopLeft);
    if (!difference)
      return true;
    auto [query, at] = *difference;
    builder.failAt(
        constant.hint.loc,
        *constant.hint + " is true, but " + key + " is not the causal mask: query " + std::to_string(query) +
            (blocksAt(constant, query, at) ? " does not see key " : " sees key ") + std::to_string(at),
        "a wrong hint makes PyTorch ignore the mask; leave out the hint, or give {\"causal\": \"top_left\"}");
    return false;
  }

  // -- Padding

  bool addPadding(const char *key) {
    Value mask;
    const Located<std::string> *name = find(key, mask);
    if (!name || !mask)
      return !name;
    SmallVector<int64_t> expected;
    if (extents.batched)
      expected.push_back(extents.batch);
    expected.push_back(extents.keys);
    if (ImportBuilder::shapeOf(mask) != ArrayRef<int64_t>(expected))
      return fail(*name,
                  std::string(key) + " " + inQuotes(**name) + " is " + builder.describe(mask) + ", but must be " +
                      builder.describeShape(expected),
                  extents.batched ? "a padding mask is (batch, keys)" : "without a batch a padding mask is (keys)");
    paddingType = elementOf(mask);
    if (!elementOf(mask).isF32())
      mask = builder.blockedMask(*name);
    if (extents.batched)
      mask = builder.reshape(mask, {extents.batch, 1, 1, extents.keys});
    if (mask)
      take(mask);
    return bool(mask);
  }

  bool addLengths(const char *key) {
    Value lengths;
    const Located<std::string> *name = find(key, lengths);
    if (!name || !lengths)
      return !name;
    int64_t expected[] = {extents.batched ? extents.batch : 1};
    if (ImportBuilder::shapeOf(lengths) != ArrayRef<int64_t>(expected))
      return fail(*name, std::string(key) + " " + inQuotes(**name) + " is " + builder.describe(lengths) +
                             ", but must be " + builder.describeShape(expected) + ", one for each sequence");
    result.lengths = lengths;
    return true;
  }

  /// As PyTorch does, but for integers, which are bool by another name.
  void checkTypes(const ScoreArgumentKeys &keys) {
    if (!maskType || !paddingType || maskType.isF32() == paddingType.isF32())
      return;
    auto typeOf = [](Type type) { return type.isF32() ? "f32" : "bool"; };
    builder.diagnostics.warning(module.argument(keys.padding)->loc,
                                std::string(keys.mask) + " is " + typeOf(maskType) + " and " + keys.padding + " is " +
                                    typeOf(paddingType) +
                                    "; both apply, but masks of two dtypes are deprecated in "
                                    "PyTorch",
                                "give both the same dtype");
  }

  ImportBuilder &builder;
  const ModuleDesc &module;
  const ScoreExtents &extents;
  ScoreArguments result;
  Type maskType, paddingType; ///< Null for one that is not given.
};

} // namespace

std::optional<ScoreArguments> importScoreArguments(ImportBuilder &builder, const ModuleDesc &module,
                                                   const ScoreArgumentKeys &keys, const ScoreExtents &extents) {
  return ArgumentImporter(builder, module, extents).import(keys);
}

} // namespace attnc
