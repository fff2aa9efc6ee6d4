#include "text/grammar/regex_class.h"

#include <fmt/format.h>

#include "text/utf8.h"

namespace tern::grammar {
namespace {

std::optional<char32_t> HexNumber(PatternText* in, size_t digits) {
  char32_t value = 0;
  for (size_t i = 0; i < digits; ++i, ++in->at) {
    if (in->done()) return std::nullopt;
    const char c = in->text[in->at];
    const int digit = c >= '0' && c <= '9'   ? c - '0'
                      : c >= 'a' && c <= 'f' ? c - 'a' + 10
                      : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                             : -1;
    if (digit < 0) return std::nullopt;
    value = value * 16 + static_cast<char32_t>(digit);
  }
  return value;
}

Result<CharSet> CodeEscape(PatternText* in, char kind) {
  std::optional<char32_t> code;
  if (in->Skip("{")) {
    const size_t end = in->text.find('}', in->at);
    if (end != in->text.npos && end > in->at && end - in->at <= 6) code = HexNumber(in, end - in->at);
    if (code && !in->Skip("}")) code.reset();
  } else {
    code = HexNumber(in, kind == 'x' ? 2 : kind == 'u' ? 4 : 8);
  }
  if (!code || *code > kLastChar) return in->Bad(fmt::format("\\{} without its digits", kind));
  if (*code >= 0xD800 && *code < 0xE000) return in->NotSupported("a surrogate");
  return CharSet{{*code, *code}};
}

Result<CharSet> PropertyEscape(PatternText* in, bool negated) {
  std::string name;
  if (in->Skip("{")) {
    const size_t end = in->text.find('}', in->at);
    if (end == in->text.npos) return in->Bad("\\p{ without its }");
    name = std::string(in->text.substr(in->at, end - in->at));
    in->at = end + 1;
  } else if (!in->done()) {
    name = std::string(1, in->text[in->at++]);
  }
  const auto set = UnicodeCategory(name);
  if (!set) return in->NotSupported("\\p{" + name.substr(0, 32) + "}, expected a general category");
  return negated ? set->Negated() : *set;
}

std::optional<CharSet> ClassEscape(char c) {
  switch (c) {
    case 'd':
      return Digits();
    case 'D':
      return Digits().Negated();
    case 'w':
      return WordCharacters();
    case 'W':
      return WordCharacters().Negated();
    case 's':
      return AsciiSpaces();
    case 'S':
      return AsciiSpaces().Negated();
    default:
      return std::nullopt;
  }
}

constexpr std::string_view kControlNames = "nrtfva", kControls = "\n\r\t\f\v\a";

}  // namespace

bool PatternText::Skip(std::string_view word) {
  if (!text.substr(std::min(at, text.size())).starts_with(word)) return false;
  at += word.size();
  return true;
}

std::optional<uint64_t> PatternText::Number() {
  std::optional<uint64_t> value;
  for (; !done() && text[at] >= '0' && text[at] <= '9'; ++at) {
    value = std::min<uint64_t>(value.value_or(0) * 10 + static_cast<uint64_t>(text[at] - '0'), 1u << 30);
  }
  return value;
}

char32_t PatternText::Character() {
  const char32_t c = DecodeUtf8(text.substr(at));
  at += Utf8Size(text[at]);
  return c;
}

Error PatternText::Bad(std::string_view problem) const {
  return BadInput(fmt::format("byte {}: {}", at, problem));
}
Error PatternText::NotSupported(std::string_view what) const {
  return Unsupported(fmt::format("byte {}: {}: is not supported", at, what));
}

Result<CharSet> ReadEscape(PatternText* in, bool in_class) {
  ++in->at;
  if (in->done()) return in->Bad("a \\ at the end");
  const char32_t c = in->Character();
  if (c >= 128) return CharSet{{c, c}};
  const char ascii = static_cast<char>(c);
  if (const auto set = ClassEscape(ascii)) return *set;
  if (const size_t i = kControlNames.find(ascii); i != kControlNames.npos)
    return CharSet::Of(kControls.substr(i, 1));
  if (ascii == 'x' || ascii == 'u' || ascii == 'U') return CodeEscape(in, ascii);
  if (ascii == 'p' || ascii == 'P') return PropertyEscape(in, ascii == 'P');
  if (ascii == 'b' && in_class) return CharSet{{8, 8}};
  if (ascii == '0' && (in->done() || in->text[in->at] < '0' || in->text[in->at] > '9'))
    return CharSet{{0, 0}};
  const bool is_digit = ascii >= '0' && ascii <= '9';
  if (is_digit || ascii == 'k') return in->NotSupported(fmt::format("back-reference \\{}", ascii));
  if (ascii == 'b' || ascii == 'B') return in->NotSupported(fmt::format("word border \\{}", ascii));
  const bool is_letter = (ascii >= 'a' && ascii <= 'z') || (ascii >= 'A' && ascii <= 'Z');
  if (is_letter) return in->NotSupported(fmt::format("escape \\{}", ascii));
  return CharSet{{c, c}};
}

Result<CharSet> ReadBracketClass(PatternText* in, Expressions* expressions) {
  constexpr size_t kStepsPerMember = 16;
  ++in->at;
  const bool negated = in->Skip("^");
  CharSet set;
  std::vector<CharRange> ranges;  // and these, put in order at the end
  const auto read = [&]() -> Result<CharSet> {
    if (in->text[in->at] == '\\') return ReadEscape(in, true);
    if (in->text.substr(in->at).starts_with("[:")) return in->NotSupported("class [:");
    const char32_t c = in->Character();
    return CharSet{{c, c}};
  };
  const auto is_one = [](const CharSet& s) {
    return s.ranges().size() == 1 && s.ranges()[0].first == s.ranges()[0].last;
  };
  for (bool first = true;; first = false) {
    if (in->done()) return in->Bad("a class without its ]");
    if (expressions->exhausted(kStepsPerMember + set.ranges().size())) return set;
    if (in->Skip("]")) {
      if (!first) break;
      ranges.push_back({']', ']'});  // in front it is an ordinary character
      continue;
    }
    TERN_TRY(const CharSet low, read());
    const bool is_range =
        in->at + 1 < in->text.size() && in->text[in->at] == '-' && in->text[in->at + 1] != ']';
    if (!is_range) {
      if (is_one(low)) {
        ranges.push_back(low.ranges()[0]);
      } else {
        set.Add(low);
      }
      continue;
    }
    ++in->at;
    TERN_TRY(const CharSet high, read());
    if (!is_one(low) || !is_one(high)) return in->Bad("a range between what are no single characters");
    const char32_t from = low.ranges()[0].first, to = high.ranges()[0].first;
    if (from > to) return in->Bad("a range whose end lies before its beginning");
    ranges.push_back({from, to});
  }
  set.Add(CharSet::OfRanges(std::move(ranges)));
  return negated ? set.Negated() : set;
}

}  // namespace tern::grammar
