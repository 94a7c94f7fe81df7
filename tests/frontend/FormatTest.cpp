// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Parser, schema, documentation and examples say the same about the format.
#include "frontend/ModuleTypes.h"
#include "frontend/ParseModel.h"

#include <algorithm>
#include <filesystem>
#include <gtest/gtest.h>
#include <set>

using namespace attnc;

namespace {

constexpr const char *schemaPath = "../../frontend/model.schema.json";

std::string schemaName(const ObjectSpec &spec) {
  std::string name = spec.name;
  std::replace(name.begin(), name.end(), ' ', '_');
  return name;
}

bool isDescription(const ObjectSpec &spec) { return spec.name == "the description"; }
bool isNode(const ObjectSpec &spec) { return spec.name.compare(0, 5, "node ") == 0; }

/// Whether a schema's value is the JSON text of a default.
bool sameValue(const JsonValue &value, const std::string &text) {
  Diagnostics diagnostics;
  auto parsed = parseJson(diagnostics.addSource("default", text), diagnostics);
  if (!parsed || parsed->root().kind != value.kind)
    return false;
  const JsonValue &expected = parsed->root();
  return value.boolean == expected.boolean && value.number == expected.number &&
         (value.kind == JsonKind::Number || value.text == expected.text);
}

class SchemaTest : public ::testing::Test {
protected:
  void SetUp() override {
    document = parseJsonFile(schemaPath, diagnostics);
    ASSERT_TRUE(document);
  }
  const JsonValue &objectOf(const ObjectSpec &spec) const {
    static const JsonValue none;
    const JsonValue *found =
        isDescription(spec) ? &document->root() : document->root().find("$defs")->find(schemaName(spec));
    return found ? *found : none;
  }
  void checkKey(const KeySpec &key, const JsonValue &property) const {
    SCOPED_TRACE(key.name);
    const JsonValue *fallback = property.find(key.role == KeyRole::Unsupported ? "const" : "default");
    EXPECT_EQ(fallback != nullptr, !key.fallback.empty());
    if (fallback && !key.fallback.empty()) {
      EXPECT_TRUE(sameValue(*fallback, key.fallback)) << key.fallback;
    }
    if (key.type == KeyType::Choice) {
      std::vector<std::string> choices;
      ASSERT_TRUE(property.find("enum"));
      for (const JsonValue *choice : property.find("enum")->items)
        if (choice->kind == JsonKind::String)
          choices.push_back(choice->text);
      EXPECT_EQ(choices, key.choices);
    }
    EXPECT_TRUE(property.find("description") && !property.find("description")->text.empty());
  }
  Diagnostics diagnostics;
  std::unique_ptr<JsonDocument> document;
};

TEST_F(SchemaTest, HasTheParsersKeysDefaultsAndChoices) {
  for (const ObjectSpec &spec : describeFormat()) {
    SCOPED_TRACE(spec.name);
    const JsonValue &object = objectOf(spec);
    ASSERT_TRUE(object.find("properties"));
    ASSERT_TRUE(object.find("additionalProperties"));
    EXPECT_FALSE(object.find("additionalProperties")->boolean);
    std::vector<std::string> expected, found, required, foundRequired;
    for (const KeySpec &key : spec.keys) {
      expected.push_back(key.name);
      if (key.role == KeyRole::Required)
        required.push_back(key.name);
    }
    for (const JsonMember &member : object.find("properties")->members)
      found.push_back(member.key);
    EXPECT_EQ(found, expected);
    if (const JsonValue *list = object.find("required"))
      for (const JsonValue *item : list->items)
        foundRequired.push_back(item->text);
    EXPECT_EQ(foundRequired, required);
    for (const KeySpec &key : spec.keys)
      if (const JsonValue *property = object.find("properties")->find(key.name))
        checkKey(key, *property);
  }
}

TEST_F(SchemaTest, HasNoOtherObjects) {
  std::set<std::string> known = {"shape", "module", "node"};
  for (const ObjectSpec &spec : describeFormat())
    known.insert(schemaName(spec));
  for (const JsonMember &definition : document->root().find("$defs")->members)
    EXPECT_TRUE(known.count(definition.key)) << definition.key;
}

TEST_F(SchemaTest, ListsEveryTypeAndOp) {
  std::vector<std::string> types, ops, foundTypes, foundOps;
  for (const ModuleType &type : moduleTypes())
    types.push_back(type.spec.name);
  for (const ObjectSpec &spec : describeFormat())
    if (isNode(spec))
      ops.push_back(spec.name.substr(5));
  const JsonValue &definitions = *document->root().find("$defs");
  for (const JsonValue *type : definitions.find("module")->find("properties")->find("type")->find("enum")->items)
    foundTypes.push_back(type->text);
  for (const JsonValue *op : definitions.find("node")->find("properties")->find("op")->find("enum")->items)
    foundOps.push_back(op->text);
  EXPECT_EQ(foundTypes, types);
  EXPECT_EQ(foundOps, ops);
  EXPECT_EQ(definitions.find("module")->find("allOf")->items.size(), types.size());
  EXPECT_EQ(definitions.find("node")->find("allOf")->items.size(), ops.size());
}

/// The cells of the table rows below a heading, by the key in the first cell.
std::map<std::string, std::vector<std::string>> rowsOf(const std::string &text, const std::string &heading) {
  size_t begin = text.find("\n" + heading + "\n");
  if (begin == std::string::npos)
    return {};
  begin += heading.size() + 2;
  std::istringstream lines(text.substr(begin, text.find("\n#", begin) - begin));
  std::map<std::string, std::vector<std::string>> rows;
  for (std::string line; std::getline(lines, line);) {
    if (line.compare(0, 3, "| `") != 0)
      continue;
    std::vector<std::string> cells;
    for (size_t at = 2, end; (end = line.find(" |", at)) != std::string::npos; at = end + 3)
      cells.push_back(line.substr(at, end - at));
    rows[cells[0].substr(1, cells[0].size() - 2)] = cells;
  }
  return rows;
}

TEST(Documentation, HasTheParsersKeysAndDefaults) {
  Diagnostics diagnostics;
  std::optional<std::string> text = readTextFile("../../docs/MODEL.md", 1 << 20, diagnostics);
  ASSERT_TRUE(text);
  auto nodes = rowsOf(*text, "### Graph");
  auto common = rowsOf(*text, "## Modules");
  for (const ObjectSpec &spec : describeFormat()) {
    SCOPED_TRACE(spec.name);
    if (isNode(spec)) {
      std::string op = spec.name.substr(5);
      ASSERT_TRUE(nodes.count(op));
      for (const KeySpec &key : spec.keys)
        if (key.name != "op" && key.name != "name" && key.name != "inputs") {
          EXPECT_NE(nodes[op].at(2).find("`" + key.name + "` ("), std::string::npos) << key.name;
        }
      continue;
    }
    auto rows = rowsOf(*text, isDescription(spec) ? "## The file" : "### " + spec.name);
    for (const KeySpec &key : spec.keys) {
      SCOPED_TRACE(key.name);
      bool inCommon = spec.keys[0].name == "type" && common.count(key.name) && !rows.count(key.name);
      ASSERT_TRUE(rows.count(key.name) || inCommon);
      if (inCommon)
        continue;
      std::string fallback = key.role == KeyRole::Required ? "required"
                             : key.fallback.empty()        ? "-"
                                                           : "`" + key.fallback + "`";
      EXPECT_EQ(rows[key.name].at(2), fallback);
      rows.erase(key.name);
    }
    if (spec.name != "Graph") {
      EXPECT_TRUE(rows.empty()) << "documents keys that the parser does not know";
    }
  }
}

TEST(Examples, AreAcceptedAndNameTheSchema) {
  size_t count = 0;
  for (const auto &entry : std::filesystem::directory_iterator("../../examples/models")) {
    if (entry.path().extension() != ".json")
      continue;
    SCOPED_TRACE(entry.path());
    Diagnostics diagnostics;
    std::ostringstream text;
    EXPECT_TRUE(parseModelFile(entry.path(), {}, diagnostics));
    diagnostics.render(text);
    EXPECT_EQ(text.str(), "");
    auto document = parseJsonFile(entry.path(), diagnostics);
    ASSERT_TRUE(document && document->root().find("$schema"));
    EXPECT_TRUE(std::filesystem::exists(entry.path().parent_path() / document->root().find("$schema")->text));
    ++count;
  }
  EXPECT_GE(count, 5u);
}

} // namespace
