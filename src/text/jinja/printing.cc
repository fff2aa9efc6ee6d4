#include "text/jinja/printing.h"

#include <fmt/core.h>

#include <charconv>
#include <cmath>

#include "text/jinja/unicode.h"

namespace tern::jinja {
namespace {

void AppendEscaped(uint32_t cp, char quote, std::string* out) {
  if (cp == static_cast<uint32_t>(quote) || cp == '\\') {
    *out += '\\';
    *out += static_cast<char>(cp);
  } else if (cp == '\n') {
    *out += "\\n";
  } else if (cp == '\r') {
    *out += "\\r";
  } else if (cp == '\t') {
    *out += "\\t";
  } else if (IsPrintable(cp)) {
    AppendUtf8(cp, out);
  } else {
    *out += cp < 0x100     ? fmt::format("\\x{:02x}", cp)
            : cp < 0x10000 ? fmt::format("\\u{:04x}", cp)
                           : fmt::format("\\U{:08x}", cp);
  }
}

void AppendTextRepr(std::string_view text, std::string* out) {
  const bool has_single = text.find('\'') != text.npos;
  const char quote = has_single && text.find('"') == text.npos ? '"' : '\'';
  *out += quote;
  for (size_t pos = 0; pos < text.size();) AppendEscaped(DecodeAt(text, &pos), quote, out);
  *out += quote;
}

void AppendRepr(const Value& value, bool inside, std::string* out);

void AppendItems(std::span<const Value> items, std::string_view open, std::string_view close,
                 std::string* out) {
  *out += open;
  for (size_t i = 0; i < items.size(); ++i) {
    if (i > 0) *out += ", ";
    AppendRepr(items[i], true, out);
  }
  *out += close;
}

void AppendSequenceRepr(const Sequence& sequence, std::string* out) {
  switch (sequence.flavor) {
    case Flavor::kList:
      return AppendItems(sequence.items, "[", "]", out);
    case Flavor::kTuple:
    case Flavor::kGroup:
      return AppendItems(sequence.items, "(", sequence.items.size() == 1 ? ",)" : ")", out);
    case Flavor::kKeys:
      return AppendItems(sequence.items, "dict_keys([", "])", out);
    case Flavor::kValues:
      return AppendItems(sequence.items, "dict_values([", "])", out);
    case Flavor::kItems:
      return AppendItems(sequence.items, "dict_items([", "])", out);
    case Flavor::kGenerator:
      *out += "<generator object>";
  }
}

template <class Entries>
void AppendEntries(const Entries& entries, std::string* out) {
  *out += '{';
  bool first = true;
  for (const auto& [key, value] : entries) {
    if (!first) *out += ", ";
    first = false;
    if constexpr (std::is_same_v<std::decay_t<decltype(key)>, Value>) {
      AppendRepr(key, true, out);
    } else {
      AppendTextRepr(key, out);
    }
    *out += ": ";
    AppendRepr(value, true, out);
  }
  *out += '}';
}

void AppendRangeRepr(const Range& range, std::string* out) {
  *out += fmt::format("range({}, {}", range.start, range.stop);
  if (range.step != 1) *out += fmt::format(", {}", range.step);
  *out += ')';
}

void AppendOtherRepr(const Value& value, bool inside, std::string* out) {
  switch (value.kind()) {
    case Kind::kRange:
      return AppendRangeRepr(value.range(), out);
    case Kind::kNamespace:
      // Only the outermost shows what it holds: namespaces may hold each other.
      if (inside) {
        *out += "<Namespace>";
        return;
      }
      *out += "<Namespace ";
      AppendEntries(value.ns().attributes, out);
      *out += '>';
      return;
    case Kind::kLoop:
      *out += fmt::format("<LoopContext {}/{}>", value.loop().index0 + 1, value.loop().items.size());
      return;
    default:
      *out += fmt::format("<{} '{}'>", TypeName(value), value.callable().name);
  }
}

void AppendRepr(const Value& value, bool inside, std::string* out) {
  switch (value.kind()) {
    case Kind::kUndefined:
      *out += "Undefined";
      return;
    case Kind::kNone:
      *out += "None";
      return;
    case Kind::kBool:
      *out += value.boolean() ? "True" : "False";
      return;
    case Kind::kInt:
      *out += FormatInteger(value.integer());
      return;
    case Kind::kFloat:
      *out += FormatFloat(value.real());
      return;
    case Kind::kText:
      if (value.text().is_markup) *out += "Markup(";
      AppendTextRepr(value.bytes(), out);
      if (value.text().is_markup) *out += ')';
      return;
    case Kind::kSequence:
      return AppendSequenceRepr(value.sequence(), out);
    case Kind::kDict:
      return AppendEntries(value.dict().entries, out);
    default:
      return AppendOtherRepr(value, inside, out);
  }
}

}  // namespace

std::string FormatInteger(Int value) {
  unsigned __int128 rest = value < 0 ? -static_cast<unsigned __int128>(value) : value;
  std::string digits;
  do digits.insert(digits.begin(), static_cast<char>('0' + static_cast<int>(rest % 10)));
  while ((rest /= 10) != 0);
  return value < 0 ? '-' + digits : digits;
}

std::string FormatFloat(double value) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value < 0 ? "-inf" : "inf";
  char buffer[40];
  const auto scientific = std::to_chars(buffer, buffer + sizeof buffer, value, std::chars_format::scientific);
  const std::string_view written(buffer, static_cast<size_t>(scientific.ptr - buffer));
  const size_t e = written.find('e');
  int exponent = 0;
  const size_t digits_at = e + (written[e + 1] == '+' ? 2 : 1);
  std::from_chars(written.data() + digits_at, written.data() + written.size(), exponent);
  if (exponent < -4 || exponent >= 16) return std::string(written);
  const auto fixed = std::to_chars(buffer, buffer + sizeof buffer, value, std::chars_format::fixed);
  std::string out(buffer, fixed.ptr);
  return out.find('.') == out.npos ? out + ".0" : out;
}

std::string Repr(Workspace& workspace, const Value& value) {
  workspace.Spend(WeightOf(value));
  std::string out;
  AppendRepr(value, false, &out);
  return out;
}

Value ToText(Workspace& workspace, const Value& value) {
  if (value.is_text()) return value;
  if (value.is_undefined()) return workspace.NewText(std::string(), false);
  return workspace.NewText(Repr(workspace, value), false);
}

}  // namespace tern::jinja
