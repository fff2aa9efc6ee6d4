#include "text/grammar/char_letters.h"

#include <algorithm>
#include <map>

namespace tern::grammar {

std::optional<CharLetters> LettersOf(const std::vector<CharSet>& sets, Deadline* deadline) {
  std::vector<char32_t> begins = {0};
  for (const CharSet& set : sets) {
    for (const CharRange& range : set.ranges()) begins.insert(begins.end(), {range.first, range.last + 1});
  }
  std::ranges::sort(begins);
  begins.erase(std::unique(begins.begin(), begins.end()), begins.end());
  CharLetters found;
  found.of.resize(sets.size());
  std::map<std::vector<bool>, size_t> letter_of;  // by the sets that have it
  std::vector<bool> in(sets.size());
  for (size_t i = 0; i < begins.size() && begins[i] <= kLastChar; ++i) {
    if (deadline->IsOver(8 * sets.size() + 64)) return std::nullopt;
    const char32_t first = begins[i], last = i + 1 < begins.size() ? begins[i + 1] - 1 : kLastChar;
    for (size_t set = 0; set < sets.size(); ++set) in[set] = sets[set].Contains(first);
    const auto [at, is_new] = letter_of.try_emplace(in, found.letters.size());
    if (is_new) {
      found.letters.emplace_back();
      for (size_t set = 0; set < sets.size(); ++set) {
        if (in[set]) found.of[set].push_back(static_cast<uint32_t>(at->second));
      }
    }
    found.letters[at->second].Add(first, last);
  }
  return found;
}

}  // namespace tern::grammar
