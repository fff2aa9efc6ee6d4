#include "kv/cache_view.h"

#include <algorithm>

namespace tern {
namespace {

// Which of CacheView::kLetters.
size_t StateOf(BlockId id, const BlockPool& pool, const PrefixTree& tree) {
  const int holders = pool.holders(id);
  const int sequences = holders - (tree.Keeps(id) ? 1 : 0);
  if (holders == 0) return 3;
  return sequences == 0 ? 2 : sequences == 1 ? 0 : 1;
}

}  // namespace

void CacheView::Look(const BlockPool& pool, const PrefixTree& tree, int64_t now_ns) {
  made_ns = now_ns;
  blocks = {};
  states.clear();
  const auto all = static_cast<size_t>(pool.blocks()), letters = std::min(all, kMostLetters);
  states.reserve(letters);
  for (size_t i = 0, id = 0; i < letters; ++i) {
    std::array<int, 4> here{};
    for (const size_t end = (i + 1) * all / letters; id < end; ++id) {
      ++here[StateOf(static_cast<BlockId>(id), pool, tree)];
    }
    states += kLetters[static_cast<size_t>(std::ranges::max_element(here) - here.begin())];
    for (size_t state = 0; state < here.size(); ++state) blocks[state] += here[state];
  }
  tree.Hottest(kMostPrefixes, &prefixes, &heat_);
}

}  // namespace tern
