// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "frontend/ImportCache.h"

using namespace mlir;

namespace attnc {

namespace {

constexpr const char *kPosition = "position";

bool isPlainCausal(const ScoreStepDesc &step) {
  return step.kind == ScoreStepKind::Causal && step.alignment == CausalAlignment::TopLeft;
}

/// As a C identifier has it: the name of a member of the generated header.
std::string memberName(std::string name) {
  for (char &c : name)
    if (!std::isalnum((unsigned char)c))
      c = '_';
  return name;
}

} // namespace

bool checkCacheKeys(ImportBuilder &builder, const ModuleDesc &module, const CacheDesc &cache,
                    ArrayRef<ScoreStepDesc> score, const std::optional<RopeDesc> &rope) {
  const Located<std::string> *position = module.argument(kPosition);
  if (*cache.capacity == 0) {
    if (position)
      builder.failAt(position->loc, "position belongs to a cache, and there is none",
                     "add \"cache\": the number of tokens that each sequence has room for");
    return !position;
  }
  auto refuse = [&](const SourceLoc &loc, const std::string &what, const std::string &hint = "") {
    builder.failAt(loc, what + " does not go with a cache", hint);
    return false;
  };
  if (!position)
    return builder.failAt(cache.capacity.loc, "a cache needs \"position\"",
                          "name an i32 input of one element for each sequence: how many of its tokens earlier runs "
                          "have put into the cache"),
           false;
  for (const ScoreStepDesc &step : score)
    if (!isPlainCausal(step))
      return refuse(step.loc, "this score function", "supported is {\"causal\": \"top_left\"}, which a cache implies");
  if (rope)
    return refuse(rope->loc, "rope", "supported are positions that are added to the input");
  for (const auto &[key, name] : module.arguments)
    if (key != kPosition && key != "input" && key != "query")
      return refuse(name.loc, key, "a token sees itself and all tokens before it");
  for (const auto &[key, constant] : module.constantMasks)
    if (!constant.causal || *constant.causal != CausalAlignment::TopLeft)
      return refuse(constant.loc, key, "a token sees itself and all tokens before it");
  return true;
}

std::unique_ptr<KeyValueCache> KeyValueCache::create(ImportBuilder &builder, const ModuleDesc &module,
                                                     const CacheDesc &cache, Value query, const Extents &extents) {
  if (*cache.capacity == 0 || !query)
    return nullptr;
  const SourceLoc &loc = cache.capacity.loc;
  ArrayRef<int64_t> shape = ImportBuilder::shapeOf(query);
  auto fail = [&](const SourceLoc &where, const std::string &message, const std::string &hint = "") {
    builder.failAt(where, message, hint);
    return nullptr;
  };
  if (shape.size() != 3)
    return fail(loc, "a cache needs sequences with a batch dimension, but the input is " + builder.describe(query));
  if (*cache.capacity < shape[1])
    return fail(loc, "a cache of " + std::to_string(*cache.capacity) + " tokens has no room for the " +
                         std::to_string(shape[1]) + " of one run");
  const Located<std::string> &name = *module.argument(kPosition);
  Value position = builder.values.at(*name);
  if (!position)
    return nullptr;
  if (ImportBuilder::shapeOf(position) != shape.take_front(1))
    return fail(name.loc,
                "position " + inQuotes(*name) + " is " + builder.describe(position) + ", but must be " +
                    builder.describeShape(shape.take_front(1)),
                "one element for each sequence");
  const int64_t slots = 2 * extents.attentions * extents.heads;
  const int64_t batch = ShapedType::isDynamic(shape[0]) ? builder.batchBound() : shape[0];
  if (!checkElementCount({batch, slots, *cache.capacity, extents.headDim}, "the cache", loc, builder.diagnostics))
    return nullptr;
  const std::string member = memberName(*module.name + "_cache");
  if (!builder.addState(member, RankedTensorType::get({shape[0], slots, *cache.capacity, extents.headDim},
                                                      builder.builder.getF32Type())))
    return fail(loc, "the cache would be called " + inQuotes(member) + ", as another input or output is",
                "give the module another name");
  builder.limitIndices(position, *cache.capacity - shape[1] + 1);
  std::unique_ptr<KeyValueCache> result(new KeyValueCache(builder, extents, builder.states.size() - 1));
  result->position = position;
  return result;
}

void KeyValueCache::append(Value &key, Value &value) {
  Value &current = builder.states[state].value;
  current =
      builder.emitWith<attn::AppendOp>({current, position, key, value}, [&](attn::AppendOp::Properties &properties) {
        properties.start = builder.builder.getI64IntegerAttr(slot);
      });
  key = current ? builder.slice(current, 1, slot, extents.heads) : Value();
  value = current ? builder.slice(current, 1, slot + extents.heads, extents.heads) : Value();
  slot += 2 * extents.heads;
}

} // namespace attnc
