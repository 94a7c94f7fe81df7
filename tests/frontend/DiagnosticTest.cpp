// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "frontend/Diagnostic.h"
#include "tests/frontend/TemporaryDirectory.h"

#include <gtest/gtest.h>
#include <sstream>
#include <sys/stat.h>

using namespace attnc;

namespace {

std::string rendered(const Diagnostics &diagnostics) {
  std::ostringstream text;
  diagnostics.render(text);
  return text.str();
}

TEST(Diagnostic, RendersPlacePathSnippetCaretAndHint) {
  Diagnostics diagnostics;
  const SourceFile &file = diagnostics.addSource("m.json", "{\n  \"a\": 1,\n\t\"b\": 2\r\n}\n");
  diagnostics.error({&file, 3, 7, "$.b"}, "b is 2", "write 3");
  EXPECT_EQ(rendered(diagnostics), "m.json:3:7: error: b is 2\n"
                                   "  at $.b\n"
                                   "     3 |  \"b\": 2\n"
                                   "       |       ^\n"
                                   "  help: write 3\n");
}

TEST(Diagnostic, WithoutAPlaceNamesTheCompiler) {
  Diagnostics diagnostics;
  diagnostics.error({}, "no such dimension");
  diagnostics.warning({}, "odd");
  diagnostics.note({}, "dropout");
  EXPECT_EQ(rendered(diagnostics), "attnc: error: no such dimension\nattnc: warning: odd\nattnc: note: dropout\n");
  EXPECT_EQ(diagnostics.errorCount(), 1u);
}

TEST(Diagnostic, CountsColumnsInCodePoints) {
  Diagnostics diagnostics;
  const SourceFile &file = diagnostics.addSource("m.json", "\"\xC3\xA9\xE2\x82\xAC\": x");
  diagnostics.error({&file, 1, 7, ""}, "here");
  EXPECT_EQ(rendered(diagnostics), "m.json:1:7: error: here\n"
                                   "     1 | \"\xC3\xA9\xE2\x82\xAC\": x\n"
                                   "       |       ^\n");
}

TEST(Diagnostic, PutsOnlyPrintableTextOnTheTerminal) {
  Diagnostics diagnostics;
  const SourceFile &file = diagnostics.addSource("m\x1b.json", "a\x1b[2J\xff\xc2\x9b");
  diagnostics.error({&file, 1, 1, ""}, "esc \x1b end");
  EXPECT_EQ(rendered(diagnostics), "m?.json:1:1: error: esc ? end\n"
                                   "     1 | a?[2J??\n"
                                   "       | ^\n");
}

TEST(Diagnostic, CutsLongLinesAroundTheCaret) {
  Diagnostics diagnostics;
  const SourceFile &file = diagnostics.addSource("m.json", std::string(500, 'a') + "X" + std::string(500, 'b'));
  diagnostics.error({&file, 1, 501, ""}, "here");
  std::string text = rendered(diagnostics);
  std::istringstream lines(text);
  std::string message, snippet, caret;
  std::getline(lines, message), std::getline(lines, snippet), std::getline(lines, caret);
  EXPECT_LT(snippet.size(), 130u);
  EXPECT_EQ(snippet[caret.find('^')], 'X');
}

TEST(Diagnostic, PrintsTwentyAndCountsTheRest) {
  Diagnostics diagnostics;
  for (int i = 0; i < 25; ++i)
    diagnostics.error({}, "number " + std::to_string(i));
  std::string text = rendered(diagnostics);
  EXPECT_NE(text.find("number 19\n"), std::string::npos);
  EXPECT_EQ(text.find("number 20\n"), std::string::npos);
  EXPECT_NE(text.find("attnc: 5 more not shown\n"), std::string::npos);
}

TEST(Diagnostic, SuggestsWhatIsNear) {
  std::vector<std::string> names = {"num_heads", "embed_dim", "x"};
  EXPECT_EQ(didYouMean("num_head", names), "; did you mean \"num_heads\"?");
  EXPECT_EQ(didYouMean("embed_dmi", names), "; did you mean \"embed_dim\"?");
  EXPECT_EQ(didYouMean("Num_Heads", names), "; did you mean \"num_heads\"?");
  EXPECT_EQ(didYouMean("flavour", names), "");
  EXPECT_EQ(didYouMean("y", names), "");
  EXPECT_EQ(didYouMean(std::string(1 << 20, 'n'), names), "");
}

TEST(Diagnostic, QuotesNamesSafely) {
  EXPECT_EQ(inQuotes("a\"b\\c\n"), "\"a\\\"b\\\\c\\u000a\"");
  EXPECT_LT(inQuotes(std::string(10000, 'x')).size(), 100u);
}

std::string readError(const std::string &path, size_t limit = 100) {
  Diagnostics diagnostics;
  EXPECT_FALSE(readTextFile(path, limit, diagnostics));
  return rendered(diagnostics);
}

TEST(ReadTextFile, RefusesWhatIsNoSmallRegularFile) {
  TemporaryDirectory directory;
  EXPECT_NE(readError(directory.path("missing")).find("cannot read"), std::string::npos);
  EXPECT_NE(readError(directory.path("")).find("directory"), std::string::npos);
  mkfifo(directory.path("fifo").c_str(), 0600);
  EXPECT_NE(readError(directory.path("fifo")).find("regular file"), std::string::npos);
  EXPECT_NE(readError("/dev/zero").find("regular file"), std::string::npos);
  std::string file = directory.write("large", std::string(101, 'x'));
  EXPECT_NE(readError(file).find("it is larger than 100 bytes"), std::string::npos);
}

} // namespace
