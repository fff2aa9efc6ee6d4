#pragma once
// Automaton: a compiled grammar. Each rule is a nondeterministic automaton over bytes, whose edges may also
// call a rule a number of times; so the whole is a pushdown automaton. Immutable; any thread.

#include <bitset>
#include <cstdint>
#include <span>
#include <vector>

#include "base/result.h"
#include "text/grammar/char_category.h"
#include "text/grammar/expressions.h"

namespace tern::grammar {

using ByteSet = std::bitset<256>;

struct Edge {
  enum class Kind : uint8_t { kEmpty, kBytes, kCall };
  Kind kind;
  uint8_t first, last;  // kBytes, both included
  uint32_t to;
  uint32_t call;  // kCall
};

// An edge that runs a rule min to max times.
struct Call {
  uint32_t rule;
  uint32_t min, max;
  uint32_t after;  // the state behind it
  // Of a rule that only this edge calls, again and again: characters of these categories are each one
  // repetition,
  CategorySet loop = 0;
  // and what may follow the loop begins with one of these bytes.
  ByteSet follow = {};
  bool is_pure = false;      // none of which begins one of its characters
  bool is_own_rule = false;  // made for this edge
};

struct RuleStates {
  uint32_t start, end;
  uint32_t loop_call = kNoCall;  // the edge it was made for
  static constexpr uint32_t kNoCall = ~0u;
};

struct Automaton {
  std::vector<uint32_t> edges_of;  // of state s: edges[edges_of[s]] to edges[edges_of[s + 1]]
  std::vector<Edge> edges;
  std::vector<Call> calls;
  std::vector<RuleStates> rules;
  std::vector<uint32_t> rule_of;  // of a state
  uint32_t root = 0;              // a rule
  size_t class_loops = 0;         // calls with a loop
  size_t bytes() const;

  size_t state_count() const { return rule_of.size(); }
  std::span<const Edge> Edges(uint32_t state) const {
    return std::span(edges).subspan(edges_of[state], edges_of[state + 1] - edges_of[state]);
  }
  bool IsEnd(uint32_t state) const { return rules[rule_of[state]].end == state; }
};

// Errors: the budget, a grammar that matches nothing, left recursion (named).
Result<Automaton> Compile(Expressions* expressions, RuleId root);

}  // namespace tern::grammar
