#include "text/prefix_trie.h"

#include <algorithm>

namespace tern {

PrefixTrie::PrefixTrie(std::vector<Entry> entries) {
  std::ranges::stable_sort(entries, {}, &Entry::text);
  // Each node is a range of the entries that begin alike; nodes are made level by level.
  struct Range {
    size_t begin, end, depth;
  };
  std::vector<Range> ranges = {{0, entries.size(), 0}};
  for (size_t node = 0; node < ranges.size(); ++node) {
    auto [at, end, depth] = ranges[node];
    for (; at < end && entries[at].text.size() == depth; ++at) nodes_[node].id = entries[at].id;
    nodes_[node].first_child = static_cast<uint32_t>(nodes_.size());
    while (at < end) {
      const char byte = entries[at].text[depth];
      const size_t begin = at;
      while (at < end && entries[at].text[depth] == byte) ++at;
      ranges.push_back({begin, at, depth + 1});
      nodes_.emplace_back();
      bytes_.push_back(static_cast<unsigned char>(byte));
      ++nodes_[node].children;
    }
  }
}

uint32_t PrefixTrie::Child(uint32_t node, unsigned char byte) const {
  constexpr size_t kFew = 8;
  const Node& parent = nodes_[node];
  const unsigned char* begin = bytes_.data() + parent.first_child;
  const unsigned char* end = begin + parent.children;
  if (parent.children == 256) return parent.first_child + byte;
  const unsigned char* found =
      parent.children <= kFew ? std::find(begin, end, byte) : std::lower_bound(begin, end, byte);
  if (found == end || *found != byte) return kRoot;
  return parent.first_child + static_cast<uint32_t>(found - begin);
}

}  // namespace tern
