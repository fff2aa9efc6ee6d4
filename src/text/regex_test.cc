#include "text/regex.h"

#include <gtest/gtest.h>

#include <ctime>
#include <random>

#include "text/published_patterns.h"

namespace tern {
namespace {

// The matches of `pattern` in `text`, with a bar between two; what was expected was seen in Oniguruma.
std::string Matches(std::string_view pattern, std::string_view text) {
  const auto regex = Regex::Compile(pattern);
  if (!regex.ok()) return regex.error().what;
  std::vector<TextRange> ranges;
  RegexSearch(regex.value(), text.size()).FindAll(text, &ranges);
  std::string out;
  for (const TextRange& range : ranges) {
    if (&range != ranges.data()) out += '|';
    out += text.substr(range.begin, range.end - range.begin);
  }
  return out;
}

TEST(Regex, ReadsPatternsAsOnigurumaDoes) {
  struct Case {
    const char *pattern, *text, *matches;
  };
  const Case kCases[] = {
      {R"(\s+$)", "a  \nb  ", "  |  "},
      {R"(x\s+$)", "x  \nx  ", "x  |x  "},
      {R"(^a)", "aa\na\n", "a|a"},
      {R"(.+)", "aa\na", "aa|a"},
      {R"((?m:.)+)", "aa\na", "aa\na"},
      {R"(\p{N}{1,3}+)", "1234567x", "1234567"},
      {R"((?:ab){2}+)", "abababab", "abababab"},
      {R"(\x{31}{2}+)", "1111", "1111"},
      {R"(\d{,2}x)", "123x", "23x"},
      {R"(\d{2,}?)", "1234", "12|34"},
      {R"(\w+)", "a_b\u0301c1²ªⅣ \u200d\u0903x", "a_b\u0301c1²ªⅣ|\u0903x"},
      {R"([\w]+)", "a²b", "a|b"},
      {R"([^\W\d]+)", "a1b!", "a|b"},
      {R"(\h+)", "fxg \t", "f"},
      {R"([^\s\u0041]+)", "xA y", "x|y"},
      {R"((?i:'s|k))", "'ſ K", "'ſ|K"},
      {R"([a-z&&[^aeiou]]+)", "hello world", "h|ll|w|rld"},
      {R"([^a-z&&[^aeiou]]+)", "xa b", "a "},
      {R"([a[0-9]]+)", "ab12a3", "a|12a3"},
      {R"([a[^b]]+)", "abcb", "a|c"},
      {R"([(\s|[.,])]+)", "a (.)b", " (.)"},
      {R"(\p{Letter}+)", "ab12", "ab"},
      {R"(\p{^L}+)", "ab12", "12"},
      {R"(\p{Han}+)", "漢、字", "漢|字"},
      {R"([[:punct:]]+)", "a$b!", "$|!"},
      {R"(\bfoo\b)", "foo foo1 e\u0301foo", "foo"},
      {R"((?<=a)b|[]x]+)", "ab]x", "b|]x"},
      {"\u2028|é", "é\u2028", "é|\u2028"},
      {R"(\s)", "\u180E\u0085", "\u0085"},
  };
  for (const Case& c : kCases) EXPECT_EQ(Matches(c.pattern, c.text), c.matches) << c.pattern;
}

TEST(Regex, FindsEmptyMatchesButNotBehindAnother) {
  EXPECT_EQ(Matches("x*", "axxb"), "|xx|");
  EXPECT_EQ(Matches(R"((?=(\d{3})+(?!\d)))", "1234567"), "|");
}

TEST(Regex, KnowsCharactersThatAreYoungerThanTheLibrary) {
  EXPECT_EQ(Matches(R"(\p{L}+|\p{S}+)", "\U00031350x\U0001FABF!"), "\U00031350x|\U0001FABF");
  EXPECT_EQ(Matches(R"(\p{Han})", "\U00031350"), "\U00031350");
}

// Against the published patterns as they are.
TEST(Regex, LinearFormsFindTheSame) {
  const std::string_view kParts[] = {"1", "23", "²", " ", "  ", "\n",     "\r\n", "a",
                                     "B", "漢", "é", ".", "'s", "\u0301", "_",    "\t"};
  std::mt19937 random(1);
  for (std::string_view pattern :
       {kSpacesAtEnd, kDigitsFromRight, kBordersOfDigits, kExaoneMoe, kJais2, kKimi}) {
    ASSERT_NE(LinearForm(pattern), pattern);
    for (int i = 0; i < 3000; ++i) {
      std::string text;
      for (size_t parts = random() % 14; parts > 0; --parts) text += kParts[random() % std::size(kParts)];
      ASSERT_EQ(Matches(pattern, text), Matches("(?:" + std::string(pattern) + ")", text))
          << pattern << ": " << text;
    }
  }
}

TEST(Regex, SaysWhatIsWrong) {
  EXPECT_EQ(Matches("(a", "a"), "pattern \"(a\": missing closing parenthesis");
  EXPECT_EQ(Matches("[a", "a"), "a character class without an end");
  EXPECT_EQ(Matches("(?", "a"), "a group without an end");
  EXPECT_EQ(Matches("[[[[[[[[[[[[a]]]]]]]]]]]]", "a"), "character classes are nested too deeply");
  EXPECT_EQ(Matches(std::string(20'000, 'a'), "a"), "a pattern of 20000 bytes, expected at most 16384");
  EXPECT_EQ(Matches("\\", "a"), "pattern \"\\x5c\": \\ at end of pattern");
}

// Patterns that take quadratic or exponential time if nobody counts.
TEST(Regex, BoundsItsWork) {
  const std::string as(300'000, 'a');
  std::string spaces(300'000, ' ');
  spaces += 'x';
  for (const auto& [pattern, text] :
       std::vector<std::pair<const char*, const std::string*>>{{R"(\s+$)", &spaces},
                                                               {R"(\s++y)", &spaces},
                                                               {"a*b", &as},
                                                               {"(?:a|aa)+b", &as},
                                                               {"(a+)+b", &as},
                                                               {"(?=.*z)", &as}}) {
    const std::clock_t start = std::clock();
    Matches(pattern, *text);
    EXPECT_LT(std::clock() - start, 5 * CLOCKS_PER_SEC) << pattern;
  }
}

}  // namespace
}  // namespace tern
