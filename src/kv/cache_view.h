#pragma once
// CacheView: a KV pool and what its prefix tree keeps, for people to look at: a letter per block, and the
// prefixes that were of most use. It knows blocks by number: nothing in it says what any token was.
//
// Looking takes time in the number of blocks, and allocates only the first time. Not thread-safe.

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "kv/prefix_tree.h"

namespace tern {

struct CacheView {
  static constexpr size_t kMostLetters = 4096, kMostPrefixes = 20;
  // Of a block: held by one sequence, by several, kept for prompts to come, free.
  static constexpr std::string_view kLetters = "usc.";

  // A letter per block; with more than kMostLetters blocks one for several neighbours, as most of them are.
  std::string states;
  std::array<int, 4> blocks{};        // in each of kLetters' states
  std::vector<HotPrefix> prefixes{};  // the hottest first
  int64_t made_ns = 0;                // on the clock of the prefixes' last_hit_ns

  void Look(const BlockPool& pool, const PrefixTree& tree, int64_t now_ns);

 private:
  std::vector<PrefixHeat> heat_;
};

}  // namespace tern
