#include "text/grammar/char_set.h"

#include <utf8proc.h>

#include <algorithm>

namespace tern::grammar {
namespace {

constexpr CharRange kSurrogates = {0xD800, 0xDFFF};

}  // namespace

CharSet::CharSet(std::initializer_list<CharRange> ranges) {
  for (const CharRange& range : ranges) Add(range.first, range.last);
}

CharSet CharSet::All() { return {{0, kLastChar}}; }

CharSet CharSet::Of(std::string_view ascii) {
  CharSet set;
  for (const char c : ascii) set.Add(static_cast<unsigned char>(c), static_cast<unsigned char>(c));
  return set;
}

void CharSet::Add(char32_t first, char32_t last) {
  if (first < kSurrogates.first && last > kSurrogates.last) {
    Add(first, kSurrogates.first - 1);
    return Add(kSurrogates.last + 1, last);
  }
  if (first >= kSurrogates.first && first <= kSurrogates.last) first = kSurrogates.last + 1;
  if (last >= kSurrogates.first && last <= kSurrogates.last) last = kSurrogates.first - 1;
  last = std::min(last, kLastChar);
  if (first > last) return;
  // The first range that touches it or lies behind.
  auto at = std::lower_bound(ranges_.begin(), ranges_.end(), first,
                             [](const CharRange& range, char32_t c) { return range.last + 1 < c; });
  auto end = at;
  for (; end != ranges_.end() && end->first <= last + 1; ++end) {
    first = std::min(first, end->first);
    last = std::max(last, end->last);
  }
  if (at == end) {
    ranges_.insert(at, {first, last});
    return;
  }
  *at = {first, last};
  ranges_.erase(at + 1, end);
}

void CharSet::Add(const CharSet& other) {
  for (const CharRange& range : other.ranges_) Add(range.first, range.last);
}

CharSet CharSet::Negated() const {
  CharSet negated;
  char32_t next = 0;
  for (const CharRange& range : ranges_) {
    if (range.first > next) negated.Add(next, range.first - 1);
    next = range.last + 1;
  }
  if (next <= kLastChar) negated.Add(next, kLastChar);
  return negated;
}

CharSet CharSet::Without(const CharSet& other) const {
  CharSet outside = Negated();
  outside.Add(other);
  return outside.Negated();
}

bool CharSet::Contains(char32_t c) const {
  const auto at = std::lower_bound(ranges_.begin(), ranges_.end(), c,
                                   [](const CharRange& range, char32_t x) { return range.last < x; });
  return at != ranges_.end() && at->first <= c;
}

bool CharSet::Contains(const CharSet& other) const { return other.Without(*this).empty(); }
bool CharSet::Intersects(const CharSet& other) const { return Without(other).ranges_ != ranges_; }

CharSet Digits() { return {{'0', '9'}}; }
CharSet WordCharacters() { return {{'A', 'Z'}, {'a', 'z'}, {'0', '9'}, {'_', '_'}}; }
CharSet AsciiSpaces() { return {{'\t', '\r'}, {' ', ' '}}; }

std::optional<CharSet> UnicodeCategory(std::string_view name) {
  constexpr std::string_view kGroups = "LMNPSZC";
  if (name.empty() || name.size() > 2 || kGroups.find(name[0]) == kGroups.npos) return std::nullopt;
  CharSet set;
  char32_t begin = 0;
  bool inside = false;
  for (char32_t c = 0; c <= kLastChar + 1; ++c) {
    bool is_in = false;
    if (c <= kLastChar) {
      const std::string_view category = utf8proc_category_string(static_cast<utf8proc_int32_t>(c));
      is_in = category.starts_with(name);
    }
    if (is_in && !inside) begin = c;
    if (!is_in && inside) set.Add(begin, c - 1);
    inside = is_in;
  }
  if (set.empty()) return std::nullopt;
  return set;
}

}  // namespace tern::grammar
