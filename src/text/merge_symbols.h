#pragma once
// PairMerger: the loop of byte-pair encoding: of all neighbours that may merge, the best pair first (the
// leftmost of equals), until none is left. O(n log n) for n symbols.

#include <algorithm>
#include <bit>
#include <cstdint>
#include <optional>
#include <vector>

namespace tern {

// A stretch of the text.
struct Symbol {
  int32_t id;
  uint32_t begin, size;  // bytes
};

struct Merge {
  uint32_t order;  // lower merges first
  int32_t id;      // of the merged symbol
};

// Where pieces merge by score: the highest first.
inline uint32_t MergeOrder(float score) {
  const auto bits = std::bit_cast<uint32_t>(score + 0.0f);  // -0 and 0 are one score
  const uint32_t ascending = (bits & 0x80000000u) ? ~bits : bits | 0x80000000u;
  return ~ascending;
}

// Keeps its memory from run to run; not thread-safe.
class PairMerger {
 public:
  // `find(left, right)` gives the Merge of two neighbouring symbols, or nothing.
  template <class Find>
  void Run(const Find& find, std::vector<Symbol>* symbols) {
    if (symbols->size() < 2) return;
    if (symbols->size() <= kFew) return RunFew(find, symbols);
    RunMany(find, symbols);
  }

 private:
  static constexpr size_t kFew = 24;  // below, looking at all pairs each time is faster than a heap

  template <class Find>
  static void RunFew(const Find& find, std::vector<Symbol>* symbols) {
    Symbol* const s = symbols->data();
    std::optional<Merge> merges[kFew];  // of each symbol with the next one
    size_t count = symbols->size();
    for (size_t i = 0; i + 1 < count; ++i) merges[i] = find(s[i], s[i + 1]);
    for (;;) {
      size_t best = count;
      for (size_t i = 0; i + 1 < count; ++i) {
        if (merges[i] && (best == count || merges[i]->order < merges[best]->order)) best = i;
      }
      if (best == count) break;
      s[best].id = merges[best]->id;
      s[best].size += s[best + 1].size;
      --count;
      for (size_t i = best + 1; i < count; ++i) s[i] = s[i + 1];
      for (size_t i = best + 1; i + 1 < count; ++i) merges[i] = merges[i + 1];
      if (best > 0) merges[best - 1] = find(s[best - 1], s[best]);
      if (best + 1 < count) merges[best] = find(s[best], s[best + 1]);
    }
    symbols->resize(count);
  }

  struct Pair {
    uint32_t order;
    int32_t left;
    uint32_t size;  // of both when the pair was found: another size now says that one of them has changed
    int32_t id;
  };
  struct Link {
    int32_t previous, next;  // -1: none
  };

  template <class Find>
  std::optional<Pair> PairAt(const Find& find, const std::vector<Symbol>& symbols, int32_t left) const {
    if (left < 0 || links_[static_cast<size_t>(left)].next < 0) return std::nullopt;
    const Symbol& a = symbols[static_cast<size_t>(left)];
    const Symbol& b = symbols[static_cast<size_t>(links_[static_cast<size_t>(left)].next)];
    const std::optional<Merge> merge = find(a, b);
    if (!merge) return std::nullopt;
    return Pair{merge->order, left, a.size + b.size, merge->id};
  }

  template <class Find>
  void RunMany(const Find& find, std::vector<Symbol>* symbols) {
    const auto later = [](const Pair& a, const Pair& b) {
      return a.order != b.order ? a.order > b.order : a.left > b.left;
    };
    const auto count = static_cast<int32_t>(symbols->size());
    links_.clear();
    for (int32_t i = 0; i < count; ++i) links_.push_back({i - 1, i + 1 < count ? i + 1 : -1});
    heap_.clear();
    for (int32_t i = 0; i < count; ++i) {
      if (const auto pair = PairAt(find, *symbols, i)) heap_.push_back(*pair);
    }
    std::make_heap(heap_.begin(), heap_.end(), later);
    const auto push = [&](int32_t left) {
      const auto pair = PairAt(find, *symbols, left);
      if (!pair) return;
      heap_.push_back(*pair);
      std::push_heap(heap_.begin(), heap_.end(), later);
    };
    while (!heap_.empty()) {
      std::pop_heap(heap_.begin(), heap_.end(), later);
      const Pair pair = heap_.back();
      heap_.pop_back();
      Symbol& left = (*symbols)[static_cast<size_t>(pair.left)];
      Link& link = links_[static_cast<size_t>(pair.left)];
      if (left.size == 0 || link.next < 0) continue;
      Symbol& right = (*symbols)[static_cast<size_t>(link.next)];
      if (left.size + right.size != pair.size) continue;
      left.id = pair.id;
      left.size = pair.size;
      right.size = 0;
      link.next = links_[static_cast<size_t>(link.next)].next;
      if (link.next >= 0) links_[static_cast<size_t>(link.next)].previous = pair.left;
      push(link.previous);
      push(pair.left);
    }
    std::erase_if(*symbols, [](const Symbol& symbol) { return symbol.size == 0; });
  }

  std::vector<Link> links_;
  std::vector<Pair> heap_;
};

}  // namespace tern
