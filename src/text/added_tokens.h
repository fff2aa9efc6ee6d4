#pragma once
// AddedTokens: the tokens that are matched as they stand in a text, before anything else is done to it:
// control tokens where the caller allows them, user-defined tokens everywhere. The leftmost match wins, then
// the longest, as in the "added vocabulary" of Hugging Face tokenizers. Immutable once built.

#include <cstdint>
#include <span>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/result.h"

namespace tern {

// A text with the stretches of it that may spell control tokens. A control token is recognised only where the
// whole of it lies in one stretch, so user text cannot complete what template text began.
struct MarkedText {
  struct Range {
    size_t begin, end;
  };
  std::string_view text;
  std::span<const Range> allows_control;  // ascending, disjoint, not touching
};

class AddedTokens {
 public:
  struct Token {
    int32_t id = -1;
    bool is_control = false;
    bool strips_left = false;  // takes the white space in front of it along
    bool strips_right = false;
  };
  // A token found (`id`), or the plain text between two tokens (`id` < 0).
  struct Part {
    int32_t id;
    std::string_view text;
  };

  // With `folds_spaces`, U+2581 in texts and tokens is a space, as it is to SentencePiece.
  explicit AddedTokens(bool folds_spaces) : folds_spaces_(folds_spaces) {}
  // Errors: empty, not UTF-8, longer than a kilobyte (that bounds the time per character), or there already.
  Status Add(std::string_view text, Token token);
  std::vector<Part> Split(const MarkedText& marked) const;

 private:
  struct Match {
    size_t size = 0;
    Token token;
  };
  // One step in the trie's alphabet at the start of a text: the byte, and how many bytes of the text it is.
  struct Step {
    char byte;
    size_t size;
  };
  Step StepAt(std::string_view text) const;
  Match LongestAt(std::string_view text, size_t control_end) const;

  bool folds_spaces_;
  bool starts_[256] = {};
  std::unordered_map<uint64_t, uint32_t> edges_;  // trie: (node << 8 | byte) -> node
  std::vector<Token> tokens_{1};                  // of each node; id < 0: no token ends here
};

}  // namespace tern
