#pragma once
// TokenTrie: texts of tokens as a tree, laid out in the order in which a walk visits it, so that a subtree
// and its tokens are each one stretch. Immutable; any thread.

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "text/grammar/char_category.h"

namespace tern::grammar {

struct TrieToken {
  std::string_view text;  // not empty
  int32_t id;
  uint32_t repetitions = 0;  // of a loop, before this text begins (mask_parts.h)
};

class TokenTrie {
 public:
  struct Node {
    uint32_t end;          // the first node behind its subtree
    uint32_t first_token;  // its own tokens, then those of its subtree
    uint16_t depth;
    uint8_t byte;
    CategorySet below = 0;  // of the texts that lead on from here
    uint16_t longest = 0;   // bytes of the longest of these
  };
  struct Token {
    int32_t id;
    uint32_t repetitions;
    CategorySet categories;  // of the whole text
  };

  TokenTrie() : TokenTrie(std::vector<TrieToken>{}) {}
  explicit TokenTrie(std::vector<TrieToken> tokens);

  uint32_t root_end() const { return static_cast<uint32_t>(nodes_.size() - 1); }
  const Node& operator[](uint32_t node) const { return nodes_[node]; }
  std::span<const Token> tokens_at(uint32_t node) const {
    return Tokens(nodes_[node].first_token, nodes_[node + 1].first_token);
  }
  std::span<const Token> tokens_under(uint32_t node) const {
    return Tokens(nodes_[node].first_token, nodes_[nodes_[node].end].first_token);
  }
  // Of `byte` below the root; 0: none.
  uint32_t Child(uint8_t byte) const;
  std::span<const Token> tokens() const { return tokens_; }
  size_t bytes() const { return nodes_.capacity() * sizeof(Node) + tokens_.capacity() * sizeof(Token); }
  bool empty() const { return tokens_.empty(); }
  size_t node_count() const { return nodes_.size(); }

 private:
  std::span<const Token> Tokens(uint32_t begin, uint32_t end) const {
    return std::span(tokens_).subspan(begin, end - begin);
  }
  std::vector<Node> nodes_;  // the root first; behind the last a sentinel
  std::vector<Token> tokens_;
};

}  // namespace tern::grammar
