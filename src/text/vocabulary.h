#pragma once
// Vocabulary: what every kind of tokenizer reads from tokenizer.* keys: the pieces, their kinds, the special
// ids. Immutable once read.

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "io/checkpoint.h"
#include "text/string_pool.h"

namespace tern {

inline constexpr std::string_view kTokensKey = "tokenizer.ggml.tokens";  // the pieces, in the order of ids

// The values of tokenizer.ggml.token_type.
enum class TokenKind : uint8_t {
  kNormal = 1,
  kUnknown = 2,
  kControl = 3,      // never spelled by text, only where the caller allows special tokens
  kUserDefined = 4,  // added to the vocabulary by hand: matched in any text before everything else
  kUnused = 5,
  kByte = 6,  // "<0xE2>": a byte of a character that has no piece
};

struct Vocabulary {
  StringPool texts;  // as the file spells them
  std::vector<TokenKind> kinds;
  std::vector<bool> ends_generation;
  int32_t bos = -1, eos = -1, unknown = -1;  // -1: none
  bool adds_bos = false, adds_eos = false;

  int32_t size() const { return static_cast<int32_t>(kinds.size()); }
  bool Has(int32_t id) const { return id >= 0 && id < size(); }
  TokenKind kind(int32_t id) const { return kinds[static_cast<size_t>(id)]; }
  std::string_view text(int32_t id) const { return texts[static_cast<size_t>(id)]; }
  // "[PAD7]" as token 7: fills a vocabulary up to a round size, and was never in the published one.
  bool IsFiller(int32_t id) const;
  // Fills ends_generation: eos, those of `ids` that there are, and added tokens that are known to end
  // answers.
  void MarkEnds(std::span<const int32_t> ids);
};

// What a file that lacks the keys means; it depends on the tokenizer's kind.
struct VocabularyDefaults {
  bool adds_bos = false, adds_eos = false;
  std::string_view bos_text = {}, eos_text = {};  // the control tokens to take where the file gives no ids
};

Result<Vocabulary> ReadVocabulary(const Metadata& metadata, const VocabularyDefaults& defaults);

// An error that names the key and the entry: "tokenizer.ggml.merges[7]: ...".
Error BadEntry(std::string_view key, size_t index, std::string_view what);
// A token's text as a message may show it: cut short, with control characters and invalid bytes escaped.
std::string Shown(std::string_view text);

}  // namespace tern
