#include "text/chat/markers.h"

#include <algorithm>

namespace tern::chat {

Markers::Markers(std::vector<std::string> words) : words_(std::move(words)) {
  for (const std::string& word : words_) {
    if (!word.empty()) first_[static_cast<unsigned char>(word[0])] = true;
  }
}

Markers::Found Markers::At(std::string_view text, bool is_last) const {
  Found longest{.begin = text.size(), .end = 0, .which = -1};
  bool may_come = false;
  for (size_t i = 0; i < words_.size(); ++i) {
    const std::string_view word = words_[i];
    if (word.empty()) continue;
    if (text.starts_with(word)) {
      if (word.size() > longest.end) longest = {.begin = 0, .end = word.size(), .which = static_cast<int>(i)};
    } else if (!is_last && word.starts_with(text)) {
      may_come = true;
    }
  }
  if (may_come) return {};  // also where a shorter word is complete: it may be the beginning of a longer one
  return longest;
}

Markers::Found Markers::Find(std::string_view text, bool is_last) const {
  for (size_t pos = 0; pos < text.size(); ++pos) {
    if (!first_[static_cast<unsigned char>(text[pos])]) continue;
    Found found = At(text.substr(pos), is_last);
    if (found.which < 0 && found.begin > 0) continue;
    found.begin += pos;
    found.end += pos;
    return found;
  }
  return {.begin = text.size(), .end = 0, .which = -1};
}

std::vector<std::string_view> Joined(std::vector<std::string_view> first,
                                     const std::vector<std::string_view>& second) {
  first.insert(first.end(), second.begin(), second.end());
  return first;
}

std::string MarkerMaker::Spelled(std::string_view word) const {
  const bool is_control = std::count(control_tokens_.begin(), control_tokens_.end(), word) > 0;
  return (is_control ? std::string(1, kControl) : std::string()) + std::string(word);
}

Markers MarkerMaker::Make(const std::vector<std::string_view>& words) {
  std::vector<std::string> spelled;
  for (const std::string_view word : words) spelled.push_back(Spelled(word));
  made_.insert(made_.end(), spelled.begin(), spelled.end());
  return Markers(std::move(spelled));
}

std::string MarkerMaker::Arrival(std::string_view token) const {
  const std::string spelled = Spelled(token);
  return std::count(made_.begin(), made_.end(), spelled) > 0 ? spelled : std::string();
}

}  // namespace tern::chat
