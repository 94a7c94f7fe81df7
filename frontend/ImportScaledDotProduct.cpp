// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// torch.nn.functional.scaled_dot_product_attention in core ops. The dialect's attention has the dimensions batch and
// heads, or heads alone, before its matrices: leading dimensions are broadcast, those after the first merged, and
// restored in the result.
#include "frontend/ImportAttention.h"
#include "ir/Shape.h"

#include <cmath>

using namespace mlir;

namespace attnc {

namespace {

using Extents = SmallVector<int64_t>;

Extents joined(ArrayRef<int64_t> lead, int64_t rows, int64_t columns) {
  Extents all(lead);
  all.append({rows, columns});
  return all;
}

int64_t product(ArrayRef<int64_t> extents) {
  int64_t result = 1; // Of a tensor that exists, and whose size has been checked.
  for (int64_t extent : extents)
    result *= extent;
  return result;
}

/// The one or two dimensions that stand for any number of leading ones: heads, or batch and heads.
Extents merged(ArrayRef<int64_t> lead) {
  if (lead.empty())
    return {1};
  if (lead.size() == 1)
    return ShapedType::isDynamic(lead[0]) ? Extents{lead[0], 1} : Extents{lead[0]};
  return {lead[0], product(lead.drop_front())};
}

class ScaledDotProductImporter {
public:
  ScaledDotProductImporter(ImportBuilder &builder, const ModuleDesc &module,
                           const ScaledDotProductAttentionDesc &attention)
      : builder(builder), module(module), attention(attention) {}

  Value import() {
    for (int i = 0; i < 3; ++i) {
      tensors[i] = builder.values.at(*module.inputs[i]);
      if (!tensors[i])
        return {};
    }
    if (!checkTensors() || !shareHeads() || !findLead() || !importArguments())
      return {};
    int64_t width = shapeOf(Query).back();
    AttentionFunction function;
    function.factor = (float)(attention.scale.given ? *attention.scale : 1.0 / std::sqrt((double)width));
    function.configure(attention, keys());
    function.steps = steps;
    function.realKeys = keys();
    function.further = furtherValuesOf(builder, module, attention);
    Value result = function.emit(builder, spread(Query), spread(Key), spread(Values), arguments);
    restoreLead(function.further.weights, {queries(), keys()});
    restoreLead(function.further.logSumExp, {queries()});
    restoreLead(&result, {queries(), shapeOf(Values).back()});
    return result;
  }

private:
  enum Role { Query, Key, Values };

  ArrayRef<int64_t> shapeOf(Role role) const { return ImportBuilder::shapeOf(tensors[role]); }
  ArrayRef<int64_t> leadOf(Role role) const { return shapeOf(role).drop_back(2); }
  int64_t queries() const { return *(shapeOf(Query).end() - 2); }
  int64_t keys() const { return *(shapeOf(Key).end() - 2); }

  std::string named(Role role) const {
    static const char *const roles[] = {"query", "key", "value"};
    return roles[role] + (" " + inQuotes(*module.inputs[role]));
  }
  std::string described(Role role) const { return named(role) + " is " + builder.describe(tensors[role]); }
  bool fail(Role role, const std::string &message, const std::string &hint = "") {
    builder.failAt(module.inputs[role].loc, message, hint);
    return false;
  }

  // -- Query, key and value

  bool checkTensors() {
    for (Role role : {Query, Key, Values}) {
      Type element = cast<RankedTensorType>(tensors[role].getType()).getElementType();
      if (!element.isF32())
        return fail(role, named(role) + " has dtype " + builder.describeType(element) + ", but must have f32",
                    "query, key and value have one dtype");
      if (shapeOf(role).size() < 2)
        return fail(role, described(role) + ", but must have rank 2 or more", "(.., heads, length, width)");
      for (int64_t extent : shapeOf(role).drop_front())
        if (ShapedType::isDynamic(extent))
          return fail(role, described(role) + ", whose run-time dimension must come first");
      if (ShapedType::isDynamic(*(shapeOf(role).end() - 2)))
        return fail(role,
                    "attention would run along the run-time dimension of " + named(role) + ", " +
                        builder.describe(tensors[role]),
                    "fix the dimension with --dim");
    }
    if (shapeOf(Key).back() != shapeOf(Query).back())
      return fail(Key, described(Key) + ", but its width must be that of " + named(Query) + ", " +
                           builder.describe(tensors[Query]));
    if (*(shapeOf(Values).end() - 2) != keys())
      return fail(Values, "key and value must have the same length, but are " + builder.describe(tensors[Key]) +
                              " and " + builder.describe(tensors[Values]));
    return true;
  }

  /// enable_gqa: query heads in groups share a head of key, and one of value.
  bool shareHeads() {
    if (!*attention.enableGqa)
      return true;
    for (Role role : {Query, Key, Values})
      if (leadOf(role).empty() || ShapedType::isDynamic(leadOf(role).back()))
        return fail(role, described(role) + ", but enable_gqa needs a dimension of heads before the length",
                    "(.., heads, length, width)");
    int64_t heads = leadOf(Query).back();
    for (Role role : {Key, Values}) {
      int64_t own = leadOf(role).back();
      if (heads % own != 0)
        return fail(role,
                    named(role) + " has " + std::to_string(own) + " heads, which do not divide the query's " +
                        std::to_string(heads),
                    "with enable_gqa a group of query heads shares each head of key and value");
      repeatHeads(role, heads / own);
      if (!tensors[role])
        return false;
    }
    return true;
  }

  /// Each head `times` in a row.
  void repeatHeads(Role role, int64_t times) {
    if (times == 1)
      return;
    Extents lead(leadOf(role)), one = merged(lead);
    int64_t rows = *(shapeOf(role).end() - 2), width = shapeOf(role).back();
    one.push_back(1);
    Extents many = one;
    many.back() = times;
    Value value = builder.reshape(tensors[role], joined(one, rows, width));
    value = builder.broadcast(value, joined(many, rows, width));
    lead.back() *= times;
    tensors[role] = builder.reshape(value, joined(lead, rows, width));
  }

  /// The leading dimensions of all three together.
  bool findLead() {
    lead = Extents(leadOf(Query));
    for (Role role : {Key, Values}) {
      auto both = attn::broadcastShapes(lead, leadOf(role));
      if (!both)
        return failToBroadcast(role);
      lead = *both;
    }
    if (llvm::any_of(ArrayRef<int64_t>(lead).drop_front(lead.empty() ? 0 : 1), ShapedType::isDynamic))
      return fail(Query, described(Query) + ", and a dimension before its run-time one comes from key or value",
                  "the run-time dimension must be the first of all three");
    return checkSizes();
  }

  /// Broadcast, the tensors have to stay tensors.
  bool checkSizes() {
    for (Role role : {Query, Key, Values}) {
      std::vector<int64_t> extents(lead.begin(), lead.end());
      extents.insert(extents.end(), shapeOf(role).end() - 2, shapeOf(role).end());
      std::replace(extents.begin(), extents.end(), ShapedType::kDynamic, builder.batchBound());
      if (!checkElementCount(extents, named(role) + ", broadcast to", module.inputs[role].loc, builder.diagnostics))
        return false;
    }
    return true;
  }

  bool failToBroadcast(Role role) {
    bool heads = !leadOf(role).empty() && !lead.empty() && leadOf(role).back() != lead.back();
    return fail(role,
                described(role) + ", whose leading dimensions do not broadcast with those of " + named(Query) + ", " +
                    builder.describe(tensors[Query]),
                heads ? "with \"enable_gqa\": true a group of query heads shares each head of key and value"
                      : "shapes are aligned at the last dimension; there an extent is equal, 1 or missing");
  }

  /// The tensor with the leading dimensions of the scores.
  Value spread(Role role) {
    Value value = tensors[role];
    int64_t rows = *(shapeOf(role).end() - 2), width = shapeOf(role).back();
    if (leadOf(role) != ArrayRef<int64_t>(lead))
      value = builder.broadcast(value, joined(lead, rows, width));
    return merged(lead) == lead ? value : builder.reshape(value, joined(merged(lead), rows, width));
  }

  /// Gives a value, if there is one, the leading dimensions of the three tensors; `last` are those after them.
  void restoreLead(Value *value, ArrayRef<int64_t> last) {
    Extents shape(lead);
    shape.append(last.begin(), last.end());
    if (value && *value && ImportBuilder::shapeOf(*value) != ArrayRef<int64_t>(shape))
      *value = builder.reshape(*value, shape);
  }

  // -- What acts on the scores

  bool importArguments() {
    bool placed =
        !attention.score.empty() || module.argument("lengths") || (attention.sink && attention.sink->parameter);
    if (placed && lead.size() > 2) {
      builder.fail("score, lengths and a sink of each head need scores of rank 2 to 4, (batch, heads, queries, keys), "
                   "but they are " +
                   builder.describeShape(joined(lead, queries(), keys())));
      return false;
    }
    steps = attention.score;
    if (*attention.isCausal) {
      ScoreStepDesc causal;
      causal.loc = attention.isCausal.loc;
      steps.push_back(causal);
    }
    Extents both = merged(lead);
    ScoreExtents extents{both.size() == 2, both.size() == 2 ? both[0] : 1, both.back(), queries(), keys()};
    const char *constant = module.constantMask("attn_mask") ? "attn_mask" : nullptr;
    auto found = importScoreArguments(builder, module, {constant, nullptr, "lengths"}, extents);
    if (!found)
      return false;
    arguments = *found;
    return addMask();
  }

  bool failMask(const std::string &message, const std::string &hint) {
    builder.failAt(module.argument("attn_mask")->loc, "attn_mask " + inQuotes(**module.argument("attn_mask")) + message,
                   hint);
    return false;
  }

  bool addMask() {
    const Located<std::string> *name = module.argument("attn_mask");
    Value mask = name ? builder.values.at(**name) : Value();
    if (!mask)
      return !name;
    Type element = cast<RankedTensorType>(mask.getType()).getElementType();
    if (!element.isF32() && !element.isInteger(1))
      return failMask(" has dtype " + builder.describeType(element) + "; a mask is bool or f32",
                      "bool: true lets the key take part, the opposite of MultiheadAttention's; f32: added to the "
                      "scores");
    Extents scores = joined(lead, queries(), keys());
    auto both = attn::broadcastShapes(scores, ImportBuilder::shapeOf(mask));
    if (!both || *both != scores)
      return failMask(" is " + builder.describe(mask) + ", which does not broadcast to the scores, " +
                          builder.describeShape(scores),
                      "a mask is (.., queries, keys); bool true lets the key take part");
    if (element.isInteger(1))
      mask = builder.blockedMask(*name, MaskConvention::Valid);
    mask = mergeLead(mask);
    if (mask)
      (element.isF32() ? arguments.added : arguments.blocked).push_back(mask);
    return bool(mask);
  }

  /// The mask with its leading dimensions as those of the scores are merged.
  Value mergeLead(Value mask) {
    if (!mask || ImportBuilder::shapeOf(mask).size() <= 2 || merged(lead) == lead)
      return mask;
    Extents shape(ImportBuilder::shapeOf(mask));
    shape.insert(shape.begin(), lead.size() + 2 - shape.size(), 1);
    ArrayRef<int64_t> rest = ArrayRef<int64_t>(lead).drop_front(), own = ArrayRef<int64_t>(shape).slice(1, rest.size());
    int64_t first = shape[0], heads = product(own), rows = *(shape.end() - 2), columns = shape.back();
    if (heads != 1 && own != rest) {
      heads = product(rest);
      Extents whole(lead);
      whole[0] = first;
      mask = builder.broadcast(builder.reshape(mask, shape), joined(whole, rows, columns));
    }
    return builder.reshape(mask, {first, heads, rows, columns});
  }

  ImportBuilder &builder;
  const ModuleDesc &module;
  const ScaledDotProductAttentionDesc &attention;
  Value tensors[3];
  Extents lead;
  std::vector<ScoreStepDesc> steps;
  ScoreArguments arguments;
};

} // namespace

Value importScaledDotProduct(ImportBuilder &builder, const ModuleDesc &module,
                             const ScaledDotProductAttentionDesc &attention) {
  return ScaledDotProductImporter(builder, module, attention).import();
}

} // namespace attnc
