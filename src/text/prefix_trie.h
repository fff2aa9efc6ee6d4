#pragma once
// PrefixTrie: which of many strings a text begins with. Immutable once built; any thread.

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace tern {

class PrefixTrie {
 public:
  struct Entry {
    std::string_view text;  // not empty
    int32_t id;
  };
  PrefixTrie() = default;
  // Of equal texts the last id stays. The texts need not outlive the call.
  explicit PrefixTrie(std::vector<Entry> entries);

  // Calls visit(bytes, id) for every string that `text` begins with, the shortest first.
  template <class Visit>
  void ForEachPrefix(std::string_view text, const Visit& visit) const {
    uint32_t node = kRoot;
    for (size_t i = 0; i < text.size(); ++i) {
      node = Child(node, static_cast<unsigned char>(text[i]));
      if (node == kRoot) return;
      if (IdAt(node) >= 0) visit(i + 1, IdAt(node));
    }
  }

  // For walks of one's own.
  static constexpr uint32_t kRoot = 0;
  uint32_t Child(uint32_t node, unsigned char byte) const;       // kRoot: none
  int32_t IdAt(uint32_t node) const { return nodes_[node].id; }  // of the string that ends there, or -1

 private:
  struct Node {
    int32_t id = -1;           // of the string that ends here
    uint32_t first_child = 0;  // its children follow each other, by their bytes
    uint16_t children = 0;
  };
  std::vector<Node> nodes_{1};
  std::vector<unsigned char> bytes_{0};  // that lead to each node
};

}  // namespace tern
