// str methods that put text together: join, center, zfill, format and their kin.

#include <fmt/core.h>

#include <algorithm>

#include "text/jinja/format.h"
#include "text/jinja/methods.h"
#include "text/jinja/operators.h"
#include "text/jinja/printing.h"
#include "text/jinja/text_parts.h"

namespace tern::jinja {
namespace {

constexpr Text kSpace{.bytes = " ", .runs = {}, .length = 1, .is_template = false};

// `left` and `right` times the fill character around the text.
Result<Value> Padded(Workspace& workspace, const Text& text, size_t left, size_t right, const Text& fill) {
  TERN_TRY_STATUS(workspace.Reserve(left + right, fill.bytes.size()));
  workspace.SpendBytes(text.bytes.size() + left + right);
  TextBuilder builder;
  for (size_t i = 0; i < left; ++i) builder.Append(fill);
  builder.Append(text);
  for (size_t i = 0; i < right; ++i) builder.Append(fill);
  return workspace.heap().WithMarkup(workspace.NewText(std::move(builder)).text(), text.is_markup);
}

size_t Missing(const Text& text, int64_t width) {
  const int64_t length = static_cast<int64_t>(text.length);
  return width > length ? static_cast<size_t>(width - length) : 0;
}

struct Padding {
  int64_t width;
  const Text* fill;
};

Result<Padding> PaddingOf(std::string_view name, const Arguments& arguments) {
  TERN_TRY(const auto bound, Bind<2>(name, arguments, {"width", "fillchar"}, 1));
  TERN_TRY(const int64_t width, IntegerOr(bound[0], 0, name));
  TERN_TRY(const Text* fill, TextOr(bound[1], &kSpace, name));
  if (fill->length != 1) {
    return TypeError(fmt::format("{}: the fill character must be exactly one character long", name));
  }
  return Padding{width, fill};
}

Result<Value> CenterMethod(Workspace& workspace, const Value& self, const Arguments& arguments) {
  TERN_TRY(const Padding padding, PaddingOf("center", arguments));
  return CenterText(workspace, self.text(), padding.width, padding.fill);
}

Result<Value> LeftJustify(Workspace& workspace, const Value& self, const Arguments& arguments) {
  TERN_TRY(const Padding padding, PaddingOf("ljust", arguments));
  return Padded(workspace, self.text(), 0, Missing(self.text(), padding.width), *padding.fill);
}

Result<Value> RightJustify(Workspace& workspace, const Value& self, const Arguments& arguments) {
  TERN_TRY(const Padding padding, PaddingOf("rjust", arguments));
  return Padded(workspace, self.text(), Missing(self.text(), padding.width), 0, *padding.fill);
}

Result<Value> ZeroFill(Workspace& workspace, const Value& self, const Arguments& arguments) {
  TERN_TRY(const auto bound, Bind<1>("zfill", arguments, {"width"}, 1));
  TERN_TRY(const int64_t width, IntegerOr(bound[0], 0, "zfill: width"));
  const Text& text = self.text();
  const size_t zeros = Missing(text, width);
  TERN_TRY_STATUS(workspace.Reserve(zeros));
  const size_t sign = text.bytes.starts_with('+') || text.bytes.starts_with('-');
  TextBuilder builder;
  builder.Append(text, 0, sign);
  builder.AppendDerived(std::string(zeros, '0'), text);
  builder.Append(text, sign, text.bytes.size());
  return workspace.NewText(std::move(builder));
}

Result<Value> ExpandTabs(Workspace& workspace, const Value& self, const Arguments& arguments) {
  TERN_TRY(const auto bound, Bind<1>("expandtabs", arguments, {"tabsize"}));
  TERN_TRY(const int64_t tab, IntegerOr(bound[0], 8, "expandtabs: tabsize"));
  const Text& text = self.text();
  const size_t size = tab > 0 ? static_cast<size_t>(tab) : 0;
  const auto tabs = static_cast<size_t>(std::count(text.bytes.begin(), text.bytes.end(), '\t'));
  TERN_TRY_STATUS(workspace.Reserve(tabs, size));
  TextBuilder builder;
  size_t column = 0;
  for (size_t at = 0; at < text.bytes.size(); ++at) {
    const char c = text.bytes[at];
    if (c == '\t') {
      const size_t spaces = size > 0 ? size - column % size : 0;
      builder.AppendDerived(std::string(spaces, ' '), text);
      column += spaces;
      continue;
    }
    builder.Append(text, at, at + 1);
    column = c == '\n' || c == '\r' ? 0 : column + ((static_cast<unsigned char>(c) & 0xC0) != 0x80);
  }
  return workspace.NewText(std::move(builder));
}

Result<Value> JoinMethod(Workspace& workspace, const Value& self, const Arguments& arguments) {
  TERN_TRY(const auto bound, Bind<1>("join", arguments, {"iterable"}, 1));
  TERN_TRY(const std::span<const Value> items, Items(workspace, *bound[0]));
  return JoinTexts(workspace, self.text(), items, true);
}

Result<Value> FormatMethod(Workspace& workspace, const Value& self, const Arguments& arguments) {
  return FormatBraces(workspace, self.text(), arguments);
}

Result<Value> FormatMap(Workspace& workspace, const Value& self, const Arguments& arguments) {
  TERN_TRY(const auto bound, Bind<1>("format_map", arguments, {"mapping"}, 1));
  if (!bound[0]->is(Kind::kDict)) return TypeError("format_map: a dict was expected");
  Arguments named;
  for (const Dict::Entry& entry : bound[0]->dict().entries) {
    if (entry.key.is_text()) named.named.emplace_back(entry.key.bytes(), entry.value);
  }
  return FormatBraces(workspace, self.text(), named);
}

constexpr Method kLayoutMethods[] = {
    {"center", CenterMethod}, {"expandtabs", ExpandTabs}, {"format", FormatMethod}, {"format_map", FormatMap},
    {"join", JoinMethod},     {"ljust", LeftJustify},     {"rjust", RightJustify},  {"zfill", ZeroFill},
};

}  // namespace

Result<Value> CenterText(Workspace& workspace, const Text& text, int64_t width, const Text* fill) {
  const size_t missing = Missing(text, width);
  // Python puts the odd one to the left where the width is odd.
  const size_t left = missing / 2 + (missing & static_cast<size_t>(width) & 1);
  return Padded(workspace, text, left, missing - left, fill ? *fill : kSpace);
}

Result<Value> JoinTexts(Workspace& workspace, const Text& separator, std::span<const Value> items,
                        bool strict) {
  if (!items.empty()) TERN_TRY_STATUS(workspace.Reserve(items.size(), separator.bytes.size() + 1));
  TextBuilder builder;
  const bool is_markup = separator.is_markup;
  for (size_t i = 0; i < items.size(); ++i) {
    if (i > 0) builder.Append(separator);
    if (strict && !is_markup && !items[i].is_text()) {
      return TypeError(
          fmt::format("sequence item {}: expected str instance, {} found", i, TypeName(items[i])));
    }
    const Value text = ToText(workspace, items[i]);
    builder.Append(is_markup ? Escape(workspace, text.text()).text() : text.text());
    TERN_TRY_STATUS(workspace.Reserve(builder.size()));
  }
  workspace.Spend(items.size());
  workspace.SpendBytes(builder.size());
  return workspace.heap().WithMarkup(workspace.NewText(std::move(builder)).text(), is_markup);
}

std::span<const Method> TextLayoutMethods() { return kLayoutMethods; }

}  // namespace tern::jinja
