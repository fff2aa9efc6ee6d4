#include "text/grammar/grammar.h"

#include <gtest/gtest.h>

#include <string>

namespace tern {
namespace {

std::shared_ptr<const Grammar> Compiled(std::string_view form, std::string_view source) {
  const auto grammar = Grammar::Compile(*FindGrammarForm(form).value(), source);
  EXPECT_TRUE(grammar.ok()) << source << ": " << (grammar.ok() ? "" : grammar.error().what);
  return grammar.ok() ? grammar.value() : nullptr;
}

std::string Refusal(std::string_view form, std::string_view source) {
  const auto grammar = Grammar::Compile(*FindGrammarForm(form).value(), source);
  return grammar.ok() ? "" : grammar.error().what;
}

struct Case {
  std::string_view source;
  std::vector<std::string_view> matches, others;
};

void ExpectAll(std::string_view form, const std::vector<Case>& cases) {
  for (const Case& c : cases) {
    const auto grammar = Compiled(form, c.source);
    if (grammar == nullptr) continue;
    for (const std::string_view text : c.matches) {
      EXPECT_TRUE(MatchText(*grammar, text).value().matches) << c.source << " should match: " << text;
    }
    for (const std::string_view text : c.others) {
      EXPECT_FALSE(MatchText(*grammar, text).value().matches) << c.source << " should not match: " << text;
    }
  }
}

void ExpectRefusals(std::string_view form,
                    const std::vector<std::pair<std::string, std::string_view>>& cases) {
  for (const auto& [source, message] : cases) {
    const std::string said = Refusal(form, source);
    EXPECT_NE(said.find(message), std::string::npos)
        << source.substr(0, 200) << "\nsaid " << said << "\nwanted " << message;
  }
}

std::string Repeated(std::string_view text, size_t times) {
  std::string all;
  for (size_t i = 0; i < times; ++i) all += text;
  return all;
}

TEST(Regex, MatchesWholeTexts) {
  ExpectAll("regex", {{"a+b?", {"a", "aaab"}, {"", "b", "abb"}},
                      {"(a|ab)(c|bcd)", {"ac", "abc", "abcd", "abbcd"}, {"abcdd"}},
                      {"(?:ab){2,3}", {"abab", "ababab"}, {"ab", "abababab"}},
                      {"[a-z]{2,300}", {"ab", Repeated("x", 300)}, {"a", Repeated("x", 301)}},
                      {"[^a-y]é", {"zé", "日é"}, {"aé", "z"}},
                      {"^\\d{4}$", {"2026"}, {"20266"}},
                      {"(a*)*b", {"b", "aab"}, {"a"}},
                      {"(?:a?){0,100000}", {"", "aaa"}, {"b"}},
                      {".*foo.*", {"foo", "xfofooy"}, {"fo", "f\noo"}},
                      {"\\p{Lu}\\P{Lu}", {"Äa", "X1"}, {"aa"}},
                      {"a{,2}", {"", "aa"}, {"aaa"}}});
}

TEST(Regex, RefusesByName) {
  ExpectRefusals("regex", {{"a(?=b)", "byte 4: look-around (?=...): is not supported"},
                           {"(?<!b)", "look-around (?<!...)"},
                           {"(a)\\1", "back-reference \\1"},
                           {"\\bx", "word border"},
                           {"a++", "possessive"},
                           {"(?i)a", "group (?i"},
                           {"^+", "nothing to repeat"},
                           {"*", "nothing to repeat"},
                           {"(", "has no )"},
                           {")", "without its ("},
                           {"[a", "without its ]"},
                           {"[b-a]", "end lies before"},
                           {"a{3,2}", "at least 3 and at most 2"},
                           {"a{999999}", "more than 100000 repetitions"},
                           {"a$b", "$ in front"},
                           {"a\\", "at the end"},
                           {"\\p{Greek}", "\\p{Greek}"}});
}

TEST(Regex, BombsAreRefusedOrCheap) {
  for (const size_t depth : {10u, 256u}) Compiled("regex", Repeated("(", depth) + "a" + Repeated(")", depth));
  for (const size_t depth : {257u, 1000u, 100000u}) {
    ExpectRefusals("regex", {{Repeated("(", depth) + "a" + Repeated(")", depth), "more than 256 groups"}});
  }
  ExpectRefusals("regex", {{Repeated("(?:", 200) + "ab" + Repeated("){2}", 200), "grammar: more than"}});
  // Counts are counted, not written out.
  EXPECT_LT(Compiled("regex", "((a{1000}){1000}){1000}")->automaton().state_count(), 100u);
  const auto evil = Compiled("regex", "(a+)+");
  EXPECT_TRUE(MatchText(*evil, std::string(1 << 20, 'a')).value().matches);
}

TEST(Choice, IsOneOfTheTexts) {
  ExpectAll("choice", {{R"(["yes", "no", "yesterday"])", {"yes", "no", "yesterday"}, {"", "ye", "yesno"}}});
  ExpectRefusals("choice", {{"[]", "at least one"}, {"[1]", "array of strings"}, {"{", "choice"}});
}

TEST(Json, IsAnyObject) {
  const std::string deep = Repeated("{\"a\":[", 60) + Repeated("]}", 60);
  ExpectAll("json",
            {{"",
              {"{}", "{ }", R"({"a": [1, -2.5e3, "x\u00e4\ud83d\ude00", {"b": null}], "c":true})", deep},
              {"", "[]", "{\"a\":01}", "{\"a\":}", "{\"a\":1,}", R"({"a":"\ud83d"})", "{\"a\":\"\x01\"}",
               "{\"a\":nul}"}}});
}

TEST(Gbnf, ReadsTheNotation) {
  ExpectAll("gbnf",
            {{"root ::= \"a\" | b\nb ::= [b-d]+ # comment\n", {"a", "bcd"}, {"", "e"}},
             {"root ::= item{2,3}\nitem ::= (\"x\" |\n \"y\")\n  | \"z\"", {"xy", "zzz"}, {"x", "xxxx"}},
             {"root ::= expr\nexpr ::= term (\"+\" term)*\nterm ::= [0-9]+ | \"(\" expr \")\"",
              {"1", "(1+(2+33))+4"},
              {"(", "1+", "(1"}},
             {R"(root ::= "\"" [^"\\\n]* "\"" "\x41\u00e4")", {"\"x\"A\xC3\xA4"}, {"\"\"\"A"}},
             {"root ::= . \"\"", {"x", "日"}, {"", "xy"}},
             {"root ::= [a-z]* \"e\"", {"e", "tree"}, {"tr"}}});
}

TEST(Gbnf, RefusesWithThePlace) {
  ExpectRefusals(
      "gbnf", {{"root ::= a", "byte 10: a: there is no such rule"},
               {"a ::= \"x\"", "root: there is no such rule"},
               {"root ::= root \"x\" | \"y\"", "left recursion"},
               {"root ::= a\na ::= b\nb ::= \"\" a \"x\" | \"y\"", "left recursion"},
               {"root ::= \"x\" root", "matches no text"},
               {"root = \"x\"", "expected ::="},
               {"root ::= \"x", "without its end"},
               {"root ::= (\"x\"", "( without its )"},
               {"root ::= <think>", "token"},
               {"root ::= \"a\"\nroot ::= \"b\"", "defined twice"},
               {"root ::= " + Repeated("(", 60000) + "\"a\"" + Repeated(")", 60000), "more than 256 groups"},
               {"root ::= a{5000}\na ::= b{5000}\nb ::= [a-z] c{5000}\nc ::= \"x\" |", ""}});
}

}  // namespace
}  // namespace tern
