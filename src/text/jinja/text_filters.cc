// Filters that make text from text, and tojson.

#include <fmt/core.h>

#include <algorithm>

#include "text/jinja/filters.h"
#include "text/jinja/format.h"
#include "text/jinja/operators.h"
#include "text/jinja/printing.h"
#include "text/jinja/text_parts.h"
#include "text/jinja/text_search.h"
#include "text/jinja/unicode.h"

namespace tern::jinja {
namespace {

template <Case kTo>
Result<Value> Cased(Workspace& workspace, const Value& self, const Arguments& arguments) {
  TERN_TRY_STATUS(BindArguments("case filter", arguments, {}, 0, nullptr));
  return ChangeCase(workspace, ToText(workspace, self).text(), kTo);
}

// Unlike str.title, only after white space and opening brackets does a word begin.
Result<Value> Title(Workspace& workspace, const Value& self, const Arguments& arguments) {
  TERN_TRY_STATUS(BindArguments("title", arguments, {}, 0, nullptr));
  const Value whole = ToText(workspace, self);
  const Text& text = whole.text();
  workspace.SpendBytes(4 * text.bytes.size());
  TextBuilder builder;
  bool begins = true;
  size_t tail = 0;  // what follows a word's first letter is lowered by itself
  for (size_t pos = 0; pos < text.bytes.size() && !workspace.IsFull();) {
    const size_t begin = pos;
    const uint32_t cp = DecodeAt(text.bytes, &pos);
    std::string piece;
    if (begins) {
      AppendUpper(cp, &piece);
    } else {
      AppendLower(text.bytes.substr(tail), begin - tail, &piece);
    }
    builder.AppendDerived(piece, workspace.heap().Part(text, begin, pos).text());
    if (begins) tail = pos;
    begins = IsSpace(cp) || cp == '-' || cp == '(' || cp == '{' || cp == '[' || cp == '<';
  }
  return workspace.NewText(std::move(builder));
}

Result<Value> Trim(Workspace& workspace, const Value& self, const Arguments& arguments) {
  TERN_TRY(const auto bound, Bind<1>("trim", arguments, {"chars"}));
  const Value* chars = bound[0] && !bound[0]->is_none() ? bound[0] : nullptr;
  TERN_TRY(const Text* set, TextOr(chars, nullptr, "trim: chars"));
  return StripText(workspace, ToText(workspace, self).text(), set, true, true);
}

Result<Value> Center(Workspace& workspace, const Value& self, const Arguments& arguments) {
  TERN_TRY(const auto bound, Bind<1>("center", arguments, {"width"}));
  TERN_TRY(const int64_t width, IntegerOr(bound[0], 80, "center: width"));
  return CenterText(workspace, ToText(workspace, self).text(), width, nullptr);
}

Result<Value> Replace(Workspace& workspace, const Value& self, const Arguments& arguments) {
  TERN_TRY(const auto bound, Bind<3>("replace", arguments, {"old", "new", "count"}, 2));
  const Value* limit = bound[2] && !bound[2]->is_none() ? bound[2] : nullptr;
  TERN_TRY(const int64_t count, IntegerOr(limit, -1, "replace: count"));
  const Value text = workspace.heap().WithMarkup(ToText(workspace, self).text(), false);
  return ReplaceText(workspace, text.text(), ToText(workspace, *bound[0]).text(),
                     ToText(workspace, *bound[1]).text(), count);
}

Result<Value> Format(Workspace& workspace, const Value& self, const Arguments& arguments) {
  if (!arguments.named.empty() && !arguments.positional.empty()) {
    return BadInput("format: can't handle positional and keyword arguments at the same time");
  }
  const Value pattern = ToText(workspace, self);
  if (arguments.named.empty()) {
    TERN_TRY(const Value values, workspace.NewTuple(arguments.positional));
    return FormatPercent(workspace, pattern.text(), values);
  }
  std::vector<Dict::Entry> entries;
  for (size_t i = 0; i < arguments.named.size(); ++i) {
    entries.push_back({NameOf(workspace, arguments, i), arguments.named[i].second});
  }
  TERN_TRY(const Value values, workspace.heap().NewDict(std::move(entries)));
  return FormatPercent(workspace, pattern.text(), values);
}

// Lines as str.splitlines finds them, without their ends.
std::vector<Value> Lines(Workspace& workspace, const Text& text) {
  std::vector<Value> lines;
  size_t begin = 0;
  for (size_t pos = 0; pos < text.bytes.size() && !workspace.IsFull();) {
    const size_t end = pos;
    const uint32_t cp = DecodeAt(text.bytes, &pos);
    if (!IsLineBreak(cp)) continue;
    if (cp == '\r' && pos < text.bytes.size() && text.bytes[pos] == '\n') ++pos;
    lines.push_back(workspace.heap().Part(text, begin, end));
    begin = pos;
  }
  lines.push_back(workspace.heap().Part(text, begin, text.bytes.size()));
  return lines;
}

Result<Value> Indent(Workspace& workspace, const Value& self, const Arguments& arguments) {
  TERN_TRY(const auto bound, Bind<3>("indent", arguments, {"width", "first", "blank"}));
  Value margin;
  if (bound[0] && bound[0]->is_text()) {
    margin = *bound[0];
  } else {
    TERN_TRY(const int64_t width, IntegerOr(bound[0], 4, "indent: width"));
    const size_t spaces = width > 0 ? static_cast<size_t>(width) : 0;
    TERN_TRY_STATUS(workspace.Reserve(spaces));
    margin = workspace.NewText(std::string(spaces, ' '), true);
  }
  const bool first = bound[1] && Truth(*bound[1]);
  const bool blank = bound[2] && Truth(*bound[2]);
  if (!self.is_text()) return TypeError(fmt::format("indent: {} is not a string", TypeName(self)));
  const Text& text = self.text();
  workspace.SpendBytes(text.bytes.size());
  const std::vector<Value> lines = Lines(workspace, text);
  workspace.Spend(lines.size());
  TERN_TRY_STATUS(workspace.Reserve(lines.size(), margin.bytes().size() + 1));
  TextBuilder builder;
  for (size_t i = 0; i < lines.size(); ++i) {
    if (i > 0) builder.AppendDerived("\n", text);
    if (i == 0 ? first : (blank || !lines[i].bytes().empty())) builder.Append(margin.text());
    builder.Append(lines[i].text());
  }
  return workspace.heap().WithMarkup(workspace.NewText(std::move(builder)).text(), text.is_markup);
}

Result<Value> Truncate(Workspace& workspace, const Value& self, const Arguments& arguments) {
  TERN_TRY(const auto bound, Bind<4>("truncate", arguments, {"length", "killwords", "end", "leeway"}));
  TERN_TRY(const int64_t length, IntegerOr(bound[0], 255, "truncate: length"));
  static constexpr Text kDots{.bytes = "...", .runs = {}, .length = 3, .is_template = true};
  TERN_TRY(const Text* end, TextOr(bound[2], &kDots, "truncate: end"));
  const Value* slack = bound[3] && !bound[3]->is_none() ? bound[3] : nullptr;
  TERN_TRY(const int64_t leeway, IntegerOr(slack, 5, "truncate: leeway"));
  const int64_t kept = length - static_cast<int64_t>(end->length);
  if (kept < 0) return BadInput(fmt::format("truncate: expected length >= {}, got {}", end->length, length));
  if (leeway < 0) return BadInput(fmt::format("truncate: expected leeway >= 0, got {}", leeway));
  TERN_TRY(const size_t size, Length(self));
  if (static_cast<int64_t>(size) <= length + leeway) return self;
  if (!self.is_text()) return TypeError(fmt::format("truncate: {} is not a string", TypeName(self)));
  const Text& text = self.text();
  size_t cut = text.Offset(static_cast<size_t>(kept));
  if (!bound[1] || !Truth(*bound[1])) {
    const size_t space = text.bytes.substr(0, cut).rfind(' ');
    if (space != text.bytes.npos) cut = space;
  }
  return Concatenate(workspace, workspace.heap().Part(text, 0, cut).text(), *end);
}

Result<Value> WordCount(Workspace& workspace, const Value& self, const Arguments& arguments) {
  TERN_TRY_STATUS(BindArguments("wordcount", arguments, {}, 0, nullptr));
  const Value text = ToText(workspace, self);
  workspace.SpendBytes(text.bytes().size());
  size_t words = 0;
  bool inside = false;
  for (size_t pos = 0; pos < text.bytes().size();) {
    const uint32_t cp = DecodeAt(text.bytes(), &pos);
    const bool is_word = cp == '_' || IsAlnum(cp);
    words += is_word && !inside;
    inside = is_word;
  }
  return Value::Of(words);
}

Result<Value> EscapeFilter(Workspace& workspace, const Value& self, const Arguments& arguments) {
  TERN_TRY_STATUS(BindArguments("escape", arguments, {}, 0, nullptr));
  return Escape(workspace, ToText(workspace, self).text());
}

Result<Value> ForceEscape(Workspace& workspace, const Value& self, const Arguments& arguments) {
  TERN_TRY_STATUS(BindArguments("forceescape", arguments, {}, 0, nullptr));
  return Escape(workspace, workspace.heap().WithMarkup(ToText(workspace, self).text(), false).text());
}

Result<Value> Safe(Workspace& workspace, const Value& self, const Arguments& arguments) {
  TERN_TRY_STATUS(BindArguments("safe", arguments, {}, 0, nullptr));
  return workspace.heap().WithMarkup(ToText(workspace, self).text(), true);
}

Result<Value> ToString(Workspace& workspace, const Value& self, const Arguments& arguments) {
  TERN_TRY_STATUS(BindArguments("string", arguments, {}, 0, nullptr));
  return ToText(workspace, self);
}

// Percent-encodes; in a query "/" too, and a space is "+".
void AppendUrlQuoted(Workspace& workspace, const Value& value, bool in_query, std::string* out) {
  const Value text = ToText(workspace, value);
  workspace.SpendBytes(text.bytes().size());
  for (char c : text.bytes()) {
    const auto byte = static_cast<unsigned char>(c);
    const bool plain =
        byte < 0x80 && (IsAlnum(byte) || std::string_view("_.-~").find(c) != std::string::npos);
    if (plain || (c == '/' && !in_query)) {
      *out += c;
    } else if (c == ' ' && in_query) {
      *out += '+';
    } else {
      *out += fmt::format("%{:02X}", byte);
    }
  }
}

Status AppendUrlPair(Workspace& workspace, const Value& key, const Value& value, std::string* out) {
  if (!out->empty()) *out += '&';
  AppendUrlQuoted(workspace, key, true, out);
  *out += '=';
  AppendUrlQuoted(workspace, value, true, out);
  return workspace.Step();
}

Result<Value> UrlEncode(Workspace& workspace, const Value& self, const Arguments& arguments) {
  TERN_TRY_STATUS(BindArguments("urlencode", arguments, {}, 0, nullptr));
  std::string out;
  if (self.is(Kind::kDict)) {
    for (const auto& [key, value] : self.dict().entries) {
      TERN_TRY_STATUS(AppendUrlPair(workspace, key, value, &out));
    }
  } else if (self.is(Kind::kSequence) || self.is(Kind::kRange) || self.is_undefined()) {
    TERN_TRY(const std::span<const Value> items, Items(workspace, self));
    for (const Value& item : items) {
      TERN_TRY(const std::span<const Value> pair, Items(workspace, item));
      if (pair.size() != 2) return BadInput(fmt::format("urlencode: {} values, expected 2", pair.size()));
      TERN_TRY_STATUS(AppendUrlPair(workspace, pair[0], pair[1], &out));
    }
  } else {
    AppendUrlQuoted(workspace, self, false, &out);
  }
  return workspace.NewText(std::move(out), false);
}

Status ReadIndent(const Value& indent, JsonStyle* style) {
  if (indent.is_none()) return {};
  style->indented = true;
  style->item_separator = ",";
  if (indent.is_text()) {
    style->indent = indent.bytes();
    return {};
  }
  TERN_TRY(const int64_t width, IntegerOr(&indent, 0, "tojson: indent"));
  if (width > 1000) return BadInput("tojson: indent above 1000");
  style->indent.assign(static_cast<size_t>(std::max<int64_t>(width, 0)), ' ');
  return {};
}

Result<Value> ToJson(Workspace& workspace, const Value& self, const Arguments& arguments) {
  TERN_TRY(const auto bound,
           Bind<4>("tojson", arguments, {"ensure_ascii", "indent", "separators", "sort_keys"}));
  JsonStyle style;
  style.ensure_ascii = bound[0] && Truth(*bound[0]);
  style.sort_keys = bound[3] && Truth(*bound[3]);
  if (bound[1]) TERN_TRY_STATUS(ReadIndent(*bound[1], &style));
  if (bound[2] && !bound[2]->is_none()) {
    TERN_TRY(const std::span<const Value> separators, Items(workspace, *bound[2]));
    if (separators.size() != 2 || !separators[0].is_text() || !separators[1].is_text()) {
      return TypeError("tojson: separators must be two strings");
    }
    style.item_separator = separators[0].bytes();
    style.key_separator = separators[1].bytes();
  }
  TERN_TRY(std::string json, DumpJson(workspace, self, style));
  return workspace.NewText(std::move(json), false);
}

constexpr NamedBuiltin kFilters[] = {
    {"capitalize", Cased<Case::kCapital>},
    {"center", Center},
    {"e", EscapeFilter},
    {"escape", EscapeFilter},
    {"forceescape", ForceEscape},
    {"format", Format},
    {"indent", Indent},
    {"lower", Cased<Case::kLower>},
    {"replace", Replace},
    {"safe", Safe},
    {"string", ToString},
    {"title", Title},
    {"tojson", ToJson},
    {"trim", Trim},
    {"truncate", Truncate},
    {"upper", Cased<Case::kUpper>},
    {"urlencode", UrlEncode},
    {"wordcount", WordCount},
};

}  // namespace

std::span<const NamedBuiltin> TextFilters() { return kFilters; }

}  // namespace tern::jinja
