#pragma once
// MergeSymbols: the loop of byte-pair encoding: of all neighbours that may merge, the best pair first (the
// leftmost of equals), until none is left. O(n log n) for n symbols.

#include <algorithm>
#include <cstdint>
#include <optional>
#include <vector>

namespace tern {

// A stretch of the text; those that were merged into their left neighbour have size 0.
struct Symbol {
  int32_t id;
  uint32_t begin, size;    // bytes
  int32_t previous, next;  // -1: none
};

struct Merge {
  uint32_t order;  // lower merges first
  int32_t id;      // of the merged symbol
};

// Appends a symbol behind the last one.
inline void AppendSymbol(int32_t id, uint32_t begin, uint32_t size, std::vector<Symbol>* symbols) {
  const auto index = static_cast<int32_t>(symbols->size());
  if (index > 0) symbols->back().next = index;
  symbols->push_back({id, begin, size, index - 1, -1});
}

// `find(left, right)` gives the Merge of two neighbouring symbols, or nothing.
template <class Find>
void MergeSymbols(const Find& find, std::vector<Symbol>* symbols) {
  struct Pair {
    uint32_t order;
    int32_t left;
    uint32_t size;  // of both when the pair was found: another size now says that one of them has changed
    int32_t id;
  };
  const auto later = [](const Pair& a, const Pair& b) {
    return a.order != b.order ? a.order > b.order : a.left > b.left;
  };
  const auto at = [&](int32_t i) -> Symbol& { return (*symbols)[static_cast<size_t>(i)]; };
  const auto pair_at = [&](int32_t left) -> std::optional<Pair> {
    if (left < 0 || at(left).next < 0) return std::nullopt;
    const Symbol &a = at(left), &b = at(a.next);
    const std::optional<Merge> merge = find(a, b);
    if (!merge) return std::nullopt;
    return Pair{merge->order, left, a.size + b.size, merge->id};
  };
  std::vector<Pair> heap;
  for (int32_t i = 0; i + 1 < static_cast<int32_t>(symbols->size()); ++i) {
    if (const auto pair = pair_at(i)) heap.push_back(*pair);
  }
  std::make_heap(heap.begin(), heap.end(), later);
  const auto push = [&](int32_t left) {
    const auto pair = pair_at(left);
    if (!pair) return;
    heap.push_back(*pair);
    std::push_heap(heap.begin(), heap.end(), later);
  };
  while (!heap.empty()) {
    std::pop_heap(heap.begin(), heap.end(), later);
    const Pair pair = heap.back();
    heap.pop_back();
    Symbol& left = at(pair.left);
    if (left.size == 0 || left.next < 0 || left.size + at(left.next).size != pair.size) continue;
    Symbol& right = at(left.next);
    left.id = pair.id;
    left.size = pair.size;
    left.next = right.next;
    if (right.next >= 0) at(right.next).previous = pair.left;
    right.size = 0;
    push(left.previous);
    push(pair.left);
  }
}

}  // namespace tern
