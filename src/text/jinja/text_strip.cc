// str methods that take text apart: strip, split, partition and their kin.

#include <fmt/core.h>

#include <algorithm>

#include "text/jinja/methods.h"
#include "text/jinja/operators.h"
#include "text/jinja/text_parts.h"
#include "text/jinja/text_search.h"
#include "text/jinja/unicode.h"

namespace tern::jinja {
namespace {

size_t CharacterBegin(std::string_view s, size_t end) {
  do --end;
  while (end > 0 && (static_cast<unsigned char>(s[end]) & 0xC0) == 0x80);
  return end;
}

// The characters to strip: white space, or those of a text.
class StripSet {
 public:
  explicit StripSet(const Text* chars) : is_space_(chars == nullptr) {
    if (!chars) return;
    for (size_t pos = 0; pos < chars->bytes.size();) chars_.push_back(DecodeAt(chars->bytes, &pos));
    std::sort(chars_.begin(), chars_.end());
  }
  bool Has(uint32_t cp) const {
    return is_space_ ? IsSpace(cp) : std::binary_search(chars_.begin(), chars_.end(), cp);
  }

 private:
  bool is_space_;
  std::vector<uint32_t> chars_;
};

Result<Value> StripSides(Workspace& workspace, const Value& self, const Arguments& arguments, bool left,
                         bool right) {
  TERN_TRY(const auto bound, Bind<1>("strip", arguments, {"chars"}));
  const Value* chars = bound[0] && !bound[0]->is_none() ? bound[0] : nullptr;
  TERN_TRY(const Text* set, TextOr(chars, nullptr, "strip: chars"));
  return StripText(workspace, self.text(), set, left, right);
}

Result<Value> Strip(Workspace& workspace, const Value& self, const Arguments& arguments) {
  return StripSides(workspace, self, arguments, true, true);
}

Result<Value> LeftStrip(Workspace& workspace, const Value& self, const Arguments& arguments) {
  return StripSides(workspace, self, arguments, true, false);
}

Result<Value> RightStrip(Workspace& workspace, const Value& self, const Arguments& arguments) {
  return StripSides(workspace, self, arguments, false, true);
}

struct Span {
  size_t begin, end;
};

// Words between white space; the last one is the rest once `most` cuts are made.
std::vector<Span> SplitWords(std::string_view s, size_t most) {
  std::vector<Span> words;
  const auto skip = [&](size_t pos, bool space) {
    while (pos < s.size()) {
      size_t next = pos;
      if (IsSpace(DecodeAt(s, &next)) != space) break;
      pos = next;
    }
    return pos;
  };
  for (size_t pos = skip(0, true); pos < s.size();) {
    if (words.size() == most) {
      words.push_back({pos, s.size()});
      break;
    }
    const size_t end = skip(pos, false);
    words.push_back({pos, end});
    pos = skip(end, true);
  }
  return words;
}

// The same from the right.
std::vector<Span> SplitWordsFromRight(std::string_view s, size_t most) {
  std::vector<Span> words;
  const auto skip = [&](size_t end, bool space) {
    while (end > 0) {
      const size_t begin = CharacterBegin(s, end);
      size_t next = begin;
      if (IsSpace(DecodeAt(s, &next)) != space) break;
      end = begin;
    }
    return end;
  };
  for (size_t end = skip(s.size(), true); end > 0;) {
    if (words.size() == most) {
      words.push_back({0, end});
      break;
    }
    const size_t begin = skip(end, false);
    words.push_back({begin, end});
    end = skip(begin, true);
  }
  std::reverse(words.begin(), words.end());
  return words;
}

std::vector<Span> SplitAt(std::string_view s, std::string_view separator, size_t most) {
  std::vector<Span> parts;
  size_t begin = 0;
  while (parts.size() < most) {
    const size_t at = FindBytes(s, separator, begin);
    if (at == std::string_view::npos) break;
    parts.push_back({begin, at});
    begin = at + separator.size();
  }
  parts.push_back({begin, s.size()});
  return parts;
}

// Like SplitAt on the reversed text, so that overlapping separators are found from the right.
std::vector<Span> SplitAtFromRight(std::string_view s, std::string_view separator, size_t most) {
  const std::string reversed(s.rbegin(), s.rend());
  const std::string reversed_separator(separator.rbegin(), separator.rend());
  std::vector<Span> parts = SplitAt(reversed, reversed_separator, most);
  for (Span& part : parts) part = {s.size() - part.end, s.size() - part.begin};
  std::reverse(parts.begin(), parts.end());
  return parts;
}

Result<Value> Parts(Workspace& workspace, const Text& text, const std::vector<Span>& spans) {
  TERN_TRY_STATUS(workspace.Reserve(spans.size(), sizeof(Value) + sizeof(Text) + sizeof(Span)));
  workspace.Spend(spans.size());
  std::vector<Value> parts;
  parts.reserve(spans.size());
  for (const Span& span : spans) parts.push_back(workspace.heap().Part(text, span.begin, span.end));
  return workspace.NewList(std::move(parts));
}

Result<Value> SplitFrom(Workspace& workspace, const Value& self, const Arguments& arguments, bool right) {
  TERN_TRY(const auto bound, Bind<2>("split", arguments, {"sep", "maxsplit"}));
  TERN_TRY(const int64_t limit, IntegerOr(bound[1], -1, "split: maxsplit"));
  const size_t most = limit < 0 ? std::string_view::npos : static_cast<size_t>(limit);
  const Text& text = self.text();
  workspace.SpendBytes(text.bytes.size());
  if (!bound[0] || bound[0]->is_none()) {
    return Parts(workspace, text,
                 right ? SplitWordsFromRight(text.bytes, most) : SplitWords(text.bytes, most));
  }
  TERN_TRY(const Text* separator, TextOr(bound[0], nullptr, "split: sep"));
  if (separator->bytes.empty()) return BadInput("split: empty separator");
  return Parts(workspace, text,
               right ? SplitAtFromRight(text.bytes, separator->bytes, most)
                     : SplitAt(text.bytes, separator->bytes, most));
}

Result<Value> Split(Workspace& workspace, const Value& self, const Arguments& arguments) {
  return SplitFrom(workspace, self, arguments, false);
}

Result<Value> RightSplit(Workspace& workspace, const Value& self, const Arguments& arguments) {
  return SplitFrom(workspace, self, arguments, true);
}

Result<Value> SplitLines(Workspace& workspace, const Value& self, const Arguments& arguments) {
  TERN_TRY(const auto bound, Bind<1>("splitlines", arguments, {"keepends"}));
  const bool keep = bound[0] && Truth(*bound[0]);
  const Text& text = self.text();
  workspace.SpendBytes(text.bytes.size());
  std::vector<Span> lines;
  size_t begin = 0;
  for (size_t pos = 0; pos < text.bytes.size();) {
    const size_t end = pos;
    const uint32_t cp = DecodeAt(text.bytes, &pos);
    if (!IsLineBreak(cp)) continue;
    if (cp == '\r' && pos < text.bytes.size() && text.bytes[pos] == '\n') ++pos;
    lines.push_back({begin, keep ? pos : end});
    begin = pos;
  }
  if (begin < text.bytes.size()) lines.push_back({begin, text.bytes.size()});
  return Parts(workspace, text, lines);
}

Result<Value> PartitionFrom(Workspace& workspace, const Value& self, const Arguments& arguments, bool right) {
  TERN_TRY(const auto bound, Bind<1>("partition", arguments, {"sep"}, 1));
  TERN_TRY(const Text* separator, TextOr(bound[0], nullptr, "partition: sep"));
  if (separator->bytes.empty()) return BadInput("partition: empty separator");
  const Text& text = self.text();
  workspace.SpendBytes(text.bytes.size());
  const size_t at =
      right ? FindLastBytes(text.bytes, separator->bytes) : FindBytes(text.bytes, separator->bytes, 0);
  Heap& heap = workspace.heap();
  const Value empty = heap.Part(text, 0, 0);
  if (at == std::string_view::npos) {
    return workspace.NewTuple(right ? std::vector{empty, empty, self} : std::vector{self, empty, empty});
  }
  const size_t behind = at + separator->bytes.size();
  return workspace.NewTuple(
      {heap.Part(text, 0, at), heap.Part(text, at, behind), heap.Part(text, behind, text.bytes.size())});
}

Result<Value> Partition(Workspace& workspace, const Value& self, const Arguments& arguments) {
  return PartitionFrom(workspace, self, arguments, false);
}

Result<Value> RightPartition(Workspace& workspace, const Value& self, const Arguments& arguments) {
  return PartitionFrom(workspace, self, arguments, true);
}

Result<Value> RemovePrefix(Workspace& workspace, const Value& self, const Arguments& arguments) {
  TERN_TRY(const auto bound, Bind<1>("removeprefix", arguments, {"prefix"}, 1));
  TERN_TRY(const Text* prefix, TextOr(bound[0], nullptr, "removeprefix: prefix"));
  const Text& text = self.text();
  if (!text.bytes.starts_with(prefix->bytes)) return self;
  return workspace.heap().Part(text, prefix->bytes.size(), text.bytes.size());
}

Result<Value> RemoveSuffix(Workspace& workspace, const Value& self, const Arguments& arguments) {
  TERN_TRY(const auto bound, Bind<1>("removesuffix", arguments, {"suffix"}, 1));
  TERN_TRY(const Text* suffix, TextOr(bound[0], nullptr, "removesuffix: suffix"));
  const Text& text = self.text();
  if (!text.bytes.ends_with(suffix->bytes)) return self;
  return workspace.heap().Part(text, 0, text.bytes.size() - suffix->bytes.size());
}

constexpr Method kStripMethods[] = {
    {"lstrip", LeftStrip},          {"partition", Partition},
    {"removeprefix", RemovePrefix}, {"removesuffix", RemoveSuffix},
    {"rpartition", RightPartition}, {"rsplit", RightSplit},
    {"rstrip", RightStrip},         {"split", Split},
    {"splitlines", SplitLines},     {"strip", Strip},
};

}  // namespace

Value StripText(Workspace& workspace, const Text& text, const Text* chars, bool left, bool right) {
  const StripSet set(chars);
  const std::string_view s = text.bytes;
  workspace.SpendBytes(s.size() + (chars ? chars->bytes.size() : 0));
  size_t begin = 0, end = s.size();
  while (left && begin < end) {
    size_t next = begin;
    if (!set.Has(DecodeAt(s, &next))) break;
    begin = next;
  }
  while (right && end > begin) {
    const size_t last = CharacterBegin(s, end);
    size_t next = last;
    if (!set.Has(DecodeAt(s, &next))) break;
    end = last;
  }
  return workspace.heap().Part(text, begin, end);
}

std::span<const Method> TextStripMethods() { return kStripMethods; }

}  // namespace tern::jinja
