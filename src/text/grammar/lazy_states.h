#pragma once
// LazyStates: the deterministic automaton of a grammar, made state by state as matching gets there. A state
// is a set of states of one rule's automaton. Not thread-safe.

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <unordered_map>
#include <vector>

#include "text/grammar/automaton.h"
#include "text/grammar/work.h"

namespace tern::grammar {

class LazyStates {
 public:
  using Id = uint32_t;
  static constexpr Id kDead = 0;

  // Both must outlive it. Once the work is over, bytes lead nowhere, and nothing of that is kept.
  LazyStates(const Automaton& automaton, Work* work);

  Id Start(uint32_t rule);
  Id After(uint32_t call);  // the state behind a call
  // Where a byte leads within the rule.
  Id Next(Id state, uint8_t byte) {
    if (states_[state].table == kNoTable && !Expand(state)) return kDead;
    return tables_[states_[state].table][byte];
  }
  bool reads(Id state) const { return states_[state].reads; }        // has bytes to go on with
  bool is_end(Id state) const { return states_[state].is_end; }      // of its rule
  bool is_plain(Id state) const { return states_[state].is_plain; }  // reads, no end, no calls
  uint32_t rule(Id state) const { return states_[state].rule; }
  // Calls it can make. By index: making states moves them.
  uint32_t call_count(Id state) const { return states_[state].calls_count; }
  uint32_t call(Id state, uint32_t i) const { return calls_[states_[state].calls_begin + i]; }
  const Automaton& automaton() const { return a_; }
  size_t size() const { return states_.size(); }
  size_t bytes() const;
  // Where bytes lead is worked out anew; states keep their numbers.
  void ForgetTables();
  size_t table_bytes() const { return tables_.size() * sizeof(Table); }

 private:
  static constexpr uint32_t kNoTable = ~0u;
  using Table = std::array<Id, 256>;
  struct State {
    uint32_t members_begin = 0, members_count = 0;  // states of the automaton, sorted
    uint32_t calls_begin = 0, calls_count = 0;
    uint32_t rule = 0;
    uint32_t table = kNoTable;
    bool reads = false, is_end = false, is_plain = false;
  };

  // Of everything that can be reached from `from` without a byte.
  Id Known(Id& known, uint32_t state);
  Id Intern(std::span<const uint32_t> from);
  // False: there was too much work.
  bool Expand(Id state);
  std::span<const uint32_t> members(const State& s) const {
    return std::span(members_).subspan(s.members_begin, s.members_count);
  }

  const Automaton& a_;
  Work& work_;
  std::vector<State> states_;
  std::vector<uint32_t> members_, calls_;
  std::vector<Table> tables_;
  std::unordered_multimap<uint64_t, Id> ids_;
  std::vector<Id> starts_, afters_;  // 0: not made yet
  std::vector<uint32_t> seen_;
  uint32_t round_ = 0;
  std::vector<uint32_t> closure_, waiting_;  // of Intern
  std::vector<uint32_t> single_;
  std::vector<std::vector<uint32_t>> targets_;  // of Expand
};

}  // namespace tern::grammar
