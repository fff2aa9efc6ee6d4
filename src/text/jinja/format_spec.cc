#include "text/jinja/format_spec.h"

#include <fmt/core.h>

#include <algorithm>
#include <charconv>
#include <cmath>

#include "text/jinja/operators.h"
#include "text/jinja/printing.h"
#include "text/jinja/unicode.h"

namespace tern::jinja {
namespace {

constexpr int64_t kMaxPrecision = 1000;

bool IsAlign(char c) { return c == '<' || c == '>' || c == '^' || c == '='; }

// Digits at *pos; `fallback` if there are none. What is absurdly long saturates.
int64_t ReadNumber(std::string_view text, size_t* pos, int64_t fallback) {
  if (*pos >= text.size() || text[*pos] < '0' || text[*pos] > '9') return fallback;
  int64_t value = 0;
  for (; *pos < text.size() && text[*pos] >= '0' && text[*pos] <= '9'; ++*pos) {
    value = std::min<int64_t>(value * 10 + (text[*pos] - '0'), int64_t{1} << 40);
  }
  return value;
}

std::string Digits(unsigned __int128 value, unsigned base, bool upper) {
  std::string digits;
  do {
    const unsigned digit = static_cast<unsigned>(value % base);
    digits += static_cast<char>(digit < 10 ? '0' + digit : (upper ? 'A' : 'a') + digit - 10);
  } while ((value /= base) != 0);
  std::reverse(digits.begin(), digits.end());
  return digits;
}

// Puts `mark` between groups of digits in front of the point or exponent.
std::string Grouped(const std::string& digits, char mark, size_t every) {
  if (!mark) return digits;
  const size_t end = std::min(digits.find_first_not_of("0123456789abcdefABCDEF"), digits.size());
  std::string out;
  for (size_t i = 0; i < end; ++i) {
    if (i > 0 && (end - i) % every == 0) out += mark;
    out += digits[i];
  }
  return out + digits.substr(end);
}

std::string WithPrecision(double value, std::chars_format format, int64_t precision) {
  std::string buffer(static_cast<size_t>(precision) + 400, '\0');
  const auto end =
      std::to_chars(buffer.data(), buffer.data() + buffer.size(), value, format, static_cast<int>(precision));
  return std::string(buffer.data(), end.ptr);
}

// The digits of a finite, non-negative value.
std::string FloatDigits(double value, const FormatSpec& spec) {
  const char type = static_cast<char>(spec.type | 0x20);
  const int64_t precision = spec.precision < 0 ? 6 : spec.precision;
  if (spec.type == '%') return WithPrecision(value * 100, std::chars_format::fixed, precision) + '%';
  if (type == 'f') return WithPrecision(value, std::chars_format::fixed, precision);
  if (type == 'e') return WithPrecision(value, std::chars_format::scientific, precision);
  if (type == 'g' && spec.type != 0) {
    return WithPrecision(value, std::chars_format::general, precision);
  }
  if (spec.precision < 0) return FormatFloat(value);
  std::string digits = WithPrecision(value, std::chars_format::general, std::max<int64_t>(precision, 1));
  return digits.find_first_of(".e") == digits.npos ? digits + ".0" : digits;
}

Error UnknownCode(const FormatSpec& spec, const Value& value) {
  return BadInput(
      fmt::format("format: unknown format code '{}' for object of type '{}'", spec.type, TypeName(value)));
}

Status Pad(Workspace& workspace, const FormatSpec& spec, const Text& body, size_t sign_bytes, char align,
           TextBuilder* out) {
  const int64_t length = static_cast<int64_t>(body.length);
  const size_t missing = spec.width > length ? static_cast<size_t>(spec.width - length) : 0;
  TERN_TRY_STATUS(workspace.Reserve(missing + 1, spec.fill.size()));
  workspace.Spend(missing / 8);
  const auto fill = [&](size_t count) {
    for (size_t i = 0; i < count; ++i) out->AppendDerived(spec.fill, body);
  };
  const size_t left = align == '>' ? missing : align == '^' ? missing / 2 : 0;
  fill(left);
  if (align == '=') {
    out->Append(body, 0, sign_bytes);
    fill(missing);
    out->Append(body, sign_bytes, body.bytes.size());
    return {};
  }
  out->Append(body);
  fill(missing - left);
  return {};
}

Status AppendNumber(Workspace& workspace, std::string prefix, const std::string& digits,
                    const FormatSpec& spec, TextBuilder* out) {
  const std::string written = prefix + digits;
  const Text body{.bytes = written, .runs = {}, .length = written.size()};
  return Pad(workspace, spec, body, prefix.size(), spec.align ? spec.align : '>', out);
}

std::string SignOf(bool negative, char sign) {
  if (negative) return "-";
  return sign == '-' ? "" : std::string(1, sign);
}

Status AppendFloat(Workspace& workspace, double value, const FormatSpec& spec, TextBuilder* out) {
  if (spec.precision > kMaxPrecision) return BadInput("format: precision too large");
  std::string digits = std::isnan(value)   ? "nan"
                       : std::isinf(value) ? "inf"
                                           : Grouped(FloatDigits(std::abs(value), spec), spec.group, 3);
  if (spec.type == '%' && !std::isfinite(value)) digits += '%';
  if (spec.type == 'E' || spec.type == 'F' || spec.type == 'G') {
    for (char& c : digits) c = static_cast<char>(c >= 'a' && c <= 'z' ? c - 32 : c);
  }
  const bool negative = std::signbit(value) && !std::isnan(value);
  return AppendNumber(workspace, SignOf(negative, spec.sign), digits, spec, out);
}

Status AppendInteger(Workspace& workspace, const Value& value, const FormatSpec& spec, TextBuilder* out) {
  if (std::string_view("eEfFgG%").find(spec.type) != std::string_view::npos && spec.type) {
    return AppendFloat(workspace, value.real(), spec, out);
  }
  if (spec.precision >= 0) return BadInput("format: precision not allowed in integer format specifier");
  const Int number = value.integer();
  if (spec.type == 'c') {
    std::string character;
    AppendUtf8(number < 0 || number > 0x10FFFF ? 0xFFFD : static_cast<uint32_t>(number), &character);
    const Text body{.bytes = character, .runs = {}, .length = 1};
    return Pad(workspace, spec, body, 0, spec.align ? spec.align : '<', out);
  }
  unsigned base = 10;
  if (spec.type == 'x' || spec.type == 'X') base = 16;
  if (spec.type == 'o') base = 8;
  if (spec.type == 'b') base = 2;
  if (base == 10 && spec.type && spec.type != 'd' && spec.type != 'n') return UnknownCode(spec, value);
  const auto magnitude = number < 0 ? -static_cast<unsigned __int128>(number) : number;
  std::string prefix = SignOf(number < 0, spec.sign);
  if (spec.alternate && base != 10) prefix += std::string{'0', spec.type};
  const std::string digits = Digits(magnitude, base, spec.type == 'X');
  return AppendNumber(workspace, prefix, Grouped(digits, spec.group, base == 10 ? 3 : 4), spec, out);
}

Status AppendText(Workspace& workspace, const Value& value, const FormatSpec& spec, TextBuilder* out) {
  if (spec.type && spec.type != 's') return UnknownCode(spec, value);
  if (spec.align == '=') return BadInput("format: '=' alignment not allowed in string format specifier");
  const Text& text = value.text();
  if (spec.precision < 0 || static_cast<size_t>(spec.precision) >= text.length) {
    return Pad(workspace, spec, text, 0, spec.align ? spec.align : '<', out);
  }
  const Value part = workspace.heap().Part(text, 0, text.Offset(static_cast<size_t>(spec.precision)));
  return Pad(workspace, spec, part.text(), 0, spec.align ? spec.align : '<', out);
}

}  // namespace

Result<FormatSpec> ParseFormatSpec(std::string_view text) {
  FormatSpec spec;
  size_t pos = 0;
  if (!text.empty()) {
    size_t behind = 0;
    DecodeAt(text, &behind);
    if (behind < text.size() && IsAlign(text[behind])) {
      spec.fill = text.substr(0, behind);
      spec.align = text[behind];
      pos = behind + 1;
    } else if (IsAlign(text[0])) {
      spec.align = text[0];
      pos = 1;
    }
  }
  const auto take = [&](std::string_view set) {
    return pos < text.size() && set.find(text[pos]) != set.npos ? text[pos++] : '\0';
  };
  if (const char sign = take("+- ")) spec.sign = sign;
  spec.alternate = take("#") != 0;
  if (take("0") && !spec.align) {
    spec.fill = "0";
    spec.align = '=';
  }
  spec.width = ReadNumber(text, &pos, 0);
  spec.group = take(",_");
  if (take(".")) {
    spec.precision = ReadNumber(text, &pos, -1);
    if (spec.precision < 0) return BadInput("format: specifier missing precision");
  }
  spec.type = take("bcdeEfFgGnosxX%");
  if (pos != text.size()) return BadInput(fmt::format("format: invalid format specifier '{}'", text));
  return spec;
}

Status AppendFormatted(Workspace& workspace, const Value& value, const FormatSpec& spec, TextBuilder* out) {
  switch (value.kind()) {
    case Kind::kText:
      return AppendText(workspace, value, spec, out);
    case Kind::kBool:
    case Kind::kInt:
      return AppendInteger(workspace, value, spec, out);
    case Kind::kFloat:
      if (spec.type && std::string_view("eEfFgG%n").find(spec.type) == std::string_view::npos) {
        return UnknownCode(spec, value);
      }
      return AppendFloat(workspace, value.real(), spec, out);
    default:
      return TypeError(fmt::format("unsupported format string passed to {}.__format__", TypeName(value)));
  }
}

}  // namespace tern::jinja
