// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "frontend/ParseMask.h"

#include "frontend/ParseScore.h"

#include <cmath>
#include <limits>

namespace attnc {

namespace {

/// Reads a matrix: rows of booleans, or rows of numbers and "-inf".
class MatrixReader {
public:
  MatrixReader(const std::string &key, Diagnostics &diagnostics) : key(key), diagnostics(diagnostics) {}

  std::optional<MaskConstant> read(const JsonValue &list) {
    mask.loc = list.loc();
    mask.rows = (int64_t)list.items.size();
    mask.columns = -1;
    for (const JsonValue *row : list.items)
      if (!readRow(*row))
        return std::nullopt;
    if (!mask.elements.empty())
      return mask;
    diagnostics.error(list.loc(), key + " is an empty list", "one row for each query, one element for each key");
    return std::nullopt;
  }

private:
  bool readRow(const JsonValue &row) {
    if (row.kind != JsonKind::Array)
      return wrongType(row, "a row of " + key, "a list of booleans or numbers");
    if (mask.columns < 0)
      mask.columns = (int64_t)row.items.size();
    if ((int64_t)row.items.size() != mask.columns) {
      diagnostics.error(row.loc(), "a row of " + key + " has " + std::to_string(row.items.size()) +
                                       " elements, but the first one has " + std::to_string(mask.columns));
      return false;
    }
    for (const JsonValue *element : row.items)
      if (!readElement(*element))
        return false;
    return true;
  }

  bool readElement(const JsonValue &element) {
    if (mask.elements.empty())
      mask.isBool = element.kind == JsonKind::Boolean;
    if (mask.isBool && element.kind == JsonKind::Boolean) {
      mask.elements.push_back(element.boolean ? 1.0f : 0.0f);
      return true;
    }
    if (mask.isBool)
      return wrongType(element, "an element of " + key, "true or false, as the first one");
    if (element.kind == JsonKind::String && element.text == "-inf") {
      mask.elements.push_back(-std::numeric_limits<float>::infinity());
      return true;
    }
    if (element.kind != JsonKind::Number || !std::isfinite((float)element.number))
      return wrongType(element, "an element of " + key, "a number of f32 or \"-inf\"");
    mask.elements.push_back((float)element.number);
    return true;
  }

  bool wrongType(const JsonValue &value, const std::string &name, const std::string &expected) {
    KeyReader(diagnostics).wrongType(value, name, expected);
    return false;
  }

  const std::string &key;
  Diagnostics &diagnostics;
  MaskConstant mask;
};

} // namespace

const ObjectSpec &maskSpec() {
  static const ObjectSpec spec = {"mask",
                                  {alignmentKey("causal"), special("parameter", KeyType::String, KeyRole::Optional)}};
  return spec;
}

std::optional<MaskConstant> readMask(const JsonValue &value, const std::string &key, Diagnostics &diagnostics) {
  if (value.kind == JsonKind::Array)
    return MatrixReader(key, diagnostics).read(value);
  KeyReader reader(diagnostics);
  if (!reader.checkKeys(value, maskSpec()))
    return std::nullopt;
  MaskConstant mask;
  mask.loc = value.loc();
  const JsonValue *causal = value.find("causal"), *parameter = value.find("parameter");
  if (!causal == !parameter) {
    diagnostics.error(
        value.loc(), key + " has one of causal and parameter",
        "{\"causal\": \"top_left\"} blocks the keys behind a query's place; {\"parameter\": \"name\"} is a "
        "mask of the weights file");
    return std::nullopt;
  }
  if (parameter) {
    std::optional<std::string> name = reader.string(*parameter, "parameter");
    if (!name)
      return std::nullopt;
    mask.parameter = Located<std::string>(*name, parameter->loc());
    return mask;
  }
  mask.causal = reader.enumeration<CausalAlignment>(*causal, alignmentKey("causal"));
  return mask.causal ? std::optional<MaskConstant>(mask) : std::nullopt;
}

} // namespace attnc
