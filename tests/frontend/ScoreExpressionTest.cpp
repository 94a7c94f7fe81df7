// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What accepted expressions become; rejected ones are in tests/errors.
#include "frontend/ScoreExpression.h"

#include <gtest/gtest.h>

using namespace attnc;

namespace {

/// The tree in prefix form, with i, r and c for the types of its operations.
std::string treeOf(const ScoreExpression &expression, size_t at) {
  static const char *const names[] = {"number", "score",  "batch", "head", "query",    "key", "neg",
                                      "add",    "sub",    "mul",   "div",  "floordiv", "mod", "lt",
                                      "le",     "gt",     "ge",    "eq",   "ne",       "and", "or",
                                      "not",    "select", "exp",   "tanh", "abs",      "min", "max"};
  static const size_t arity[] = {0, 0, 0, 0, 0, 0, 1, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 1, 3, 1, 1, 1, 2, 2};
  const ScoreNode &node = expression.nodes[at];
  size_t which = (size_t)node.function;
  std::string text = names[which];
  if (node.function == ScoreFunction::Number)
    return std::to_string((int)node.number);
  if (!arity[which])
    return text;
  text += node.type == ScoreType::Integer ? ":i(" : node.type == ScoreType::Real ? ":r(" : ":c(";
  for (size_t i = 0; i < arity[which]; ++i)
    text += (i ? " " : "") + treeOf(expression, node.operands[i]);
  return text + ")";
}

std::string parsed(const std::string &text) {
  ScoreSyntaxError error;
  std::optional<ScoreExpression> expression = parseScoreExpression(text, error);
  return expression ? treeOf(*expression, expression->nodes.size() - 1) : "error: " + error.message;
}

TEST(ScoreExpression, OperatorsBindAsUsual) {
  EXPECT_EQ(parsed("score"), "score");
  EXPECT_EQ(parsed(" ( key ) "), "key");
  EXPECT_EQ(parsed("score + query * key - 2"), "sub:r(add:r(score mul:i(query key)) 2)");
  EXPECT_EQ(parsed("query - key - 1"), "sub:i(sub:i(query key) 1)");
  EXPECT_EQ(parsed("-query * 2"), "mul:i(neg:i(query) 2)");
  EXPECT_EQ(parsed("query / 2"), "div:r(query 2)");
  EXPECT_EQ(parsed("query // 16 == key // 16"), "eq:c(floordiv:i(query 16) floordiv:i(key 16))");
  EXPECT_EQ(parsed("(query-key)%3//2 / 2"), "div:r(floordiv:i(mod:i(sub:i(query key) 3) 2) 2)");
  EXPECT_EQ(parsed("key<=query and not head==1 or batch>3"),
            "or:c(and:c(le:c(key query) not:c(eq:c(head 1))) gt:c(batch 3))");
  EXPECT_EQ(parsed("not not key != 1"), "not:c(not:c(ne:c(key 1)))");
}

TEST(ScoreExpression, FunctionsHaveTypes) {
  EXPECT_EQ(parsed("select(key < query, 1, 2)"), "select:i(lt:c(key query) 1 2)");
  EXPECT_EQ(parsed("select(key >= query, score, 2)"), "select:r(ge:c(key query) score 2)");
  EXPECT_EQ(parsed("abs(query - key)"), "abs:i(sub:i(query key))");
  EXPECT_EQ(parsed("min(key, max(2, score))"), "min:r(key max:r(2 score))");
  EXPECT_EQ(parsed("exp(tanh(key))"), "exp:r(tanh:r(key))");
}

TEST(ScoreExpression, NumbersAreIntegersWhereTheyAreWrittenSo) {
  ScoreSyntaxError error;
  EXPECT_EQ(parseScoreExpression("2147483647", error)->type(), ScoreType::Integer);
  EXPECT_EQ(parseScoreExpression("2147483648", error)->type(), ScoreType::Real);
  EXPECT_EQ(parseScoreExpression("2.0", error)->type(), ScoreType::Real);
  EXPECT_EQ(parseScoreExpression("1e-3", error)->nodes[0].number, 1e-3);
  EXPECT_GT(parseScoreExpression("inf", error)->nodes[0].number, 1e300);
}

} // namespace
