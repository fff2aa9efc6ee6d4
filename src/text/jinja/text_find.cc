// str methods that look for text: find, count, startswith, replace and their kin.

#include <fmt/core.h>

#include <algorithm>

#include "text/jinja/methods.h"
#include "text/jinja/operators.h"
#include "text/jinja/text_parts.h"
#include "text/jinja/text_search.h"
#include "text/jinja/unicode.h"

namespace tern::jinja {
namespace {

// The part of a text that optional start and end arguments (code points) name.
struct Window {
  size_t begin, end;  // bytes
  size_t start;       // code points in front
  bool empty;         // start lies behind end: nothing is found, not even an empty text
};

Result<Window> WindowOf(const Text& text, const Value* start, const Value* end) {
  const auto place = [&](const Value* argument, int64_t fallback) -> Result<int64_t> {
    if (argument && argument->is_none()) return fallback;
    TERN_TRY(const int64_t index, IntegerOr(argument, fallback, "text index"));
    const int64_t length = static_cast<int64_t>(text.length);
    return index < 0 ? std::max<int64_t>(index + length, 0) : index;
  };
  TERN_TRY(const int64_t from, place(start, 0));
  TERN_TRY(const int64_t to, place(end, static_cast<int64_t>(text.length)));
  const size_t first = static_cast<size_t>(from), last = static_cast<size_t>(to);
  const bool empty = first > text.length || first > last;
  return Window{text.Offset(first), empty ? text.Offset(first) : text.Offset(last), first, empty};
}

// The arguments (sub, start, end), and the window they name.
struct Search {
  const Text* needle;
  Window window;
};

Result<Search> SearchOf(std::string_view name, const Value& self, const Arguments& arguments) {
  TERN_TRY(const auto bound, Bind<3>(name, arguments, {"sub", "start", "end"}, 1));
  TERN_TRY(const Text* needle, TextOr(bound[0], nullptr, name));
  TERN_TRY(const Window window, WindowOf(self.text(), bound[1], bound[2]));
  return Search{needle, window};
}

// The index in code points; -1 if it is not there.
Result<Int> IndexOf(Workspace& workspace, std::string_view name, const Value& self,
                    const Arguments& arguments, bool last) {
  TERN_TRY(const Search search, SearchOf(name, self, arguments));
  const Window& window = search.window;
  if (window.empty) return Int{-1};
  const std::string_view part = self.bytes().substr(window.begin, window.end - window.begin);
  workspace.SpendBytes(part.size());
  const size_t at =
      last ? FindLastBytes(part, search.needle->bytes) : FindBytes(part, search.needle->bytes, 0);
  if (at == std::string_view::npos) return Int{-1};
  return static_cast<Int>(window.start + CountCodePoints(part.substr(0, at)));
}

Result<Value> Find(Workspace& workspace, const Value& self, const Arguments& arguments) {
  TERN_TRY(const Int index, IndexOf(workspace, "find", self, arguments, false));
  return Value(index);
}

Result<Value> RightFind(Workspace& workspace, const Value& self, const Arguments& arguments) {
  TERN_TRY(const Int index, IndexOf(workspace, "rfind", self, arguments, true));
  return Value(index);
}

Result<Value> Index(Workspace& workspace, const Value& self, const Arguments& arguments) {
  TERN_TRY(const Int index, IndexOf(workspace, "index", self, arguments, false));
  if (index < 0) return BadInput("index: substring not found");
  return Value(index);
}

Result<Value> RightIndex(Workspace& workspace, const Value& self, const Arguments& arguments) {
  TERN_TRY(const Int index, IndexOf(workspace, "rindex", self, arguments, true));
  if (index < 0) return BadInput("rindex: substring not found");
  return Value(index);
}

// Occurrences that do not overlap, at most `limit`.
size_t CountOccurrences(std::string_view s, std::string_view needle, size_t limit) {
  size_t count = 0;
  for (size_t at = 0; count < limit && (at = FindBytes(s, needle, at)) != std::string_view::npos;
       at += needle.size())
    ++count;
  return count;
}

Result<Value> Count(Workspace& workspace, const Value& self, const Arguments& arguments) {
  TERN_TRY(const Search search, SearchOf("count", self, arguments));
  if (search.window.empty) return Value(Int{0});
  const std::string_view part =
      self.bytes().substr(search.window.begin, search.window.end - search.window.begin);
  workspace.SpendBytes(part.size());
  if (search.needle->bytes.empty()) return Value::Of(CountCodePoints(part) + 1);
  return Value::Of(CountOccurrences(part, search.needle->bytes, std::string_view::npos));
}

// startswith and endswith take one text or a tuple of them.
Result<Value> HasAffix(std::string_view name, const Value& self, const Arguments& arguments, bool at_start) {
  TERN_TRY(const auto bound, Bind<3>(name, arguments, {"affix", "start", "end"}, 1));
  TERN_TRY(const Window window, WindowOf(self.text(), bound[1], bound[2]));
  const bool is_tuple = bound[0]->is(Kind::kSequence) && bound[0]->sequence().flavor == Flavor::kTuple;
  const std::span<const Value> candidates =
      is_tuple ? std::span<const Value>(bound[0]->sequence().items) : std::span(bound[0], 1);
  for (const Value& candidate : candidates) {
    TERN_TRY(const Text* affix, TextOr(&candidate, nullptr, name));
    if (window.empty) continue;
    const std::string_view part = self.bytes().substr(window.begin, window.end - window.begin);
    if (at_start ? part.starts_with(affix->bytes) : part.ends_with(affix->bytes)) return Value(true);
  }
  return Value(false);
}

Result<Value> StartsWith(Workspace&, const Value& self, const Arguments& arguments) {
  return HasAffix("startswith", self, arguments, true);
}

Result<Value> EndsWith(Workspace&, const Value& self, const Arguments& arguments) {
  return HasAffix("endswith", self, arguments, false);
}

Result<Value> ReplaceMethod(Workspace& workspace, const Value& self, const Arguments& arguments) {
  TERN_TRY(const auto bound, Bind<3>("replace", arguments, {"old", "new", "count"}, 2));
  TERN_TRY(const Text* before, TextOr(bound[0], nullptr, "replace: old"));
  TERN_TRY(const Text* after, TextOr(bound[1], nullptr, "replace: new"));
  TERN_TRY(const int64_t count, IntegerOr(bound[2], -1, "replace: count"));
  return ReplaceText(workspace, self.text(), *before, *after, count);
}

// With nothing to look for, the replacement goes in front of every character and behind the last.
void ReplaceBetween(const Text& text, const Text& after, size_t limit, TextBuilder* builder) {
  size_t pos = 0;
  for (; limit > 0 && pos < text.bytes.size(); --limit) {
    builder->Append(after);
    const size_t begin = pos;
    DecodeAt(text.bytes, &pos);
    builder->Append(text, begin, pos);
  }
  if (limit > 0 && pos == text.bytes.size()) builder->Append(after);
  builder->Append(text, pos, text.bytes.size());
}

constexpr Method kSearchMethods[] = {
    {"count", Count},           {"endswith", EndsWith}, {"find", Find},         {"index", Index},
    {"replace", ReplaceMethod}, {"rfind", RightFind},   {"rindex", RightIndex}, {"startswith", StartsWith},
};

}  // namespace

Result<Value> ReplaceText(Workspace& workspace, const Text& text, const Text& before, const Text& after,
                          int64_t count) {
  const size_t limit = count < 0 ? std::string_view::npos : static_cast<size_t>(count);
  const std::string_view s = text.bytes;
  const Value safe = text.is_markup ? Escape(workspace, after) : Value(&after);
  const size_t times =
      before.bytes.empty() ? std::min(text.length + 1, limit) : CountOccurrences(s, before.bytes, limit);
  workspace.SpendBytes(s.size());
  workspace.Spend(times);
  if (times == 0) return Value(&text);
  if (!safe.bytes().empty()) TERN_TRY_STATUS(workspace.Reserve(times, safe.bytes().size()));
  TextBuilder builder;
  if (before.bytes.empty()) {
    ReplaceBetween(text, safe.text(), limit, &builder);
  } else {
    size_t done = 0;
    for (size_t i = 0; i < times; ++i) {
      const size_t at = FindBytes(s, before.bytes, done);
      builder.Append(text, done, at);
      builder.Append(safe.text());
      done = at + before.bytes.size();
    }
    builder.Append(text, done, s.size());
  }
  return workspace.heap().WithMarkup(workspace.NewText(std::move(builder)).text(), text.is_markup);
}

std::span<const Method> TextSearchMethods() { return kSearchMethods; }

}  // namespace tern::jinja
