#pragma once
// ThreadSets: sets of threads as numbers, and where each byte leads them. A walk over a vocabulary meets the
// same few sets thousands of times, so what many threads do together is worked out once. Not thread-safe.

#include <array>
#include <cstdint>
#include <span>
#include <unordered_map>
#include <vector>

#include "text/grammar/simulation.h"
#include "text/grammar/token_trie.h"

namespace tern::grammar {

class ThreadSets {
 public:
  using Id = uint32_t;
  static constexpr Id kNothing = 0;  // no threads, and no end

  // `simulation` must outlive it.
  explicit ThreadSets(Simulation& simulation);

  Id Of(std::span<const Thread> threads, bool can_end);
  // Once the work is over, kNothing.
  Id Next(Id set, uint8_t byte) {
    const uint32_t table = sets_[set].table;
    const Id known = table == kNoTable ? kUnknown : tables_[table][byte];
    return known != kUnknown ? known : Step(set, byte);
  }
  // Whether a thread is in a loop over characters that all texts below a node consist of.
  bool AllowsBelow(Id set, const TokenTrie::Node& node) const {
    for (const Loop& loop : sets_[set].loops) {
      if ((node.below & ~loop.categories) == 0 && node.longest <= loop.left) return true;
    }
    return false;
  }
  size_t bytes() const { return bytes_; }
  // Numbers from before are worth nothing then.
  void Forget();

 private:
  static constexpr uint32_t kNoTable = ~0u;
  static constexpr Id kUnknown = ~0u;
  using Table = std::array<Id, 256>;
  struct Loop {
    CategorySet categories;
    uint32_t left;  // repetitions that may still come
  };
  struct Set {
    std::vector<Thread> threads;
    bool can_end = false;
    std::vector<Loop> loops = {};
    uint32_t table = kNoTable;
  };
  Id Step(Id set, uint8_t byte);
  std::vector<Loop> LoopsOf(std::span<const Thread> threads);

  Simulation& simulation_;
  std::vector<Set> sets_;
  std::vector<Table> tables_;
  std::unordered_multimap<uint64_t, Id> ids_;
  size_t bytes_ = 0;
  std::vector<Thread> threads_;
  StepNotes notes_;
};

}  // namespace tern::grammar
