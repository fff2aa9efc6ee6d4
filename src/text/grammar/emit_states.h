#pragma once
// The first half of compiling: expressions become states and edges, in the order they are made.

#include <vector>

#include "text/grammar/automaton.h"

namespace tern::grammar {

struct EdgeFrom {
  uint32_t from;
  Edge edge;
};

// Fills rules, calls, rule_of and root of `automaton`, and `edges`.
Status EmitStates(const Expressions& expressions, RuleId root, Deadline* deadline, Automaton* automaton,
                  std::vector<EdgeFrom>* edges);

}  // namespace tern::grammar
