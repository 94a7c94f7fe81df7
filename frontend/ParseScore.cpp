// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "frontend/ParseScore.h"

#include "frontend/Dims.h"
#include "frontend/ModuleTable.h"

#include <cmath>

namespace attnc {

template <> const std::vector<Key<RelativeBiasDesc>> &keysOf() {
  static const std::vector<Key<RelativeBiasDesc>> table = {
      {special("parameter", KeyType::String, KeyRole::Required), {}},
      optional("num_buckets", &RelativeBiasDesc::numBuckets),
      optional("max_distance", &RelativeBiasDesc::maxDistance),
      optional("bidirectional", &RelativeBiasDesc::bidirectional)};
  return table;
}

namespace {

/// A bucket is a piece of the weights; T5 has 32.
constexpr int64_t maxBuckets = 1024;

/// The keys that make a step; each has one.
constexpr const char *const stepKeys[] = {"causal", "window", "alibi", "softcap", "relative_bias", "expression"};

KeySpec optionalKey(const char *name, KeyType type, std::vector<std::string> choices = {}, const char *fallback = "") {
  KeySpec spec = special(name, type, KeyRole::Optional, fallback);
  spec.choices = std::move(choices);
  return spec;
}

class StepReader {
public:
  StepReader(const JsonValue &object, Diagnostics &diagnostics)
      : object(object), diagnostics(diagnostics), reader(diagnostics) {}

  std::optional<ScoreStepDesc> read() {
    size_t errorsBefore = diagnostics.errorCount();
    if (!reader.checkKeys(object, scoreSpec()))
      return std::nullopt;
    const char *key = nullptr;
    size_t count = 0;
    for (const char *candidate : stepKeys)
      if (object.find(candidate)) {
        key = candidate;
        ++count;
      }
    if (count != 1)
      diagnostics.error(object.loc(),
                        "a step of score has one of causal, window, alibi, softcap, relative_bias and expression",
                        "several modifications are several steps, which apply in their order");
    else
      readStep(key, *object.find(key));
    if (diagnostics.errorCount() != errorsBefore)
      return std::nullopt;
    step.loc = object.loc();
    return step;
  }

private:
  void readStep(const std::string &key, const JsonValue &value) {
    const JsonValue *align = object.find("align");
    if (align && key != "window")
      return diagnostics.error(align->loc(), "\"align\" belongs to a window",
                               "a causal step says its alignment itself: {\"causal\": \"bottom_right\"}");
    if (key == "causal") {
      step.kind = ScoreStepKind::Causal;
      readAlignment(value, "causal");
    } else if (key == "window") {
      step.kind = ScoreStepKind::Window;
      readWindow(value);
      if (align)
        readAlignment(*align, "align");
    } else if (key == "alibi") {
      step.kind = ScoreStepKind::Alibi;
      if (value.kind != JsonKind::Boolean || !value.boolean)
        reader.wrongType(value, "alibi", "true");
    } else if (key == "softcap") {
      step.kind = ScoreStepKind::Softcap;
      readSoftcap(value);
    } else if (key == "relative_bias") {
      step.kind = ScoreStepKind::RelativeBias;
      readRelativeBias(value);
    } else {
      step.kind = ScoreStepKind::Expression;
      readExpression(value);
    }
  }

  void readAlignment(const JsonValue &value, const char *key) {
    step.alignment = reader.enumeration<CausalAlignment>(value, alignmentKey(key)).value_or(step.alignment);
  }

  void readWindow(const JsonValue &value) {
    if (value.kind != JsonKind::Array || value.items.size() != 2)
      return reader.wrongType(value, "window", "a list of two integers, [left, right]");
    KeySpec side = special("a side of the window", KeyType::Integer, KeyRole::Required);
    side.minimum = 0;
    step.left = reader.integer(*value.items[0], side).value_or(0);
    step.right = reader.integer(*value.items[1], side).value_or(0);
  }

  void readSoftcap(const JsonValue &value) {
    std::optional<double> cap = reader.number(value, special("softcap", KeyType::Number, KeyRole::Required));
    step.softcap = cap.value_or(1);
    float rounded = (float)step.softcap;
    if (!(rounded > 0) || !std::isfinite(rounded))
      diagnostics.error(value.loc(), "softcap must be a positive number of f32, but is " + value.describe());
  }

  void readRelativeBias(const JsonValue &value) {
    if (!reader.checkKeys(value, relativeBiasSpec()))
      return;
    RelativeBiasDesc &bias = step.relativeBias;
    reader.read(value, keysOf<RelativeBiasDesc>(), bias);
    const JsonValue *name = value.find("parameter");
    if (std::optional<std::string> text = name ? reader.string(*name, "parameter") : std::nullopt)
      bias.parameter = Located<std::string>{*text, name->loc()};
    // Half of the buckets of a direction are distances, one each; the others have a logarithmic width.
    const int64_t directions = *bias.bidirectional ? 2 : 1, exact = *bias.numBuckets / directions / 2;
    if (*bias.numBuckets % (2 * directions) != 0 || *bias.numBuckets > maxBuckets)
      return diagnostics.error(bias.numBuckets.loc,
                               "num_buckets must be a multiple of " + std::to_string(2 * directions) + " and at most " +
                                   std::to_string(maxBuckets) + ", but is " + std::to_string(*bias.numBuckets));
    if (*bias.maxDistance <= exact)
      diagnostics.error(value.find("max_distance") ? bias.maxDistance.loc : value.loc(),
                        "max_distance " + std::to_string(*bias.maxDistance) + " must be larger than " +
                            std::to_string(exact) + ", the distances that have a bucket each");
  }

  void readExpression(const JsonValue &value) {
    std::optional<std::string> text = reader.string(value, "expression");
    if (!text)
      return;
    ScoreSyntaxError error;
    std::optional<ScoreExpression> expression = parseScoreExpression(*text, error);
    if (expression) {
      step.expression = std::move(*expression);
      return;
    }
    // The place of the text within the quotes; what is before an error is ASCII.
    SourceLoc loc = value.loc();
    loc.column += 1 + (uint32_t)error.position;
    diagnostics.error(
        loc, error.message,
        "an expression is made of score, batch, head, query, key, numbers, inf, + - * / // %, comparisons, "
        "and, or, not, select(condition, a, b), exp, tanh, abs, min, max");
  }

  const JsonValue &object;
  Diagnostics &diagnostics;
  KeyReader reader;
  ScoreStepDesc step;
};

} // namespace

KeySpec alignmentKey(const char *name, const char *fallback) {
  return optionalKey(name, KeyType::Choice, choicesOf(Located<CausalAlignment>()), fallback);
}

const ObjectSpec &scoreSpec() {
  static const ObjectSpec spec = {
      "score",
      {alignmentKey("causal"), optionalKey("window", KeyType::IntegerList), alignmentKey("align", "\"top_left\""),
       optionalKey("alibi", KeyType::Boolean), optionalKey("softcap", KeyType::Number),
       optionalKey("relative_bias", KeyType::Object), optionalKey("expression", KeyType::String)}};
  return spec;
}

const ObjectSpec &relativeBiasSpec() {
  static const ObjectSpec spec = {"relative_bias", specsOf<RelativeBiasDesc>()};
  return spec;
}

std::vector<ScoreStepDesc> readScore(const JsonValue &object, Diagnostics &diagnostics, const char *key) {
  const JsonValue *list = object.find(key);
  if (!list)
    return {};
  if (list->kind != JsonKind::Array) {
    KeyReader(diagnostics).wrongType(*list, key, "a list of steps");
    return {};
  }
  if (list->items.size() > maxScoreSteps) {
    diagnostics.error(list->loc(), std::string(key) + " has more than " + std::to_string(maxScoreSteps) + " steps");
    return {};
  }
  std::vector<ScoreStepDesc> steps;
  for (const JsonValue *item : list->items)
    if (std::optional<ScoreStepDesc> step = StepReader(*item, diagnostics).read())
      steps.push_back(std::move(*step));
  return steps;
}

} // namespace attnc
