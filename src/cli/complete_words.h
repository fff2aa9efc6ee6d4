#pragma once
// What could stand where the cursor is, for shells to offer. Made from the same descriptions as the help.

#include <string>
#include <string_view>
#include <vector>

namespace tern {

struct Completion {
  std::string word, summary;
};

struct Completions {
  std::vector<Completion> words;  // all begin with what was typed so far
  bool files = false;             // a path may stand here too
};

// `words`: what stands on the line after `tern`, the last one unfinished and maybe empty. `models`: names to
// offer where a MODEL belongs.
Completions CompleteWords(const std::vector<std::string>& words, const std::vector<std::string>& models);

}  // namespace tern
