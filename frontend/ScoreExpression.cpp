// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "frontend/ScoreExpression.h"

#include "frontend/Diagnostic.h"

#include <cmath>
#include <cstdlib>

namespace attnc {

namespace {

using Fn = ScoreFunction;

struct Named {
  const char *name;
  Fn function;
};
constexpr Named places[] = {
    {"score", Fn::Score}, {"batch", Fn::Batch}, {"head", Fn::Head}, {"query", Fn::Query}, {"key", Fn::Key}};

struct Callable {
  const char *name;
  Fn function;
  size_t arity;
};
constexpr Callable callables[] = {{"select", Fn::Select, 3}, {"exp", Fn::Exp, 1}, {"tanh", Fn::Tanh, 1},
                                  {"abs", Fn::Abs, 1},       {"min", Fn::Min, 2}, {"max", Fn::Max, 2}};

// Longer spellings first: "<=" begins with "<".
constexpr Named comparisons[] = {{"<=", Fn::LessEqual}, {">=", Fn::GreaterEqual}, {"==", Fn::Equal},
                                 {"!=", Fn::NotEqual},  {"<", Fn::Less},          {">", Fn::Greater}};

bool isWordByte(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

/// Recursive descent. After the first error every step returns none.
class ExpressionParser {
public:
  ExpressionParser(const std::string &text, ScoreSyntaxError &error) : text(text), error(error) {}

  std::optional<ScoreExpression> parse() {
    if (text.size() > maxExpressionLength) {
      fail(0, "the expression is longer than " + std::to_string(maxExpressionLength) + " bytes");
      return std::nullopt;
    }
    Node root = condition();
    skipSpace();
    if (root && at < text.size())
      root = fail(at, "unexpected " + inQuotes(text.substr(at, 1)) + " after the expression");
    if (!root)
      return std::nullopt;
    return std::move(expression);
  }

private:
  using Node = std::optional<size_t>;

  Node fail(size_t position, const std::string &message) {
    error = {position, message};
    return std::nullopt;
  }

  Node node(Fn function, ScoreType type, std::array<size_t, 3> operands = {}, double number = 0) {
    expression.nodes.push_back({function, type, number, operands});
    return expression.nodes.size() - 1;
  }
  ScoreType typeOf(Node operand) const { return expression.nodes[*operand].type; }
  bool isCondition(Node operand) const { return typeOf(operand) == ScoreType::Condition; }
  ScoreType joined(Node a, Node b) const {
    bool integers = typeOf(a) == ScoreType::Integer && typeOf(b) == ScoreType::Integer;
    return integers ? ScoreType::Integer : ScoreType::Real;
  }

  void skipSpace() {
    while (at < text.size() && (text[at] == ' ' || text[at] == '\t' || text[at] == '\n'))
      ++at;
  }
  bool take(const char *symbol) {
    skipSpace();
    size_t length = std::char_traits<char>::length(symbol);
    if (text.compare(at, length, symbol) != 0)
      return false;
    at += length;
    return true;
  }
  std::string peekWord() {
    skipSpace();
    size_t end = at;
    while (end < text.size() && isWordByte(text[end]))
      ++end;
    return text.substr(at, end - at);
  }
  bool takeWord(const char *word) {
    if (peekWord() != word)
      return false;
    at += std::char_traits<char>::length(word);
    return true;
  }

  Node logical(Fn function, const char *word, Node (ExpressionParser::*operand)()) {
    skipSpace();
    size_t begin = at;
    Node left = (this->*operand)();
    while (left && takeWord(word)) {
      size_t middle = at;
      Node right = (this->*operand)();
      if (!right)
        return right;
      if (!isCondition(left) || !isCondition(right))
        return fail(isCondition(left) ? middle : begin, "\"" + std::string(word) + "\" joins conditions, not numbers");
      left = node(function, ScoreType::Condition, {*left, *right});
    }
    return left;
  }
  Node condition() { return logical(Fn::Or, "or", &ExpressionParser::conjunction); }
  Node conjunction() { return logical(Fn::And, "and", &ExpressionParser::negation); }

  Node negation() {
    if (!takeWord("not"))
      return comparison();
    if (++depth > maxExpressionDepth)
      return tooDeep();
    size_t begin = at;
    Node operand = negation();
    --depth;
    if (operand && !isCondition(operand))
      return fail(begin, "\"not\" takes a condition, not a number");
    return operand ? node(Fn::Not, ScoreType::Condition, {*operand}) : operand;
  }

  Node comparison() {
    Node left = sum();
    for (const Named &comparison : comparisons) {
      skipSpace();
      size_t begin = at;
      if (!left || !take(comparison.name))
        continue;
      Node right = sum();
      if (!right)
        return right;
      if (isCondition(left) || isCondition(right))
        return fail(begin, "\"" + std::string(comparison.name) + "\" compares numbers, not conditions");
      return node(comparison.function, ScoreType::Condition, {*left, *right});
    }
    return left;
  }

  /// The operators that have a prefix in common stand longest first.
  Node arithmetic(std::initializer_list<Named> operators, Node (ExpressionParser::*operand)()) {
    Node left = (this->*operand)();
    while (left) {
      skipSpace();
      size_t begin = at;
      const Named *found = nullptr;
      for (const Named &candidate : operators)
        if (!found && take(candidate.name))
          found = &candidate;
      if (!found)
        break;
      Node right = (this->*operand)();
      if (!right)
        return right;
      if (isCondition(left) || isCondition(right))
        return fail(begin, "\"" + std::string(found->name) + "\" takes numbers, not conditions");
      if ((found->function == Fn::FloorDivide || found->function == Fn::Modulo) && !isWholeDivision(left, right))
        return fail(begin, "\"" + std::string(found->name) +
                               "\" divides an integer by a positive integer that is written out");
      ScoreType type = found->function == Fn::Divide ? ScoreType::Real : joined(left, right);
      left = node(found->function, type, {*left, *right});
    }
    return left;
  }
  Node sum() { return arithmetic({{"+", Fn::Add}, {"-", Fn::Subtract}}, &ExpressionParser::product); }
  Node product() {
    return arithmetic({{"*", Fn::Multiply}, {"//", Fn::FloorDivide}, {"/", Fn::Divide}, {"%", Fn::Modulo}},
                      &ExpressionParser::factor);
  }
  bool isWholeDivision(Node left, Node right) const {
    const ScoreNode &divisor = expression.nodes[*right];
    return typeOf(left) == ScoreType::Integer && divisor.function == Fn::Number && divisor.type == ScoreType::Integer &&
           divisor.number > 0;
  }

  Node tooDeep() {
    return fail(at, "the expression is nested deeper than " + std::to_string(maxExpressionDepth) + " levels");
  }

  Node factor() {
    if (++depth > maxExpressionDepth)
      return tooDeep();
    Node result = innerFactor();
    --depth;
    return result;
  }

  Node innerFactor() {
    skipSpace();
    size_t begin = at;
    if (take("-")) {
      Node operand = factor();
      if (operand && isCondition(operand))
        return fail(begin, "\"-\" takes numbers, not conditions");
      return operand ? node(Fn::Negate, typeOf(operand), {*operand}) : operand;
    }
    if (take("(")) {
      Node inner = condition();
      if (inner && !take(")"))
        return fail(at, "expected \")\"");
      return inner;
    }
    if (at < text.size() && (text[at] == '.' || (text[at] >= '0' && text[at] <= '9')))
      return number();
    return word();
  }

  Node number() {
    size_t begin = at;
    auto digits = [&] {
      while (at < text.size() && text[at] >= '0' && text[at] <= '9')
        ++at;
    };
    digits();
    bool integer = true;
    if (at < text.size() && text[at] == '.') {
      integer = false;
      ++at;
      digits();
    }
    if (at < text.size() && (text[at] == 'e' || text[at] == 'E')) {
      integer = false;
      ++at;
      if (at < text.size() && (text[at] == '+' || text[at] == '-'))
        ++at;
      digits();
    }
    std::string spelling = text.substr(begin, at - begin);
    char *end = nullptr;
    double value = std::strtod(spelling.c_str(), &end);
    if (*end || end == spelling.c_str() || (at < text.size() && isWordByte(text[at])))
      return fail(begin, "this is not a number");
    if (!std::isfinite((float)value))
      return fail(begin, "the number " + spelling + " is beyond f32");
    bool fits = integer && value <= 2147483647.0;
    return node(Fn::Number, fits ? ScoreType::Integer : ScoreType::Real, {}, value);
  }

  Node word() {
    size_t begin = at;
    std::string name = peekWord();
    at += name.size();
    for (const Named &place : places)
      if (name == place.name)
        return node(place.function, place.function == Fn::Score ? ScoreType::Real : ScoreType::Integer);
    if (name == "inf")
      return node(Fn::Number, ScoreType::Real, {}, HUGE_VAL);
    for (const Callable &callable : callables)
      if (name == callable.name)
        return call(callable, begin);
    std::vector<std::string> known = {"inf"};
    for (const Named &place : places)
      known.push_back(place.name);
    for (const Callable &callable : callables)
      known.push_back(callable.name);
    if (name.empty())
      return fail(begin, at < text.size() ? "expected a value, found " + inQuotes(text.substr(at, 1))
                                          : "the expression ends where a value is expected");
    return fail(begin, "unknown name " + inQuotes(name) + didYouMean(name, known));
  }

  Node call(const Callable &callable, size_t begin) {
    std::string name = callable.name;
    if (!take("("))
      return fail(at, "expected \"(\" after " + name);
    std::array<size_t, 3> arguments{};
    size_t count = 0;
    do {
      Node argument = condition();
      if (!argument)
        return argument;
      if (count < callable.arity)
        arguments[count] = *argument;
      ++count;
    } while (take(","));
    if (!take(")"))
      return fail(at, "expected \")\"");
    if (count != callable.arity)
      return fail(begin,
                  name + " takes " + std::to_string(callable.arity) + " arguments, but has " + std::to_string(count));
    for (size_t i = 0; i < count; ++i)
      if (isCondition(arguments[i]) != (callable.function == Fn::Select && i == 0))
        return fail(begin, callable.function == Fn::Select ? "select takes a condition and two numbers"
                                                           : name + " takes numbers, not conditions");
    return node(callable.function, callType(callable, arguments), arguments);
  }

  ScoreType callType(const Callable &callable, const std::array<size_t, 3> &arguments) const {
    switch (callable.function) {
    case Fn::Select:
      return joined(arguments[1], arguments[2]);
    case Fn::Min:
    case Fn::Max:
      return joined(arguments[0], arguments[1]);
    case Fn::Abs:
      return typeOf(arguments[0]);
    default:
      return ScoreType::Real;
    }
  }

  const std::string &text;
  ScoreSyntaxError &error;
  ScoreExpression expression;
  size_t at = 0, depth = 0;
};

} // namespace

std::optional<ScoreExpression> parseScoreExpression(const std::string &text, ScoreSyntaxError &error) {
  return ExpressionParser(text, error).parse();
}

} // namespace attnc
