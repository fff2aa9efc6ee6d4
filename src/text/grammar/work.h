#pragma once
// Work: what an operation on a grammar has cost so far, in steps of some 5 ns, and what it may cost. Counted,
// not timed: the same operation costs the same on any machine.

#include <cstdint>

namespace tern::grammar {

struct Work {
  uint64_t spent = 0, most = 0;
  void Spend(uint64_t steps) { spent += steps; }
  bool is_over() const { return spent > most; }
};

}  // namespace tern::grammar
