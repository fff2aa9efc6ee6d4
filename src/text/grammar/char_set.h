#pragma once
// CharSet: a set of characters (Unicode scalar values) as sorted ranges. A value; pure functions.

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

namespace tern::grammar {

inline constexpr char32_t kLastChar = 0x10FFFF;

struct CharRange {
  char32_t first, last;  // both included
  bool operator==(const CharRange&) const = default;
};

class CharSet {
 public:
  CharSet() = default;
  CharSet(std::initializer_list<CharRange> ranges);
  static CharSet All();                       // without surrogates
  static CharSet Of(std::string_view ascii);  // its characters

  void Add(char32_t first, char32_t last);
  void Add(const CharSet& other);
  // Of ranges in any order, which may overlap.
  static CharSet OfRanges(std::vector<CharRange> ranges);
  CharSet Negated() const;
  CharSet Without(const CharSet& other) const;
  bool Contains(char32_t c) const;
  bool Contains(const CharSet& other) const;
  bool Intersects(const CharSet& other) const;
  bool empty() const { return ranges_.empty(); }
  std::span<const CharRange> ranges() const { return ranges_; }

 private:
  std::vector<CharRange> ranges_;  // ascending, disjoint, not adjacent, no surrogates
};

CharSet Digits();          // 0-9
CharSet WordCharacters();  // A-Z a-z 0-9 _
CharSet AsciiSpaces();     // space, \t \n \v \f \r
// A Unicode general category or group of them: "L", "Lu", "N", ... Nothing: no such name.
std::optional<CharSet> UnicodeCategory(std::string_view name);

}  // namespace tern::grammar
