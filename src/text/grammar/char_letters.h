#pragma once
// Letters: characters that a list of sets does not tell apart are one letter, so that automata over
// characters have few.

#include <optional>
#include <vector>

#include "text/grammar/char_set.h"
#include "text/grammar/deadline.h"

namespace tern::grammar {

struct CharLetters {
  std::vector<CharSet> letters;           // disjoint, together all characters
  std::vector<std::vector<uint32_t>> of;  // [set]: the letters it consists of
};
// Nothing: time is up.
std::optional<CharLetters> LettersOf(const std::vector<CharSet>& sets, Deadline* deadline);

}  // namespace tern::grammar
