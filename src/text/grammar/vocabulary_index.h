#pragma once
// VocabularyIndex: a tokenizer's vocabulary made ready for grammars: its texts as a tree, and masks of groups
// of tokens. One per tokenizer, shared by all its grammars. Not thread-safe: masks of groups are made on
// demand, and kept.

#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "text/grammar/token_trie.h"
#include "text/tokenizer.h"

namespace tern::grammar {

// A bit per token.
using MaskWords = std::vector<uint64_t>;
inline void SetBit(std::span<uint64_t> mask, int32_t token) {
  mask[static_cast<size_t>(token) / 64] |= uint64_t{1} << (token % 64);
}
inline bool HasBit(std::span<const uint64_t> mask, int32_t token) {
  return (mask[static_cast<size_t>(token) / 64] >> (token % 64) & 1) != 0;
}

class VocabularyIndex {
 public:
  // Takes a while for large vocabularies: 0.2 s for 262,144 tokens. Tokens that do not fit
  // into `most_bytes` all together are never allowed: a byte takes up to 20 in the tree.
  explicit VocabularyIndex(const Tokenizer& tokenizer, size_t most_bytes = size_t{8} << 20);

  int size() const { return static_cast<int>(begins_.size()) - 1; }
  size_t words() const { return (static_cast<size_t>(size()) + 63) / 64; }
  // Empty where a grammar never allows the token.
  std::string_view text(int32_t token) const {
    const auto i = static_cast<size_t>(token);
    return std::string_view(texts_).substr(begins_[i], begins_[i + 1] - begins_[i]);
  }
  const TokenTrie& trie() const { return trie_; }
  std::span<const int32_t> ends() const { return ends_; }  // tokens that end a text
  bool strips_first_space() const { return strips_first_space_; }
  uint32_t longest() const { return static_cast<uint32_t>(longest_); }  // characters of a token

  // Adds to `mask` the tokens made of at most `characters` characters, all of `categories`.
  void AddGroup(CategorySet categories, uint32_t characters, std::span<uint64_t> mask);
  size_t bytes() const;

 private:
  static constexpr uint32_t kMostCounted = 32;
  static constexpr size_t kMostGroups = 64;
  const MaskWords& Group(CategorySet categories);

  std::string texts_;
  std::vector<uint32_t> begins_;
  std::vector<int32_t> ends_;
  std::vector<uint16_t> characters_;  // of each token
  std::vector<CategorySet> categories_;
  bool strips_first_space_ = false;
  size_t longest_ = 0;
  TokenTrie trie_;
  std::vector<MaskWords> at_most_;    // [n]: tokens of at most n characters
  std::vector<int32_t> long_tokens_;  // of more than kMostCounted
  std::map<CategorySet, MaskWords> groups_;
};

}  // namespace tern::grammar
