// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "frontend/Json.h"

#include <gtest/gtest.h>

using namespace attnc;

namespace {

struct Parsed {
  Diagnostics diagnostics;
  std::unique_ptr<JsonDocument> document;
  explicit Parsed(std::string text) {
    document = parseJson(diagnostics.addSource("t.json", std::move(text)), diagnostics);
  }
  const JsonValue &root() const { return document->root(); }
  std::string error() const { return diagnostics.all().empty() ? "" : diagnostics.all()[0].message; }
};

std::string place(const SourceLoc &loc) {
  return std::to_string(loc.line) + ":" + std::to_string(loc.column) + " " + loc.path;
}

TEST(Json, EveryValueAndKeyKnowsItsPlace) {
  Parsed parsed("\xEF\xBB\xBF{ \"a\" : [1 ,\n  { \"b c\":true}, null],\r\n\t\"\xC3\xA9\\\"]\": -1.5e3 }");
  ASSERT_TRUE(parsed.document) << parsed.error();
  const JsonValue &root = parsed.root();
  EXPECT_EQ(place(root.loc()), "1:1 $");
  EXPECT_EQ(place(root.members[0].keyLoc()), "1:3 $.a");
  const JsonValue &list = *root.find("a");
  EXPECT_EQ(place(list.loc()), "1:9 $.a");
  EXPECT_EQ(place(list.items[0]->loc()), "1:10 $.a[0]");
  EXPECT_EQ(place(list.items[1]->loc()), "2:3 $.a[1]");
  EXPECT_EQ(place(list.items[1]->find("b c")->loc()), "2:11 $.a[1][\"b c\"]");
  EXPECT_EQ(place(list.items[2]->loc()), "2:18 $.a[2]");
  EXPECT_EQ(place(root.members[1].keyLoc()), "3:2 $[\"\xC3\xA9\\\"]\"]");
  EXPECT_EQ(place(root.members[1].value->loc()), "3:10 $[\"\xC3\xA9\\\"]\"]");
  EXPECT_EQ(root.members[1].value->text, "-1.5e3");
}

TEST(Json, NumbersAreExactIntegersOrNot) {
  Parsed parsed("[9223372036854775807, 9223372036854775808, -9223372036854775808, 9007199254740993, 1.0, 1e2, -0]");
  ASSERT_TRUE(parsed.document);
  const auto &items = parsed.root().items;
  EXPECT_EQ(items[0]->integer, INT64_MAX);
  EXPECT_FALSE(items[1]->integer);
  EXPECT_EQ(items[2]->integer, INT64_MIN);
  EXPECT_EQ(items[3]->integer, 9007199254740993);
  EXPECT_FALSE(items[4]->integer);
  EXPECT_FALSE(items[5]->integer);
  EXPECT_EQ(items[6]->integer, 0);
}

TEST(Json, DuplicateKeysAreAllReported) {
  Parsed parsed("{\"a\": 1,\n\"a\": 2, \"\\u0061\": 3}");
  EXPECT_FALSE(parsed.document);
  ASSERT_EQ(parsed.diagnostics.all().size(), 2u);
  EXPECT_EQ(parsed.diagnostics.all()[0].message, "duplicate key \"a\"");
  EXPECT_EQ(parsed.diagnostics.all()[1].loc.column, 9u);
  EXPECT_EQ(parsed.diagnostics.all()[1].hint, "the first one is on line 1; keep one of them");
}

TEST(Json, SyntaxErrorsPointAtTheToken) {
  Parsed parsed("{ \"a\": [1, 2,\n  oops] }");
  EXPECT_FALSE(parsed.document);
  const SourceLoc &loc = parsed.diagnostics.all()[0].loc;
  EXPECT_EQ(loc.line, 2u);
  EXPECT_EQ(loc.path, "$.a");
}

TEST(Json, RefusesDeepAndLargeTexts) {
  EXPECT_TRUE(Parsed(std::string(100, '[') + std::string(100, ']')).document);
  EXPECT_EQ(Parsed(std::string(100000, '[')).error(), "nested deeper than 100 levels");
  EXPECT_EQ(Parsed(std::string(maxJsonBytes, ' ') + "1").error(), "larger than 4194304 bytes");
}

TEST(Json, CutsMessagesAboutLongTokens) { EXPECT_LT(Parsed("\"" + std::string(1 << 20, 'x')).error().size(), 400u); }

TEST(Json, RefusesEveryTruncation) {
  const std::string text = "{\"a\": [1.5, true, null, {\"b\": \"\\u00e9\"}], \"c\": -1}";
  ASSERT_TRUE(Parsed(text).document);
  for (size_t length = 0; length < text.size(); ++length) {
    Parsed parsed(text.substr(0, length));
    EXPECT_FALSE(parsed.document) << length;
    EXPECT_TRUE(parsed.diagnostics.hasErrors()) << length;
  }
}

TEST(Json, SurvivesEveryFlippedBit) {
  const std::string text = "{\"a\": [1.5, true, null, {\"b\": \"\\u00e9\"}], \"c\": -1}";
  for (size_t bit = 0; bit < text.size() * 8; ++bit) {
    std::string flipped = text;
    flipped[bit / 8] ^= (char)(1 << bit % 8);
    Parsed parsed(flipped);
    EXPECT_NE(bool(parsed.document), parsed.diagnostics.hasErrors()) << bit;
  }
}

TEST(Json, FindsThePathOfAPlace) {
  Diagnostics diagnostics;
  const SourceFile &file = diagnostics.addSource("t.json", "{ \"model\": [\n { \"a\": 1 },\n { \"b\": [2,\n 3] } ] }");
  JsonPaths paths;
  EXPECT_EQ(paths.at(file, 1, 1), "$");
  EXPECT_EQ(paths.at(file, 2, 2), "$.model[0]");
  EXPECT_EQ(paths.at(file, 3, 2), "$.model[1]");
  EXPECT_EQ(paths.at(file, 4, 2), "$.model[1].b[1]");
}

} // namespace
