#include "text/grammar/char_set.h"

#include <utf8proc.h>

#include <algorithm>
#include <map>
#include <string>

namespace tern::grammar {
namespace {

constexpr CharRange kSurrogates = {0xD800, 0xDFFF};

// Of both letters, and of the first alone.
std::map<std::string, CharSet, std::less<>> FindCategories() {
  std::map<std::string, CharSet, std::less<>> categories;
  const auto category = [](char32_t c) -> std::string {
    return utf8proc_category_string(static_cast<utf8proc_int32_t>(c));
  };
  char32_t begin = 0;
  std::string last = category(0);
  for (char32_t c = 1; c <= kLastChar + 1; ++c) {
    const std::string next = c <= kLastChar ? category(c) : "";
    if (next == last) continue;
    categories[last].Add(begin, c - 1);
    categories[last.substr(0, 1)].Add(begin, c - 1);
    begin = c;
    last = next;
  }
  return categories;
}

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
  std::vector<CharRange> both(ranges_.size() + other.ranges_.size());
  std::ranges::merge(ranges_, other.ranges_, both.begin(), {}, &CharRange::first, &CharRange::first);
  ranges_.clear();
  for (const CharRange& range : both) {
    if (ranges_.empty() || range.first > ranges_.back().last + 1) {
      ranges_.push_back(range);
    } else {
      ranges_.back().last = std::max(ranges_.back().last, range.last);
    }
  }
}

CharSet CharSet::OfRanges(std::vector<CharRange> ranges) {
  std::ranges::sort(ranges, {}, &CharRange::first);
  CharSet set;
  for (const CharRange& range : ranges) set.Add(range.first, range.last);
  return set;
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
  // All at once: each takes a walk over all characters.
  static const std::map<std::string, CharSet, std::less<>> categories = FindCategories();
  const auto found = categories.find(name);
  if (found == categories.end() || found->second.empty()) return std::nullopt;
  return found->second;
}

}  // namespace tern::grammar
