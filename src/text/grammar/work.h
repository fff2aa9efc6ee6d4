#pragma once
// Work: what an operation on a grammar has cost so far, in steps of some 5 ns, and what it may cost. Counted,
// not timed: the same operation costs the same on any machine.

#include <algorithm>
#include <cstdint>
#include <utility>

namespace tern::grammar {

struct Work {
  uint64_t spent = 0, most = 0;
  void Spend(uint64_t steps) { spent += steps; }
  bool is_over() const { return spent > most; }
  // Runs what may cost `limit` at most, and goes on with the rest: whether that was enough.
  template <class Run>
  bool Within(uint64_t limit, Run run) {
    const uint64_t whole = std::exchange(most, std::min(most, spent + limit));
    run();
    const bool was_enough = !is_over();
    spent = std::min(spent, most);
    most = whole;
    return was_enough;
  }
};

}  // namespace tern::grammar
