#include "text/added_tokens.h"

#include <fmt/format.h>

#include "base/utf8.h"
#include "text/char_class.h"
#include "text/utf8.h"
#include "text/vocabulary.h"

namespace tern {
namespace {

constexpr size_t kMaxTokenBytes = 1024;

// Whether a word character stands just before or behind the part of `text` that a token is.
bool TouchesWord(std::string_view text, size_t begin, size_t end) {
  if (end < text.size() && IsWordCharacter(DecodeUtf8(text.substr(end)))) return true;
  if (begin == 0) return false;
  size_t last = begin - 1;
  while (last > 0 && (text[last] & 0xC0) == 0x80) --last;
  return IsWordCharacter(DecodeUtf8(text.substr(last)));
}

}  // namespace

Status AddedTokens::Add(std::string_view text, Token token) {
  const auto bad = [&](std::string_view what) { return BadEntry(key_, static_cast<size_t>(token.id), what); };
  if (text.empty()) return bad("an added token is empty");
  if (text.size() > kMaxTokenBytes) {
    return bad(fmt::format("an added token of {} bytes, expected at most {}", text.size(), kMaxTokenBytes));
  }
  if (!IsUtf8(text)) return bad("not valid UTF-8");  // matches would otherwise end inside a character
  std::string folded;
  for (std::string_view rest = text; !rest.empty();) {
    const Step step = StepAt(rest);
    folded += step.byte;
    rest.remove_prefix(step.size);
  }
  const auto [place, is_new] = places_.try_emplace(std::move(folded), tokens_.size());
  if (!is_new) return bad(fmt::format("{} is token {} already", Shown(text), tokens_[place->second].id));
  tokens_.push_back(token);
  return {};
}

void AddedTokens::Finish() {
  std::vector<PrefixTrie::Entry> entries;
  for (const auto& [text, place] : places_) {
    entries.push_back({text, static_cast<int32_t>(place)});
    starts_[static_cast<unsigned char>(text[0])] = true;
    if (folds_spaces_ && text[0] == ' ') starts_[static_cast<unsigned char>(kSpaceMark[0])] = true;
  }
  trie_ = PrefixTrie(std::move(entries));
}

AddedTokens::Step AddedTokens::StepAt(std::string_view text) const {
  if (folds_spaces_ && text.starts_with(kSpaceMark)) return {' ', kSpaceMark.size()};
  return {text[0], 1};
}

// `control_end`: how many bytes of `text` may spell a control token.
AddedTokens::Match AddedTokens::LongestAt(std::string_view text, size_t control_end, bool is_mixed) const {
  Match match;
  uint32_t node = PrefixTrie::kRoot;
  for (size_t end = 0; end < text.size();) {
    const Step step = StepAt(text.substr(end));
    node = trie_.Child(node, static_cast<unsigned char>(step.byte));
    if (node == PrefixTrie::kRoot) break;
    end += step.size;
    if (trie_.IdAt(node) < 0) continue;
    const Token& token = tokens_[static_cast<size_t>(trie_.IdAt(node))];
    if (token.is_control && end > control_end) continue;
    if (!token.is_normalized || (is_mixed && token.is_control)) match = {end, token};
  }
  return match;
}

std::vector<AddedTokens::Part> AddedTokens::Split(const MarkedText& marked) const {
  std::vector<Part> parts;
  const std::string_view text = marked.text;
  size_t plain = 0;  // where the plain text that is not in `parts` yet begins
  auto range = marked.allows_control.begin();
  for (size_t i = 0; i < text.size();) {
    if (!starts_[static_cast<unsigned char>(text[i])]) {
      ++i;
      continue;
    }
    while (range != marked.allows_control.end() && range->end <= i) ++range;
    const bool inside = range != marked.allows_control.end() && range->begin <= i;
    const Match match = LongestAt(text.substr(i), inside ? range->end - i : 0, marked.is_mixed());
    if (match.size == 0) {
      ++i;
      continue;
    }
    if (match.token.single_word && TouchesWord(text, i, i + match.size)) {
      i += match.size;
      continue;
    }
    std::string_view before = plain < i ? text.substr(plain, i - plain) : "";
    if (match.token.strips_left) before = WithoutTrailingWhiteSpace(before);
    if (!before.empty()) parts.push_back({-1, false, before});
    parts.push_back({match.token.id, match.token.is_control, text.substr(i, match.size)});
    i += match.size;
    // Tokens of white space are found in what is stripped too, as published.
    plain = i + (match.token.strips_right ? LeadingWhiteSpace(text.substr(i)) : 0);
  }
  if (plain < text.size()) parts.push_back({-1, false, text.substr(plain)});
  return parts;
}

}  // namespace tern
