#pragma once

#include <string>

#include "text/grammar/automaton.h"

namespace tern::grammar {

// A shortest text of the grammar, as an example of what it describes; cut at `most` bytes.
std::string ShortestText(const Automaton& automaton, size_t most);

}  // namespace tern::grammar
