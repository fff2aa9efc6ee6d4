#include "text/jinja/operators.h"

#include <fmt/core.h>

#include <algorithm>
#include <cstring>

#include "text/jinja/text_search.h"

namespace tern::jinja {
namespace {

bool EqualSequences(Workspace& workspace, const Sequence& a, const Sequence& b) {
  const auto family = [](Flavor f) { return f == Flavor::kGroup ? Flavor::kTuple : f; };
  if (&a == &b) return true;
  if (family(a.flavor) != family(b.flavor) || a.items.size() != b.items.size()) return false;
  if (a.flavor == Flavor::kGenerator || a.flavor == Flavor::kValues) return false;
  return std::equal(a.items.begin(), a.items.end(), b.items.begin(),
                    [&](const Value& x, const Value& y) { return Equals(workspace, x, y); });
}

bool EqualDicts(Workspace& workspace, const Dict& a, const Dict& b) {
  if (a.entries.size() != b.entries.size()) return false;
  return std::all_of(a.entries.begin(), a.entries.end(), [&](const Dict::Entry& entry) {
    const Value* other = b.Find(entry.key);
    return other && Equals(workspace, entry.value, *other);
  });
}

bool EqualRanges(const Range& a, const Range& b) {
  const int64_t size = a.size();
  if (size != b.size()) return false;
  return size == 0 || (a.start == b.start && (size == 1 || a.step == b.step));
}

Error Unordered(std::string_view symbol, const Value& a, const Value& b) {
  return TypeError(
      fmt::format("'{}' not supported between instances of '{}' and '{}'", symbol, TypeName(a), TypeName(b)));
}

// a < b, or a <= b.
Result<bool> Before(Workspace& workspace, const Value& a, const Value& b, bool or_equal,
                    std::string_view symbol) {
  if (a.is_undefined()) return UndefinedError(a);
  if (b.is_undefined()) return UndefinedError(b);
  if (a.is_number() && b.is_number()) {
    if (a.is_integral() && b.is_integral()) {
      return or_equal ? a.integer() <= b.integer() : a.integer() < b.integer();
    }
    return or_equal ? a.real() <= b.real() : a.real() < b.real();
  }
  if (a.is_text() && b.is_text()) {
    workspace.SpendBytes(std::min(a.bytes().size(), b.bytes().size()));
    return or_equal ? a.bytes() <= b.bytes() : a.bytes() < b.bytes();
  }
  if (!a.is(Kind::kSequence) || !b.is(Kind::kSequence)) return Unordered(symbol, a, b);
  const Sequence& x = a.sequence();
  const Sequence& y = b.sequence();
  if (x.flavor != y.flavor || x.flavor > Flavor::kGroup) return Unordered(symbol, a, b);
  const size_t common = std::min(x.items.size(), y.items.size());
  for (size_t i = 0; i < common; ++i) {
    if (!Equals(workspace, x.items[i], y.items[i])) {
      return Before(workspace, x.items[i], y.items[i], or_equal, symbol);
    }
  }
  return or_equal ? x.items.size() <= y.items.size() : x.items.size() < y.items.size();
}

Value CharacterAt(Workspace& workspace, const Text& text, size_t* pos) {
  const size_t begin = *pos;
  do ++*pos;
  while (*pos < text.bytes.size() && (static_cast<unsigned char>(text.bytes[*pos]) & 0xC0) == 0x80);
  return workspace.heap().Part(text, begin, *pos);
}

// A list that only iteration sees.
Result<std::span<const Value>> Listed(Workspace& workspace, std::vector<Value> items) {
  TERN_TRY(const Value list, workspace.NewList(std::move(items)));
  return std::span<const Value>(list.sequence().items);
}

Result<std::span<const Value>> RangeItems(Workspace& workspace, const Range& range) {
  std::vector<Value> items;
  TERN_TRY_STATUS(workspace.Reserve(static_cast<size_t>(range.size()), sizeof(Value)));
  items.reserve(static_cast<size_t>(range.size()));
  for (int64_t i = 0, n = range.size(); i < n; ++i) items.push_back(Value(Int{range.start + i * range.step}));
  return Listed(workspace, std::move(items));
}

Result<std::span<const Value>> TextItems(Workspace& workspace, const Text& text) {
  TERN_TRY_STATUS(workspace.Reserve(text.length, sizeof(Value) + sizeof(Text)));
  std::vector<Value> items;
  items.reserve(text.length);
  const Text& plain = workspace.heap().WithMarkup(text, false).text();
  for (size_t pos = 0; pos < text.bytes.size();) items.push_back(CharacterAt(workspace, plain, &pos));
  return Listed(workspace, std::move(items));
}

}  // namespace

Error UndefinedError(const Value& value) {
  return BadInput(value.absent() ? value.absent()->message : "value is undefined");
}

Error TypeError(std::string_view what) { return BadInput(std::string(what)); }

bool Truth(const Value& value) {
  switch (value.kind()) {
    case Kind::kUndefined:
    case Kind::kNone:
      return false;
    case Kind::kBool:
    case Kind::kInt:
      return value.integer() != 0;
    case Kind::kFloat:
      return value.real() != 0;
    case Kind::kText:
      return !value.bytes().empty();
    case Kind::kSequence:
      return value.sequence().flavor == Flavor::kGenerator || !value.sequence().items.empty();
    case Kind::kDict:
      return !value.dict().entries.empty();
    case Kind::kRange:
      return value.range().size() > 0;
    default:
      return true;
  }
}

bool Equals(Workspace& workspace, const Value& a, const Value& b) {
  if (a.is_number() && b.is_number()) {
    if (a.is_integral() && b.is_integral()) return a.integer() == b.integer();
    return a.real() == b.real();
  }
  if (a.kind() != b.kind()) return false;
  workspace.Spend(std::min(WeightOf(a), WeightOf(b)));
  switch (a.kind()) {
    case Kind::kUndefined:
    case Kind::kNone:
      return true;
    case Kind::kText:
      return a.bytes() == b.bytes();
    case Kind::kSequence:
      return EqualSequences(workspace, a.sequence(), b.sequence());
    case Kind::kDict:
      return EqualDicts(workspace, a.dict(), b.dict());
    case Kind::kRange:
      return EqualRanges(a.range(), b.range());
    default:
      return a.address() == b.address();
  }
}

Result<bool> Compare(Workspace& workspace, CompareOp op, const Value& a, const Value& b) {
  switch (op) {
    case CompareOp::kEqual:
      return Equals(workspace, a, b);
    case CompareOp::kNotEqual:
      return !Equals(workspace, a, b);
    case CompareOp::kLess:
      return Before(workspace, a, b, false, "<");
    case CompareOp::kLessEqual:
      return Before(workspace, a, b, true, "<=");
    case CompareOp::kGreater:
      return Before(workspace, b, a, false, ">");
    case CompareOp::kGreaterEqual:
      return Before(workspace, b, a, true, ">=");
    case CompareOp::kIn:
      return Contains(workspace, b, a);
    case CompareOp::kNotIn:
      break;
  }
  TERN_TRY(const bool found, Contains(workspace, b, a));
  return !found;
}

Result<bool> Contains(Workspace& workspace, const Value& container, const Value& item) {
  if (container.is_text()) {
    if (!item.is_text()) {
      return TypeError(fmt::format("'in <string>' requires string as left operand, not {}", TypeName(item)));
    }
    workspace.SpendBytes(container.bytes().size());
    return FindBytes(container.bytes(), item.bytes(), 0) != std::string_view::npos;
  }
  if (container.is(Kind::kDict)) {
    if (!IsHashable(item)) return TypeError(fmt::format("unhashable type: '{}'", TypeName(item)));
    workspace.Spend(WeightOf(item));
    return container.dict().Find(item) != nullptr;
  }
  if (!container.is_undefined() && !container.is(Kind::kSequence) && !container.is(Kind::kRange)) {
    return TypeError(fmt::format("argument of type '{}' is not iterable", TypeName(container)));
  }
  TERN_TRY(const std::span<const Value> items, Items(workspace, container));
  workspace.Spend(items.size());
  return std::any_of(items.begin(), items.end(),
                     [&](const Value& candidate) { return Equals(workspace, candidate, item); });
}

Result<std::span<const Value>> Items(Workspace& workspace, const Value& value) {
  switch (value.kind()) {
    case Kind::kUndefined:
      return std::span<const Value>();
    case Kind::kSequence: {
      Sequence& sequence = value.sequence();
      const std::span<const Value> rest = sequence.rest();
      if (sequence.flavor == Flavor::kGenerator) sequence.consumed = sequence.items.size();
      return rest;
    }
    case Kind::kDict: {
      std::vector<Value> keys;
      for (const Dict::Entry& entry : value.dict().entries) keys.push_back(entry.key);
      return Listed(workspace, std::move(keys));
    }
    case Kind::kText:
      return TextItems(workspace, value.text());
    case Kind::kRange:
      return RangeItems(workspace, value.range());
    default:
      return TypeError(fmt::format("'{}' object is not iterable", TypeName(value)));
  }
}

Result<size_t> Length(const Value& value) {
  switch (value.kind()) {
    case Kind::kUndefined:
      return size_t{0};
    case Kind::kText:
      return value.text().length;
    case Kind::kSequence:
      if (value.sequence().flavor == Flavor::kGenerator) break;
      return value.sequence().items.size();
    case Kind::kDict:
      return value.dict().entries.size();
    case Kind::kRange:
      return static_cast<size_t>(value.range().size());
    case Kind::kLoop:
      return value.loop().items.size();
    default:
      break;
  }
  return TypeError(fmt::format("object of type '{}' has no len()", TypeName(value)));
}

Value Concatenate(Workspace& workspace, const Text& a, const Text& b) {
  const bool is_markup = a.is_markup || b.is_markup;
  const Value left = is_markup ? Escape(workspace, a) : Value(&a);
  const Value right = is_markup ? Escape(workspace, b) : Value(&b);
  workspace.SpendBytes(left.bytes().size() + right.bytes().size());
  TextBuilder builder;
  builder.bytes().reserve(left.bytes().size() + right.bytes().size());
  builder.Append(left.text());
  builder.Append(right.text());
  const Value joined = workspace.NewText(std::move(builder));
  return is_markup ? workspace.heap().WithMarkup(joined.text(), true) : joined;
}

Value Escape(Workspace& workspace, const Text& text) {
  if (text.is_markup) return Value(&text);
  static constexpr std::string_view kSpecial = "&<>'\"";
  static constexpr std::string_view kEntities[] = {"&amp;", "&lt;", "&gt;", "&#39;", "&#34;"};
  workspace.SpendBytes(text.bytes.size());
  TextBuilder builder;
  size_t done = 0;
  for (size_t at; (at = text.bytes.find_first_of(kSpecial, done)) != text.bytes.npos; done = at + 1) {
    builder.Append(text, done, at);
    builder.AppendDerived(kEntities[kSpecial.find(text.bytes[at])], text);
  }
  builder.Append(text, done, text.bytes.size());
  return workspace.heap().WithMarkup(workspace.NewText(std::move(builder)).text(), true);
}

}  // namespace tern::jinja
