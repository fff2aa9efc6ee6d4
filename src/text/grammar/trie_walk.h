#pragma once
// TrieWalk: runs a grammar over all texts of a tree at once. Where a byte is not allowed, everything behind
// it is passed over.

#include <cstdint>
#include <span>
#include <vector>

#include "base/result.h"
#include "text/grammar/simulation.h"
#include "text/grammar/token_trie.h"

namespace tern::grammar {

class TrieWalk {
 public:
  explicit TrieWalk(Simulation& simulation) : simulation_(simulation) {}

  // Calls visit(node, threads, notes) for each node from `begin` to `end`, siblings and what is below them,
  // whose text is allowed from `from` on. It returns whether to go on below the node. Ends early once the
  // work is over.
  template <class Visit>
  void Run(const TokenTrie& trie, uint32_t begin, uint32_t end, std::span<const Thread> from, Visit visit) {
    if (begin >= end) return;
    const size_t base = trie[begin].depth - 1u;
    threads_.assign(from.begin(), from.end());
    ends_.assign(1, threads_.size());  // of the threads at each depth
    for (uint32_t node = begin; node < end && !simulation_.work().is_over();) {
      const TokenTrie::Node& at = trie[node];
      const size_t depth = at.depth - base;
      ends_.resize(depth);
      const size_t last = ends_[depth - 1], first = depth == 1 ? 0 : ends_[depth - 2];
      threads_.resize(last);
      notes_.can_end = false;
      notes_.left.clear();
      simulation_.Step(first, last, at.byte, &threads_, &notes_);
      simulation_.work().Spend(kStepWork + (last - first));
      const bool goes_on = threads_.size() > last;
      if (!goes_on && !notes_.can_end && notes_.left.empty()) {
        node = at.end;
        continue;
      }
      ends_.push_back(threads_.size());
      const bool below = visit(node, std::span<const Thread>(threads_).subspan(last), notes_);
      node = below && goes_on ? node + 1 : at.end;
    }
  }

 private:
  static constexpr uint64_t kStepWork = 2;
  Simulation& simulation_;
  std::vector<Thread> threads_;
  std::vector<size_t> ends_;
  StepNotes notes_;
};

}  // namespace tern::grammar
