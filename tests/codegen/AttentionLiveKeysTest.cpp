// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Conditions that the compiler evaluates: block-diagonal masks, prefixes and constant masks, whose tiles skip keys.

#include "tests/codegen/Kernel.h"
#include "tests/codegen/Models.h"
#include "tests/codegen/NumericPolicy.h"

#include <gtest/gtest.h>

#include <cmath>

namespace attnc::test {
namespace {

/// A region's ops by name; %live is what they say of a key.
struct Condition {
  const char *name, *ops;
};
constexpr Condition kConditions[] = {
    {"blocks of 24", "  %n = arith.constant 24 : index\n  %ib = arith.floordivsi %i, %n : index\n"
                     "  %jb = arith.floordivsi %j, %n : index\n  %live = arith.cmpi eq, %ib, %jb : index\n"},
    {"causal blocks of 40", "  %n = arith.constant 40 : index\n  %ib = arith.floordivsi %i, %n : index\n"
                            "  %jb = arith.floordivsi %j, %n : index\n  %same = arith.cmpi eq, %ib, %jb : index\n"
                            "  %causal = arith.cmpi sle, %j, %i : index\n  %live = arith.andi %same, %causal : i1\n"},
    {"a prefix", "  %n = arith.constant 19 : index\n  %early = arith.cmpi slt, %j, %n : index\n"
                 "  %causal = arith.cmpi sle, %j, %i : index\n  %live = arith.ori %early, %causal : i1\n"},
    {"odd keys from 32 on", "  %n = arith.constant 32 : index\n  %two = arith.constant 2 : index\n"
                            "  %half = arith.floordivsi %j, %two : index\n  %even = arith.muli %half, %two : index\n"
                            "  %odd = arith.cmpi ne, %even, %j : index\n  %late = arith.cmpi sge, %j, %n : index\n"
                            "  %live = arith.andi %odd, %late : i1\n"},
    {"no key for the first queries",
     "  %n = arith.constant 33 : index\n  %late = arith.cmpi sge, %i, %n : index\n"
     "  %near = arith.cmpi slt, %j, %n : index\n  %live = arith.andi %late, %near : i1\n"},
};

struct LiveKeysCase {
  Condition condition;
  int64_t queries, keys;
  bool padding = false, logSumExp = false;
};

std::string describe(const LiveKeysCase &c) {
  return std::string(c.condition.name) + ", " + std::to_string(c.queries) + " queries, " + std::to_string(c.keys) +
         " keys" + (c.padding ? ", padding" : "") + (c.logSumExp ? ", log-sum-exp" : "");
}

/// softmax(scores where the condition holds) value, of two heads, and the log-sum-exp of the scores.
Model conditionModel(const LiveKeysCase &c) {
  ModelWriter w;
  const Value query = w.input("query", {kBatch, 2, c.queries, 16}), key = w.input("key", {kBatch, 2, c.keys, 16}),
              value = w.input("value", {kBatch, 2, c.keys, 16});
  const Shape scores = {kBatch, 2, c.queries, c.keys};
  Value s = w.op("attn.matmul " + query.name + ", " + key.name + " {transpose_rhs}", {query, key}, scores);
  s = w.op("attn.modify_scores " + s.name + scoreRegion(c.condition.ops + std::string("  attn.score %score, %live")),
           {s}, scores);
  if (c.padding) {
    const Value padding = w.input("padding", {kBatch, c.keys}, DType::i1);
    const Value mask = w.op("attn.reshape " + padding.name, {padding}, {kBatch, 1, 1, c.keys}, DType::i1);
    s = w.op("attn.mask " + s.name + ", " + mask.name, {s, mask}, scores);
  }
  const Value weights = w.op("attn.softmax " + s.name + " {axis = 3 : i64}", {s}, scores);
  std::vector<Value> results = {
      w.op("attn.matmul " + weights.name + ", " + value.name, {weights, value}, {kBatch, 2, c.queries, 16})};
  if (c.logSumExp)
    results.push_back(w.op("attn.log_sum_exp " + s.name + " {axis = 3 : i64}", {s}, {kBatch, 2, c.queries}));
  return w.finish(results);
}

std::vector<LiveKeysCase> cases() {
  std::vector<LiveKeysCase> all;
  int number = 0;
  for (const Condition &condition : kConditions)
    for (const auto &[queries, keys] : {std::pair<int64_t, int64_t>{7, 64}, {66, 66}, {130, 131}, {200, 48}}) {
      ++number;
      all.push_back({condition, queries, keys, number % 2 == 0, number % 3 == 0});
    }
  return all;
}

TEST(AttentionLiveKeys, AgreesWithTheReference) {
  for (const LiveKeysCase &c : cases()) {
    SCOPED_TRACE(describe(c));
    const Model model = conditionModel(c);
    EXPECT_EQ(kernelCalls(model), "attention_0");
    const Data data = randomData(model, 2);
    const Expected expected = evaluate(model, data);
    const std::vector<Array> actual = Kernel(model).run(data, {2, Placement::AtEnd});
    for (size_t i = 0; i < actual.size(); ++i)
      EXPECT_TRUE(isAsGoodAsNaive(actual[i], expected.f64[i], expected.f32[i])) << "result " << i;
  }
}

TEST(AttentionLiveKeys, SameBitsForEveryTarget) {
  for (const Condition &condition : kConditions) {
    SCOPED_TRACE(condition.name);
    const Model model = conditionModel({condition, 66, 131, true});
    const Data data = randomData(model, 2);
    CompileOptions options{"x86-64-v3"};
    const Kernel kernel(model, options);
    const Array expected = kernel.run(data).front();
    EXPECT_TRUE(haveSameBits(kernel.run(data, {3}).front(), expected));
    options.cpu = "x86-64-v4";
    if (canRun(options.cpu)) {
      EXPECT_TRUE(haveSameBits(Kernel(model, options).run(data).front(), expected));
    }
  }
}

/// NaN in the value of a key reaches the queries that see it and no other.
TEST(AttentionLiveKeys, KeysOutsideHaveNoInfluence) {
  const Model model = conditionModel({kConditions[0], 72, 72});
  const Kernel kernel(model);
  Data data = randomData(model, 1);
  const Array before = kernel.run(data).front();
  Array &value = inputOf(model, data, "value");
  for (size_t i = 0; i < 16; ++i)
    value.values[size_t(30) * 16 + i] = std::nan("");
  const Array after = kernel.run(data).front();
  for (size_t i = 0; i < size_t(72) * 16; ++i) {
    const bool seesIt = i / 16 / 24 == 30 / 24;
    EXPECT_EQ(std::isnan(after.values[i]), seesIt) << "query " << i / 16;
    if (!seesIt) {
      EXPECT_EQ(after.values[i], before.values[i]);
    }
  }
}

} // namespace
} // namespace attnc::test
