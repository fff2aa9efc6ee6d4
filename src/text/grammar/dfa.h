#pragma once
// Dfa: a regular language as a deterministic automaton over characters. Patterns alone are left as
// expressions, whose loops are counted while matching; this is for what those cannot say: two patterns at
// once, a length beside a pattern, look-ahead, what a pattern does not match. A value; pure functions.

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "text/grammar/char_set.h"
#include "text/grammar/expressions.h"

namespace tern::grammar {

struct Dfa {
  std::vector<CharSet> letters;  // disjoint, together all characters
  std::vector<uint32_t> next;  // [state * letters.size() + letter]; each state has all, state 0 is the start
  std::vector<bool> accepts;   // [state]

  size_t size() const { return accepts.size(); }
  uint32_t Next(size_t state, size_t letter) const { return next[state * letters.size() + letter]; }
  bool Matches(std::string_view utf8) const;
  // The states from which an accepting one can be reached.
  std::vector<bool> Live() const;
  bool is_empty() const { return !Live()[0]; }
};

inline constexpr size_t kMostDfaStates = 20'000, kMostDfaEntries = 1'000'000;

// Nothing: too many states, or time is up. Of what ReadRegex makes, look-ahead too.
std::optional<Dfa> DfaOf(const Expressions& expressions, ExprId whole, Deadline* deadline);
std::optional<Dfa> Intersection(const Dfa& a, const Dfa& b, Deadline* deadline);
Dfa Complement(Dfa a);
// The same with as few states as can be, or as it was where that takes long.
Dfa Minimal(Dfa a, Deadline* deadline);

// Texts of min to max characters.
Dfa DfaOfLengths(uint32_t min, uint32_t max);
std::optional<Dfa> DfaOfTexts(const std::vector<std::string>& texts);  // nothing: too many states
// Decimals without an exponent that are multiples of step / 10^digits: of at most `digits` digits behind the
// point. Leading zeros and signs anywhere: for use beside an expression that is a number.
Dfa DfaOfMultiples(uint32_t step, uint32_t digits);

// As an expression, each set of characters as `spell` has it.
ExprId GraphOf(const Dfa& dfa, const std::function<ExprId(const CharSet&)>& spell, Expressions* expressions);

}  // namespace tern::grammar
