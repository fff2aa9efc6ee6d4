#include "malformed_folders/broken_json.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace tern {
namespace {

struct Span {
  size_t begin, end;
};

size_t EndOfString(std::string_view text, size_t at) {
  for (++at; text[at] != '"'; ++at) at += text[at] == '\\';
  return at + 1;
}

size_t EndOfValue(std::string_view text, size_t at) {
  if (text[at] == '"') return EndOfString(text, at);
  if (text[at] != '{' && text[at] != '[') return text.find_first_of(",]} \n", at);
  int depth = 0;
  do {
    if (text[at] == '"') {
      at = EndOfString(text, at);
      continue;
    }
    depth += text[at] == '{' || text[at] == '[';
    depth -= text[at] == '}' || text[at] == ']';
    ++at;
  } while (depth > 0);
  return at;
}

// Strings (keys too), numbers, words, arrays and objects.
std::vector<Span> ValuesOf(std::string_view text) {
  std::vector<Span> spans;
  for (size_t at = 0; at < text.size();) {
    const bool begins = std::string_view(",:]} \n").find(text[at]) == text.npos;
    if (begins) spans.push_back({at, EndOfValue(text, at)});
    const bool is_word = begins && text[at] != '{' && text[at] != '[';
    at = is_word ? spans.back().end : at + 1;
  }
  return spans;
}

std::vector<std::string> Replacements(std::string_view value) {
  std::vector<std::string> all = {"",
                                  "0",
                                  "-1",
                                  "1",
                                  "2",
                                  "3",
                                  "7",
                                  "1.5",
                                  "1e3",
                                  "1e308",
                                  "1e999",
                                  "-0.0",
                                  "2147483647",
                                  "2147483648",
                                  "4294967296",
                                  "9007199254740992",
                                  "9007199254740993",
                                  "4611686018427387904",
                                  "9223372036854775807",
                                  "9223372036854775808",
                                  "18446744073709551615",
                                  "18446744073709551616",
                                  std::string(400, '9'),
                                  "\"\"",
                                  "\"x\"",
                                  "\"../x\"",
                                  "\"/etc/passwd\"",
                                  "\"\\u0000\"",
                                  "\"\\n\"",
                                  "\"\\ud800\"",
                                  "\"\xff\"",
                                  "\"\xc0\x80\"",
                                  "\"F64\"",
                                  "\"BF16\"",
                                  "\"" + std::string(5000, 'n') + "\"",
                                  "null",
                                  "true",
                                  "[]",
                                  "{}",
                                  "[0]",
                                  "[0,0]",
                                  "[[]]",
                                  "[9007199254740992,0]",
                                  "[0,9007199254740992]",
                                  "[65536,65536,65536,65536]",
                                  std::string(2000, '['),
                                  std::string(2000, '[') + std::string(2000, ']'),
                                  "NaN",
                                  "\"",
                                  "}"};
  int64_t number = 0;
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
  if (error == std::errc() && end == value.data() + value.size()) {
    for (const int64_t near : {number - 1, number + 1, number * 2, number / 2, -number, number + 8})
      all.push_back(std::to_string(near));
  }
  return all;
}

// From the value's key, if it has one, to the comma behind it.
Span WithComma(std::string_view text, Span value) {
  if (const size_t quote = text.find_last_not_of(": ", value.begin - 1);
      quote != text.npos && text[quote] == '"') {
    const size_t open = text.rfind('"', quote - 1);
    if (open != text.npos) value.begin = open;
  }
  if (value.end < text.size() && text[value.end] == ',') ++value.end;
  return value;
}

}  // namespace

std::vector<BrokenJson> BreakJson(std::string_view text, size_t within) {
  std::vector<BrokenJson> broken;
  const auto with = [&](Span span, std::string_view replacement) {
    return fmt::format("{}{}{}", text.substr(0, span.begin), replacement, text.substr(span.end));
  };
  for (const Span& span : ValuesOf(text)) {
    if (span.begin >= within) break;
    const std::string_view value = text.substr(span.begin, span.end - span.begin);
    const std::string where = fmt::format("byte {}, {}", span.begin, value.substr(0, 40));
    for (const std::string& replacement : Replacements(value)) {
      broken.push_back(
          {fmt::format("{} made {}", where, replacement.substr(0, 40)), with(span, replacement)});
    }
    if (span.begin == 0) continue;
    const Span member = WithComma(text, span);
    const std::string_view whole = text.substr(member.begin, member.end - member.begin);
    broken.push_back({where + " left out", with(member, "")});
    broken.push_back({where + " twice",
                      with(member, fmt::format("{}{}{}", whole, whole.ends_with(',') ? "" : ",", whole))});
  }
  return broken;
}

}  // namespace tern
