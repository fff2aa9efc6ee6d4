#pragma once
// Charsmap: the table by which sentencepiece normalizes text: strings and what replaces each. Immutable once
// read; any thread.
//
// The format ("precompiled_charsmap"): 32-bit size of the trie in bytes, the trie as a double array of 32-bit
// units (https://github.com/s-yata/darts-clone), then the replacements, each ended by a zero byte.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace tern {

class Charsmap {
 public:
  static Result<Charsmap> Parse(std::string_view bytes);

  struct Match {
    size_t size;  // bytes of the text
    std::string_view replacement;
  };
  // The longest, or the shortest, string of the table that `text` begins with.
  std::optional<Match> Longest(std::string_view text) const { return Find(text, false); }
  std::optional<Match> Shortest(std::string_view text) const { return Find(text, true); }

 private:
  std::optional<Match> Find(std::string_view text, bool shortest) const;

  std::vector<uint32_t> units_;
  std::string replacements_;
};

// Hugging Face's "Precompiled" normalizer: grapheme by grapheme, the shortest match; `text` is valid UTF-8.
std::string NormalizeByGraphemes(const Charsmap& charsmap, std::string_view text);

}  // namespace tern
