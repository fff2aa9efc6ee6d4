#pragma once
// AddedTokens: the tokens that are matched as they stand in a text, before anything else is done to it:
// control tokens where the caller allows them, user-defined tokens everywhere. The leftmost match wins, then
// the longest, as in the "added vocabulary" of Hugging Face tokenizers. Immutable once built.

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "text/prefix_trie.h"

namespace tern {

// A text with the stretches of it that may spell control tokens. A control token is recognised only where the
// whole of it lies in one stretch, so user text cannot complete what template text began.
struct MarkedText {
  struct Range {
    size_t begin, end;
  };
  std::string_view text;
  std::span<const Range> allows_control;  // ascending, disjoint, not touching

  bool allows_all() const {
    return allows_control.size() == 1 && allows_control[0].begin == 0 && allows_control[0].end == text.size();
  }
  bool is_mixed() const { return !allows_control.empty() && !allows_all(); }
};

class AddedTokens {
 public:
  struct Token {
    int32_t id = -1;
    bool is_control = false;
    bool strips_left = false;  // takes the white space in front of it along
    bool strips_right = false;
    bool single_word = false;  // counts only where no word character touches it
    // Belongs to normalized text, where someone else looks for it. In texts that are mixed, of which the
    // normalized form does not show any more what allows control tokens, it is matched here after all.
    bool is_normalized = false;
  };
  // A token found (`id`), or the plain text between two tokens (`id` < 0).
  struct Part {
    int32_t id;
    bool is_control;
    std::string_view text;
  };

  // Errors call the tokens `key`[id]. With `folds_spaces`, U+2581 in texts and tokens is a space, as it is to
  // SentencePiece.
  AddedTokens(std::string_view key, bool folds_spaces) : key_(key), folds_spaces_(folds_spaces) {}
  // Errors: empty, not UTF-8, longer than a kilobyte (that bounds the time per character), or there already.
  Status Add(std::string_view text, Token token);
  // After the last Add, before the first Split.
  void Finish();
  bool empty() const { return tokens_.empty(); }
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
  Match LongestAt(std::string_view text, size_t control_end, bool is_mixed) const;

  std::string key_;
  bool folds_spaces_;
  bool starts_[256] = {};
  std::unordered_map<std::string, size_t> places_;  // in tokens_, by folded text
  std::vector<Token> tokens_;
  PrefixTrie trie_;  // of places
};

}  // namespace tern
