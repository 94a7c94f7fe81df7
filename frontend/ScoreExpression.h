// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The expressions of "score": functions of one score and its place, such as `select(key <= query, score, -inf)`.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <vector>

namespace attnc {

enum class ScoreFunction {
  Number,
  Score,
  Batch,
  Head,
  Query,
  Key,
  Negate,
  Add,
  Subtract,
  Multiply,
  Divide,
  FloorDivide,
  Modulo,
  Less,
  LessEqual,
  Greater,
  GreaterEqual,
  Equal,
  NotEqual,
  And,
  Or,
  Not,
  Select,
  Exp,
  Tanh,
  Abs,
  Min,
  Max
};

/// What an expression yields: places and their sums and products are integers, computed as such.
enum class ScoreType { Integer, Real, Condition };

/// One operation. Its operands are nodes before it.
struct ScoreNode {
  ScoreFunction function;
  ScoreType type;
  double number = 0; ///< Of a Number.
  std::array<size_t, 3> operands{};
};

/// An expression, operands before operations; the last node is the result. A result that is a condition says whether
/// the key takes part, any other one is the score.
struct ScoreExpression {
  std::vector<ScoreNode> nodes;
  ScoreType type() const { return nodes.back().type; }
};

/// What is wrong with an expression, and where.
struct ScoreSyntaxError {
  size_t position = 0; ///< In bytes from the beginning.
  std::string message;
};

/// Longer expressions and deeper nesting are refused.
constexpr size_t maxExpressionLength = 4096, maxExpressionDepth = 64;

/// Parses
/// ```
/// condition  = conjunction { "or" conjunction }
/// conjunction = negation { "and" negation }
/// negation   = "not" negation | comparison
/// comparison = sum [ ("<" | "<=" | ">" | ">=" | "==" | "!=") sum ]
/// sum        = product { ("+" | "-") product }
/// product    = factor { ("*" | "/" | "//" | "%") factor }
/// factor     = "-" factor | number | "inf" | place | function "(" condition { "," condition } ")" | "(" condition ")"
/// ```
/// The right side of // and % is an integer > 0, and the left side is an integer; the quotient rounds down.
/// None, with `error` filled in, where the text is no such expression or applies an operation to the wrong type.
std::optional<ScoreExpression> parseScoreExpression(const std::string &text, ScoreSyntaxError &error);

} // namespace attnc
