#pragma once
// Texts that tell tokenizers apart: every kind of character beside every other, the words and numbers that
// published patterns single out. Always the same.

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "text/tokenizer.h"

namespace tern {

std::vector<std::string> ProbeTexts();

// How many texts two tokenizers give other ids, and what the first of them is to each.
struct IdsTrial {
  size_t differing = 0;
  std::string text{};
  std::vector<int32_t> wanted{}, got{};
};
IdsTrial CompareIds(const Tokenizer& wanted, const Tokenizer& got, std::span<const std::string> texts,
                    bool parse_special);

}  // namespace tern
