#include "text/grammar/char_category.h"

#include <array>

#include "text/utf8.h"

namespace tern::grammar {
namespace {

// Of ASCII; the rest is punctuation.
constexpr uint8_t kPunctuation = 9;
struct Group {
  char first, last;
  uint8_t category;
};
constexpr Group kGroups[] = {{'0', '9', 0},       {'a', 'f', 1},  {'g', 'z', 2},    {'A', 'F', 3},
                             {'G', 'Z', 4},       {' ', ' ', 5},  {'_', '_', 6},    {'-', '-', 7},
                             {'.', '.', 8},       {'"', '"', 10}, {'\\', '\\', 11}, {'\0', '\x1F', 12},
                             {'\x7F', '\x7F', 13}};

constexpr std::array<uint8_t, 128> AsciiCategories() {
  std::array<uint8_t, 128> table{};
  for (auto& category : table) category = kPunctuation;
  for (const Group& group : kGroups) {
    for (int c = group.first; c <= group.last; ++c) table[static_cast<size_t>(c)] = group.category;
  }
  return table;
}
constexpr auto kAscii = AsciiCategories();

}  // namespace

Categorized CategoryAt(std::string_view text) {
  const auto byte = static_cast<unsigned char>(text[0]);
  if (byte < 128) return {static_cast<CategorySet>(1 << kAscii[byte]), 1};
  const Utf8Step step = NextUtf8(text);
  if (step.kind != Utf8Step::kCharacter) return {kOddBytes, static_cast<uint8_t>(step.size)};
  return {kNotAscii, static_cast<uint8_t>(step.size)};
}

CategorySet CategoryOf(uint8_t byte) {
  return byte < 128 ? static_cast<CategorySet>(1 << kAscii[byte]) : kNotAscii;
}

CategorySet CategoriesWithin(const CharSet& set) {
  unsigned missing = kOddBytes;
  for (char32_t c = 0; c < 128; ++c) {
    if (!set.Contains(c)) missing |= 1u << kAscii[c];
  }
  if (!set.Contains(CharSet{{128, kLastChar}})) missing |= kNotAscii;
  return static_cast<CategorySet>(~missing);
}

}  // namespace tern::grammar
