#include "models/hf/rules.h"

#include <algorithm>

namespace tern {

bool HasWord(std::string_view words, std::string_view word) {
  while (!words.empty()) {
    const size_t end = std::min(words.find(' '), words.size());
    if (words.substr(0, end) == word) return true;
    words.remove_prefix(std::min(end + 1, words.size()));
  }
  return false;
}

std::optional<HfMatch> MatchHfRule(std::string_view pattern, std::string_view name) {
  HfMatch match;
  while (!pattern.empty()) {
    if (pattern == "**") return match;
    if (pattern == ".*") {
      if (!name.starts_with('.') || name.find('.', 1) != name.npos) return std::nullopt;
      match.suffix = name.substr(1);
      return match;
    }
    const bool layer = pattern.starts_with("{}"), expert = pattern.starts_with("{e}");
    if (layer || expert) {
      const size_t digits = std::min(name.find_first_not_of("0123456789"), name.size());
      if (digits == 0 || digits > 6) return std::nullopt;
      (layer ? match.layer : match.expert) = name.substr(0, digits);
      name.remove_prefix(digits);
      pattern.remove_prefix(layer ? 2 : 3);
      continue;
    }
    if (name.empty() || name.front() != pattern.front()) return std::nullopt;
    name.remove_prefix(1);
    pattern.remove_prefix(1);
  }
  return name.empty() ? std::optional(match) : std::nullopt;
}

std::string HfTarget(std::string_view to, const HfMatch& match) {
  std::string name(to);
  if (const size_t at = name.find("{}"); at != name.npos) name.replace(at, 2, match.layer);
  if (const size_t at = name.find("{e}"); at != name.npos) name.replace(at, 3, match.expert);
  if (name.ends_with(".*")) name.replace(name.size() - 1, 1, match.suffix);
  return name;
}

}  // namespace tern
