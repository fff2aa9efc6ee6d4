#include "text/jinja/access.h"

#include <fmt/core.h>

#include <algorithm>
#include <limits>
#include <optional>

#include "text/jinja/literals.h"
#include "text/jinja/methods.h"
#include "text/jinja/operators.h"
#include "text/jinja/printing.h"
#include "text/jinja/unicode.h"

namespace tern::jinja {
namespace {

std::string ObjectName(const Value& value) {
  return value.is_none() ? "None" : fmt::format("{} object", TypeName(value));
}

std::optional<Value> LoopAttribute(Workspace& workspace, const Loop& loop, std::string_view name) {
  const size_t count = loop.items.size();
  const size_t i = loop.index0;
  if (name == "index") return Value::Of(i + 1);
  if (name == "index0") return Value::Of(i);
  if (name == "revindex") return Value::Of(count - i);
  if (name == "revindex0") return Value::Of(count - i - 1);
  if (name == "first") return Value(i == 0);
  if (name == "last") return Value(i + 1 == count);
  if (name == "length") return Value::Of(count);
  if (name == "depth") return Value(Int{loop.depth0 + 1});
  if (name == "depth0") return Value(Int{loop.depth0});
  if (name == "previtem") {
    return i > 0 ? loop.items[i - 1] : workspace.heap().NewUndefined("there is no previous item");
  }
  if (name == "nextitem") {
    return i + 1 < count ? loop.items[i + 1] : workspace.heap().NewUndefined("there is no next item");
  }
  return std::nullopt;
}

std::optional<Value> PlainAttribute(Workspace& workspace, const Value& value, std::string_view name) {
  switch (value.kind()) {
    case Kind::kLoop:
      return LoopAttribute(workspace, value.loop(), name);
    case Kind::kNamespace:
      workspace.Spend(value.ns().attributes.size() / 8);
      if (const Value* found = value.ns().Find(name)) return *found;
      return std::nullopt;
    case Kind::kSequence:
      if (value.sequence().flavor != Flavor::kGroup) return std::nullopt;
      if (name == "grouper") return value.sequence().items[0];
      if (name == "list") return value.sequence().items[1];
      return std::nullopt;
    case Kind::kRange:
      if (name == "start") return Value(Int{value.range().start});
      if (name == "stop") return Value(Int{value.range().stop});
      if (name == "step") return Value(Int{value.range().step});
      return std::nullopt;
    case Kind::kCallable:
      if (value.callable().macro && name == "name") {
        return workspace.heap().BorrowText(value.callable().name, true);
      }
      return std::nullopt;
    default:
      return std::nullopt;
  }
}

// Attributes and methods, without a dict's keys.
std::optional<Value> OwnAttribute(Workspace& workspace, const Value& value, std::string_view name) {
  const Method* method = FindMethod(value, name);
  if (name.starts_with("__") || (method && !method->function)) {
    return workspace.heap().NewUndefined(
        fmt::format("access to attribute '{}' of '{}' object is unsafe.", name, TypeName(value)));
  }
  if (!method) return PlainAttribute(workspace, value, name);
  return workspace.heap().NewCallable({.name = method->name, .builtin = method->function, .self = value});
}

// The item at `index` of what is indexed by numbers; nothing if there is none.
std::optional<Value> NumberedItem(Workspace& workspace, const Value& value, Int index) {
  Int size = 0;
  if (value.is_text()) {
    size = static_cast<Int>(value.text().length);
  } else if (value.is(Kind::kRange)) {
    size = value.range().size();
  } else if (value.is(Kind::kSequence) && value.sequence().flavor <= Flavor::kGroup) {
    size = static_cast<Int>(value.sequence().items.size());
  } else {
    return std::nullopt;
  }
  if (index < 0) index += size;
  if (index < 0 || index >= size) return std::nullopt;
  const size_t i = static_cast<size_t>(index);
  if (value.is(Kind::kRange)) return Value(Int{value.range().start} + index * value.range().step);
  if (value.is(Kind::kSequence)) return value.sequence().items[i];
  const Text& text = value.text();
  if (!text.ascii()) workspace.SpendBytes(text.bytes.size());
  const size_t begin = text.Offset(i);
  const size_t end = text.ascii() ? begin + 1 : begin + ByteOffset(text.bytes.substr(begin), 1);
  return workspace.heap().Part(text, begin, end);
}

struct SliceBounds {
  Int start, stop, step;

  Int count() const {
    if (step > 0) return stop > start ? (stop - start - 1) / step + 1 : 0;
    return start > stop ? (start - stop - 1) / -step + 1 : 0;
  }
};

Result<std::optional<Int>> SliceIndex(const Value& value) {
  if (value.is_none()) return std::optional<Int>();
  if (value.is_undefined()) return UndefinedError(value);
  if (!value.is_integral()) return TypeError("slice indices must be integers or None");
  constexpr Int kFar = std::numeric_limits<int64_t>::max();
  return std::optional<Int>(std::clamp(value.integer(), -kFar, kFar));
}

Result<SliceBounds> Bounds(size_t length, const Value& start, const Value& stop, const Value& step) {
  TERN_TRY(const std::optional<Int> from, SliceIndex(start));
  TERN_TRY(const std::optional<Int> to, SliceIndex(stop));
  TERN_TRY(const std::optional<Int> by, SliceIndex(step));
  if (by && *by == 0) return BadInput("slice step cannot be zero");
  SliceBounds bounds{0, 0, by.value_or(1)};
  const bool forward = bounds.step > 0;
  const Int size = static_cast<Int>(length);
  const Int low = forward ? 0 : -1;
  const Int high = forward ? size : size - 1;
  const auto place = [&](std::optional<Int> index, Int fallback) {
    if (!index) return fallback;
    return *index < 0 ? std::max(*index + size, low) : std::min(*index, high);
  };
  bounds.start = place(from, forward ? low : high);
  bounds.stop = place(to, forward ? high : low);
  return bounds;
}

Value SliceText(Workspace& workspace, const Text& text, const SliceBounds& bounds) {
  if (!text.ascii()) workspace.SpendBytes(text.bytes.size());
  const Int count = bounds.count();
  if (count == 0) return workspace.heap().Part(text, 0, 0);
  if (bounds.step == 1) {
    const size_t begin = text.Offset(static_cast<size_t>(bounds.start));
    const size_t end =
        begin + (text.ascii() ? static_cast<size_t>(count)
                              : ByteOffset(text.bytes.substr(begin), static_cast<size_t>(count)));
    return workspace.heap().Part(text, begin, end);
  }
  workspace.Spend(static_cast<size_t>(count));
  std::vector<size_t> offsets;  // of each code point
  for (size_t pos = 0; pos < text.bytes.size(); DecodeAt(text.bytes, &pos)) offsets.push_back(pos);
  offsets.push_back(text.bytes.size());
  TextBuilder builder;
  for (Int i = 0, at = bounds.start; i < count; ++i, at += bounds.step) {
    builder.Append(text, offsets[static_cast<size_t>(at)], offsets[static_cast<size_t>(at) + 1]);
  }
  return workspace.heap().WithMarkup(workspace.NewText(std::move(builder)).text(), text.is_markup);
}

Result<Value> SliceSequence(Workspace& workspace, const Sequence& sequence, const SliceBounds& bounds) {
  std::vector<Value> items;
  const Int count = bounds.count();
  workspace.Spend(static_cast<size_t>(count));
  items.reserve(static_cast<size_t>(count));
  for (Int i = 0, at = bounds.start; i < count; ++i, at += bounds.step) {
    items.push_back(sequence.items[static_cast<size_t>(at)]);
  }
  const Flavor flavor = sequence.flavor == Flavor::kGroup ? Flavor::kTuple : sequence.flavor;
  return workspace.heap().NewSequence(flavor, std::move(items));
}

Value SliceRange(Workspace& workspace, const Range& range, const SliceBounds& bounds) {
  const auto at = [&](Int index) { return static_cast<int64_t>(range.start + index * range.step); };
  constexpr Int kFar = std::numeric_limits<int64_t>::max();
  const Int step = std::clamp(range.step * bounds.step, -kFar, kFar);
  return workspace.heap().NewRange({at(bounds.start), at(bounds.stop), static_cast<int64_t>(step)});
}

}  // namespace

Result<Value> GetAttribute(Workspace& workspace, const Value& value, std::string_view name) {
  if (value.is_undefined()) return UndefinedError(value);
  if (const auto own = OwnAttribute(workspace, value, name)) return *own;
  if (value.is(Kind::kDict)) {
    if (const Value* found = value.dict().Find(name)) return *found;
  }
  return workspace.heap().NewUndefined(fmt::format("'{}' has no attribute '{}'", ObjectName(value), name));
}

Result<Value> GetItem(Workspace& workspace, const Value& value, const Value& index) {
  if (value.is_undefined()) return UndefinedError(value);
  if (value.is(Kind::kDict) && IsHashable(index)) {
    workspace.Spend(WeightOf(index));
    if (const Value* found = value.dict().Find(index)) return *found;
  }
  if (index.is_integral()) {
    if (const auto item = NumberedItem(workspace, value, index.integer())) return *item;
  }
  if (index.is_text()) {
    if (const auto own = OwnAttribute(workspace, value, index.bytes())) return *own;
    return workspace.heap().NewUndefined(
        fmt::format("'{}' has no attribute '{}'", ObjectName(value), index.bytes()));
  }
  return workspace.heap().NewUndefined(
      fmt::format("{} has no element {}", ObjectName(value), Repr(workspace, index)));
}

Result<Value> GetSlice(Workspace& workspace, const Value& value, const Value& start, const Value& stop,
                       const Value& step) {
  if (value.is_undefined()) return UndefinedError(value);
  const bool is_indexed = value.is_text() || value.is(Kind::kRange) ||
                          (value.is(Kind::kSequence) && value.sequence().flavor <= Flavor::kGroup);
  if (!is_indexed) return TypeError(fmt::format("'{}' object is not subscriptable", TypeName(value)));
  TERN_TRY(const size_t length, Length(value));
  TERN_TRY(const SliceBounds bounds, Bounds(length, start, stop, step));
  if (value.is_text()) return SliceText(workspace, value.text(), bounds);
  if (value.is(Kind::kRange)) return SliceRange(workspace, value.range(), bounds);
  return SliceSequence(workspace, value.sequence(), bounds);
}

Result<Value> GetPath(Workspace& workspace, Value value, const Value& path, const Value& fallback) {
  const bool replaces = !fallback.is_none();
  if (!path.is_text()) {
    TERN_TRY(value, GetItem(workspace, value, path));
    return value.is_undefined() && replaces ? fallback : value;
  }
  std::string_view rest = path.bytes();
  while (true) {
    const size_t dot = rest.find('.');
    const std::string_view part = rest.substr(0, dot);
    const bool is_number = !part.empty() && part.find_first_not_of("0123456789") == part.npos;
    const auto number = is_number ? TextToInteger(part, 10) : std::nullopt;
    const Text name{.bytes = part, .runs = {}, .length = part.size()};
    TERN_TRY(value, GetItem(workspace, value, number ? Value(*number) : Value(&name)));
    if (value.is_undefined() && replaces) value = fallback;
    if (dot == rest.npos) return value;
    rest.remove_prefix(dot + 1);
  }
}

}  // namespace tern::jinja
