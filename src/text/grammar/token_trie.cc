#include "text/grammar/token_trie.h"

#include <algorithm>

namespace tern::grammar {
namespace {

size_t CommonPrefix(std::string_view a, std::string_view b) {
  const size_t most = std::min(a.size(), b.size());
  size_t same = 0;
  while (same < most && a[same] == b[same]) ++same;
  return same;
}

// below[i]: the categories of text.substr(i).
void CategoriesOfSuffixes(std::string_view text, std::vector<CategorySet>* below) {
  below->assign(text.size() + 1, 0);
  for (size_t i = text.size(); i-- > 0;) {
    const Categorized c = CategoryAt(text.substr(i));
    (*below)[i] = static_cast<CategorySet>(c.category | (*below)[i + c.bytes]);
  }
}

}  // namespace

TokenTrie::TokenTrie(std::vector<TrieToken> tokens) {
  std::sort(tokens.begin(), tokens.end(), [](const TrieToken& a, const TrieToken& b) {
    return a.text != b.text ? a.text < b.text : a.id < b.id;
  });
  nodes_.push_back({0, 0, 0, 0});
  std::vector<uint32_t> path = {0};  // nodes from the root to the last text's end
  std::vector<CategorySet> below;
  std::string_view last;
  const auto close = [&](size_t depth) {
    for (; path.size() > depth + 1; path.pop_back()) {
      nodes_[path.back()].end = static_cast<uint32_t>(nodes_.size());
    }
  };
  tokens_.reserve(tokens.size());
  for (const TrieToken& token : tokens) {
    const std::string_view text = token.text;
    close(CommonPrefix(last, text));
    for (size_t depth = path.size(); depth <= text.size(); ++depth) {
      path.push_back(static_cast<uint32_t>(nodes_.size()));
      nodes_.push_back({0, static_cast<uint32_t>(tokens_.size()), static_cast<uint16_t>(depth),
                        static_cast<uint8_t>(text[depth - 1])});
    }
    CategoriesOfSuffixes(text, &below);
    for (size_t depth = 0; depth < text.size(); ++depth) {
      TokenTrie::Node& node = nodes_[path[depth]];
      node.below |= below[depth];
      node.longest = std::max(node.longest, static_cast<uint16_t>(text.size() - depth));
    }
    tokens_.push_back({token.id, token.repetitions, below[0]});
    last = text;
  }
  close(0);
  nodes_[0].end = static_cast<uint32_t>(nodes_.size());
  const auto all = static_cast<uint32_t>(tokens_.size());
  nodes_.push_back({static_cast<uint32_t>(nodes_.size()), all, 0, 0});
}

uint32_t TokenTrie::Child(uint8_t byte) const {
  for (uint32_t node = 1; node < root_end(); node = nodes_[node].end) {
    if (nodes_[node].byte == byte) return node;
  }
  return 0;
}

}  // namespace tern::grammar
