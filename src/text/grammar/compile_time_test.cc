// What compiling may cost: each source here took seconds once.

#include <gtest/gtest.h>
#include <time.h>

#include <string>

#include "text/grammar/grammar.h"

namespace tern {
namespace {

double ProcessorMs() {
  timespec t{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) * 1e3 + static_cast<double>(t.tv_nsec) / 1e6;
}

// Compiles in time, or says that there was none.
void ExpectBounded(const char* what, const char* form, const std::string& source) {
  ASSERT_LE(source.size(), Grammar::kMostSource) << what;
  const double begin = ProcessorMs();
  const auto compiled = Grammar::Compile(*FindGrammarForm(form).value(), source);
  const double took = ProcessorMs() - begin;
  // Twice what is promised: steps between looks at the clock, and reading JSON.
  EXPECT_LT(took, 2 * grammar::Budget{}.milliseconds) << what;
  if (!compiled.ok()) {
    EXPECT_EQ(compiled.error().code, Code::kExhausted) << what << ": " << compiled.error().what;
  }
}

template <class Make>
std::string Joined(size_t count, const char* separator, Make make) {
  std::string all;
  for (size_t i = 0; i < count; ++i) all += std::string(i > 0 ? separator : "") + make(i);
  return all;
}

TEST(CompileTime, RulesThatEndWithRules) {
  const auto name = [](size_t i) { return i == 0 ? std::string("root") : "r" + std::to_string(i); };
  ExpectBounded("a chain of rules", "gbnf", Joined(40'000, "\n", [&](size_t i) {
                  return name(i) + "::=[a-z]*" + (i + 1 < 40'000 ? name(i + 1) : "[0-9]*");
                }));
  ExpectBounded("loops side by side", "regex", Joined(80'000, "", [](size_t) { return "[a-z]{0,99}"; }));
}

TEST(CompileTime, ValuesOfManyEnums) {
  const std::string numbers = Joined(20'000, ",", [](size_t i) { return std::to_string(i); });
  ExpectBounded("allOf of two", "json_schema",
                "{\"allOf\":[{\"enum\":[" + numbers + "]},{\"enum\":[" + numbers + "]}]}");
  const auto lists = [](size_t step) {
    return Joined(30'000, ",", [&](size_t i) { return "[[" + std::to_string(i * step) + "]]"; });
  };
  ExpectBounded("of arrays", "json_schema",
                "{\"allOf\":[{\"enum\":[" + lists(2) + "]},{\"enum\":[" + lists(3) + "]}]}");
}

TEST(CompileTime, ManyAlternatives) {
  ExpectBounded("oneOf of constants", "json_schema", "{\"oneOf\":[" + Joined(20'000, ",", [](size_t i) {
                                                       return "{\"const\":" + std::to_string(i) + "}";
                                                     }) + "]}");
  ExpectBounded("oneOf of tagged objects", "json_schema",
                "{\"oneOf\":[" + Joined(8'000, ",", [](size_t i) {
                  return "{\"type\":\"object\",\"properties\":{\"t\":{\"const\":" + std::to_string(i) +
                         "}},\"required\":[\"t\"]}";
                }) + "]}");
  ExpectBounded("anyOf beside an enum", "json_schema",
                "{\"enum\":[" + Joined(20'000, ",", [](size_t i) { return std::to_string(i); }) +
                    "],\"anyOf\":[" + Joined(20'000, ",", [](size_t) { return "{}"; }) + "]}");
}

TEST(CompileTime, LargeClasses) {
  std::string descending;
  for (unsigned c = 0xFFFF; c >= 0x800 && descending.size() < 800'000; c -= 2) {
    if (c >= 0xD800 && c < 0xE000) continue;
    descending += static_cast<char>(0xE0 | c >> 12);
    descending += static_cast<char>(0x80 | (c >> 6 & 63));
    descending += static_cast<char>(0x80 | (c & 63));
  }
  ExpectBounded("descending", "regex", "[" + descending + "]");
  std::string again = descending;
  while (again.size() + descending.size() < 1'000'000) again += descending;
  ExpectBounded("again and again", "regex", "[" + again + "]");
  for (const char* category : {"\\p{L}", "\\P{L}", "\\pL", "\\W"}) {
    ExpectBounded(category, "regex", "[" + Joined(150'000, "", [&](size_t) { return category; }) + "]");
  }
}

TEST(CompileTime, NamesOfManyProperties) {
  ExpectBounded("additional ones beside", "json_schema",
                "{\"additionalProperties\":{},\"required\":[" + Joined(20'000, ",", [](size_t i) {
                  return "\"" + std::to_string(i * 7919) + std::string(20, 'x') + "\"";
                }) + "]}");
}

}  // namespace
}  // namespace tern
