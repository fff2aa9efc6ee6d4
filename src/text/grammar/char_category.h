#pragma once
// Categories of characters that grammars tend to treat alike. A set of them says of which characters a text
// consists, in 16 bits: whole groups of tokens are allowed by one comparison. Pure functions.

#include <cstdint>
#include <string_view>

#include "text/grammar/char_set.h"

namespace tern::grammar {

using CategorySet = uint16_t;
inline constexpr CategorySet kOddBytes = 1 << 15;  // not whole characters of valid UTF-8
inline constexpr CategorySet kNotAscii = 1 << 14;  // valid characters above U+007F
inline constexpr CategorySet kLowerLetters = 6, kUpperLetters = 24, kDigits = 1;

// Of the character that begins at `text`, which is not empty, and how many bytes it has.
struct Categorized {
  CategorySet category;
  uint8_t bytes;
};
Categorized CategoryAt(std::string_view text);

// Of a byte, taken for part of a whole character.
CategorySet CategoryOf(uint8_t byte);

// The categories all of whose characters are in `set`.
CategorySet CategoriesWithin(const CharSet& set);

}  // namespace tern::grammar
