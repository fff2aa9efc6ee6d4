#include "text/pre_tokenizer.h"

#include <gtest/gtest.h>

#include <ctime>

#include "text/char_class.h"

namespace tern {
namespace {

// The words of `text`, with a bar between two.
std::string Words(std::string_view rule, std::string_view text) {
  const auto found = FindPreTokenizerRule(rule);
  if (!found.ok()) return found.error().what;
  const auto pre_tokenizer = PreTokenizer::Compile(found.value()->cuts);
  if (!pre_tokenizer.ok()) return pre_tokenizer.error().what;
  std::string words;
  for (std::string_view word : pre_tokenizer.value().Split(text)) {
    if (!words.empty()) words += '|';
    words += word;
  }
  return words;
}

TEST(PreTokenizer, EachFamilyCutsInItsWay) {
  struct Case {
    const char *rule, *text, *words;
  };
  const Case kCases[] = {
      {"gpt-2", "I'll pay 1234 euros!!  Now", "I|'ll| pay| 1234| euros|!!| | Now"},
      {"gpt-2", "a\n\n b", "a|\n\n| b"},
      {"smollm", "in 1234  5", "in| |1|2|3|4|  |5"},
      {"llama-bpe", "I'LL pay 1234567 (ok)\n\n x", "I|'LL| pay| |123|456|7| (|ok|)\n\n| x"},
      {"qwen2", "year 2024", "year| |2|0|2|4"},
      {"gpt-4o", "HTTPServer's path/to//\n", "HTTPServer's| path|/to|//\n"},
      {"tekken", "camelCase 12", "camel|Case| |1|2"},
      {"deepseek-llm", "Hi there, 12 \n你好", "Hi| there|,| |1|2| |\n|你好"},
      {"deepseek-coder", "x+=1; # ok", "x|+=|1|;| #| ok"},
      {"deepseek-v3", "_foo 12345", "_foo| |123|45"},
      {"falcon", "it's $12345!", "it|'|s| |$|123|45|!"},
      {"falcon", "x²y", "x|\xC2|\xB2|y"},  // the byte B2 counts as a digit
      {"bloom", "Hi, you... (there)", "Hi|,| you|... (|there|)"},
      {"viking", "in 12", "in| |1|2"},
      {"seed-coder", "a !?\nb", "a| !?|\n|b"},
      {"superbpe", "in 1234567", "in |1|234|567"},
      {"tiny_aya", "1234567 12345x", "1|234|567| |123|45|x"},
      {"afmoe", "1234567x漢字y", "1|234|567|x|漢字|y"},
      {"kimi-k2", "漢字abc漢 HTTPServer's", "漢字|abc|漢| HTTPServer's"},
      {"exaone-moe", "one two, 3", "one two|,| |3"},
      {"jais-2", "a         b", "a|        | b"},
      {"laguna", "a\n\nb 12", "a|\n\n|b| |1|2"},
      {"youtu", "가나ab漢字", "가나|ab|漢字"},
      {"chameleon", "x    IMGIMGABZ,", "x|    |IMGIMGABZ|,"},
      {"gpt-2", "a\u00A0\u2028b\u180E", "a|\u00A0|\u2028|b|\u180E"},
  };
  for (const Case& c : kCases) EXPECT_EQ(Words(c.rule, c.text), c.words) << c.rule << ": " << c.text;
}

TEST(PreTokenizer, EveryRuleCompilesAndLosesNothing) {
  const std::string text =
      "It's 12345 words,\r\n\tand  some 漢字 — Ünïcödé 🦙\u2028 x\u0301\u0323 …!?  ";
  for (const PreTokenizerRule& rule : PreTokenizerRules()) {
    const auto pre_tokenizer = PreTokenizer::Compile(rule.cuts);
    ASSERT_TRUE(pre_tokenizer.ok()) << rule.name << ": " << pre_tokenizer.error().what;
    std::string joined;
    for (std::string_view word : pre_tokenizer.value().Split(text)) joined += word;
    EXPECT_EQ(joined, text) << rule.name;
  }
}

TEST(PreTokenizer, AnUnknownNameIsAnErrorThatNamesIt) {
  const auto rule = FindPreTokenizerRule("nonesuch");
  ASSERT_FALSE(rule.ok());
  EXPECT_EQ(rule.error().code, Code::kUnsupported);
  EXPECT_EQ(rule.error().what.substr(0, 82),
            "tokenizer.ggml.pre: unknown pre-tokenizer \"nonesuch\", expected one of default, gpt");
}

// Stages Digits and Punctuation have their own idea of these classes: U+11DE0 became a digit with Unicode 17,
// U+2E46 is punctuation since Unicode 9, which they do not know.
TEST(PreTokenizer, ClassesOfCharactersAreThoseOfThePublishedStages) {
  const Cut cuts[] = {{.pattern = {}, .is_member = IsNumeric},
                      {.pattern = {}, .is_member = IsPunctuation, .in_runs = true}};
  const auto pre_tokenizer = PreTokenizer::Compile(cuts);
  ASSERT_TRUE(pre_tokenizer.ok());
  EXPECT_EQ(pre_tokenizer.value().Split("a\U00011DE0\u00B2b!?c\u2E46"),
            (std::vector<std::string_view>{"a", "\U00011DE0", "\u00B2", "b", "!?", "c\u2E46"}));
  EXPECT_EQ(pre_tokenizer.value().Split("!").size(), 1u);
}

TEST(PreTokenizer, CharactersCannotBeMatchedAfterBytesWere) {
  const Cut cuts[] = {{"[\\xb2]", true}, {"\\p{L}"}};
  EXPECT_FALSE(PreTokenizer::Compile(cuts).ok());
}

// Texts that make careless patterns quadratic. Linear work is a few milliseconds.
TEST(PreTokenizer, AdversarialTextsTakeLinearTime) {
  constexpr size_t kSize = 200'000;
  const std::string spaces(kSize, ' ');
  std::string marks = "a", tabs;
  while (marks.size() < kSize) marks += "\u0301";
  while (tabs.size() < kSize) tabs += " \t";
  const std::string kTexts[] = {std::string(kSize, 'a'),
                                std::string(kSize, 'A'),
                                std::string(kSize, '1'),
                                std::string(kSize, '!'),
                                std::string(kSize, '\''),
                                std::string(kSize, '\n'),
                                spaces,
                                spaces + "5",
                                spaces + "🦙",
                                spaces + "\n",
                                tabs + "5",
                                marks};
  for (const PreTokenizerRule& rule : PreTokenizerRules()) {
    const auto pre_tokenizer = PreTokenizer::Compile(rule.cuts);
    ASSERT_TRUE(pre_tokenizer.ok());
    for (const std::string& text : kTexts) {
      const std::clock_t start = std::clock();
      pre_tokenizer.value().Split(text);
      EXPECT_LT(std::clock() - start, 3 * CLOCKS_PER_SEC) << rule.name << " on " << text.substr(0, 8);
    }
  }
}

}  // namespace
}  // namespace tern
