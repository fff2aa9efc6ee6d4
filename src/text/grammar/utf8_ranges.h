#pragma once
// Ranges of characters as sequences of byte ranges: what UTF-8 spells [U+0080, U+07FF] as is [C2-DF][80-BF].

#include <array>
#include <cstdint>
#include <vector>

#include "text/grammar/char_set.h"

namespace tern::grammar {

struct ByteRange {
  uint8_t first, last;
};
struct ByteSequence {
  std::array<ByteRange, 4> bytes;
  uint8_t size;
};
// Appends sequences that match exactly the characters of `range`, which has no surrogates.
void AppendUtf8Ranges(CharRange range, std::vector<ByteSequence>* sequences);

}  // namespace tern::grammar
