#include "text/jinja/literals.h"

#include <fmt/core.h>

#include <charconv>
#include <cmath>
#include <limits>

#include "text/jinja/unicode.h"

namespace tern::jinja {
namespace {

int DigitValue(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  const char lower = static_cast<char>(c | 0x20);
  return lower >= 'a' && lower <= 'z' ? lower - 'a' + 10 : 99;
}

// Behind digits of `base` that may be grouped by single underscores; `pos` if there is no digit.
size_t DigitsEnd(std::string_view s, size_t pos, int base) {
  size_t end = pos;
  for (size_t at = pos; at < s.size(); ++at) {
    if (DigitValue(s[at]) < base) {
      end = at + 1;
    } else if (s[at] != '_' || end != at || at == pos) {
      break;
    }
  }
  return end;
}

// The base that a prefix names; 10 if there is none.
int PrefixBase(std::string_view s, size_t pos) {
  if (pos + 1 >= s.size() || s[pos] != '0') return 10;
  const char letter = static_cast<char>(s[pos + 1] | 0x20);
  return letter == 'x' ? 16 : letter == 'o' ? 8 : letter == 'b' ? 2 : 10;
}

std::optional<Int> Accumulate(std::string_view digits, int base) {
  Int value = 0;
  for (char c : digits) {
    if (c == '_') continue;
    if (__builtin_mul_overflow(value, Int{base}, &value)) return std::nullopt;
    if (__builtin_add_overflow(value, Int{DigitValue(c)}, &value)) return std::nullopt;
  }
  return value;
}

std::string_view Strip(std::string_view s) {
  const auto is_space = [](char c) { return static_cast<unsigned char>(c) < 0x80 && IsSpace(c); };
  while (!s.empty() && is_space(s.front())) s.remove_prefix(1);
  while (!s.empty() && is_space(s.back())) s.remove_suffix(1);
  return s;
}

// The value of `count` hex digits at *at; moves *at behind them.
Result<uint32_t> HexEscape(std::string_view s, size_t* at, size_t count) {
  uint32_t value = 0;
  for (size_t i = 0; i < count; ++i, ++*at) {
    if (*at >= s.size() || DigitValue(s[*at]) >= 16) {
      return BadInput("string: truncated \\x, \\u or \\U escape");
    }
    value = value << 4 | static_cast<uint32_t>(DigitValue(s[*at]));
  }
  if (value > 0x10FFFF) return BadInput("string: \\U escape above 10ffff");
  return value;
}

uint32_t OctalEscape(std::string_view s, size_t* at) {
  uint32_t value = 0;
  for (int i = 0; i < 3 && *at < s.size() && s[*at] >= '0' && s[*at] < '8'; ++i, ++*at) {
    value = value * 8 + static_cast<uint32_t>(s[*at] - '0');
  }
  return value;
}

// The escape whose letter stands at *at.
Status Unescape(std::string_view s, size_t* at, std::string* out) {
  static constexpr std::string_view kLetters = "\\'\"abfnrtv";
  static constexpr std::string_view kMeanings = "\\'\"\a\b\f\n\r\t\v";
  const char c = s[*at];
  if (const size_t known = kLetters.find(c); known != kLetters.npos) {
    *out += kMeanings[known];
    ++*at;
  } else if (c == '\n') {
    ++*at;
  } else if (c >= '0' && c < '8') {
    AppendUtf8(OctalEscape(s, at), out);
  } else if (c == 'x' || c == 'u' || c == 'U') {
    ++*at;
    TERN_TRY(const uint32_t cp, HexEscape(s, at, c == 'x' ? 2 : c == 'u' ? 4 : 8));
    AppendUtf8(cp, out);
  } else if (c == 'N') {
    return Unsupported("string: \\N escapes are not supported");
  } else {
    *out += '\\';
  }
  return {};
}

}  // namespace

size_t FloatEnd(std::string_view s, size_t pos) {
  const size_t whole = DigitsEnd(s, pos, 10);
  if (whole == pos) return pos;
  size_t end = whole;
  if (end + 1 < s.size() && s[end] == '.' && s[end + 1] != '_') {
    const size_t fraction = DigitsEnd(s, end + 1, 10);
    if (fraction != end + 1) end = fraction;
  }
  if (end < s.size() && (s[end] == 'e' || s[end] == 'E')) {
    const size_t sign = end + 1 < s.size() && (s[end + 1] == '+' || s[end + 1] == '-');
    const size_t exponent = DigitsEnd(s, end + 1 + sign, 10);
    if (exponent != end + 1 + sign) end = exponent;
  }
  return end == whole ? pos : end;
}

size_t IntegerEnd(std::string_view s, size_t pos) {
  if (const int base = PrefixBase(s, pos); base != 10) {
    size_t digits = pos + 2;
    if (digits < s.size() && s[digits] == '_') ++digits;
    const size_t end = DigitsEnd(s, digits, base);
    if (end != digits) return end;
  }
  if (s[pos] != '0') return DigitsEnd(s, pos, 10);
  return DigitsEnd(s, pos, 1);  // a zero is followed by zeros only
}

double ParseFloat(std::string_view literal) {
  std::string digits;
  for (char c : literal) {
    if (c != '_') digits += c;
  }
  double value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (error != std::errc::result_out_of_range) return value;
  return digits.find("e-") != digits.npos || digits.find("E-") != digits.npos ? 0.0 : HUGE_VAL;
}

Result<Int> ParseIntegerLiteral(std::string_view literal) {
  const int base = PrefixBase(literal, 0);
  const auto value = Accumulate(base == 10 ? literal : literal.substr(2), base);
  if (!value) return BadInput(fmt::format("integer {}: too large", literal));
  return *value;
}

std::optional<Int> TextToInteger(std::string_view text, int base) {
  std::string_view s = Strip(text);
  const bool negative = s.starts_with('-');
  if (negative || s.starts_with('+')) s.remove_prefix(1);
  const int prefix = PrefixBase(s, 0);
  if (base == 0) base = prefix;
  if (prefix == base && base != 10) {
    s.remove_prefix(2);
    if (s.starts_with('_')) s.remove_prefix(1);
  }
  if (s.empty() || base < 2 || base > 36 || DigitsEnd(s, 0, base) != s.size()) return std::nullopt;
  const auto value = Accumulate(s, base);
  return value && negative ? std::optional<Int>(-*value) : value;
}

std::optional<double> TextToFloat(std::string_view text) {
  const std::string_view s = Strip(text);
  size_t pos = s.starts_with('-') || s.starts_with('+');
  const bool negative = s.starts_with('-');
  std::string lower;
  for (char c : s.substr(pos)) lower += static_cast<char>(c >= 'A' && c <= 'Z' ? c | 0x20 : c);
  if (lower == "inf" || lower == "infinity") return negative ? -HUGE_VAL : HUGE_VAL;
  if (lower == "nan") return std::numeric_limits<double>::quiet_NaN();
  std::string padded = lower;  // ".5" and "5." are floats to float() though not in source
  if (padded.starts_with('.')) padded.insert(0, "0");
  if (const size_t dot = padded.find('.'); dot != padded.npos) {
    if (dot + 1 == padded.size() || padded[dot + 1] == 'e') padded.insert(dot + 1, "0");
    if (lower == ".") return std::nullopt;
  }
  if (FloatEnd(padded, 0) != padded.size() && DigitsEnd(padded, 0, 10) != padded.size()) return std::nullopt;
  if (padded.empty()) return std::nullopt;
  const double value = ParseFloat(padded);
  return negative ? -value : value;
}

Result<std::string> UnescapeString(std::string_view inside) {
  std::string out;
  out.reserve(inside.size());
  for (size_t at = 0; at < inside.size();) {
    if (inside[at] != '\\' || at + 1 == inside.size()) {
      out += inside[at++];
      continue;
    }
    ++at;
    TERN_TRY_STATUS(Unescape(inside, &at, &out));
  }
  return out;
}

}  // namespace tern::jinja
