#include "text/added_tokens.h"

#include <fmt/format.h>

#include "base/utf8.h"
#include "text/utf8.h"
#include "text/vocabulary.h"

namespace tern {
namespace {

constexpr size_t kMaxTokenBytes = 1024;

size_t LeadingWhiteSpace(std::string_view text) {
  size_t size = 0;
  while (size < text.size() && IsWhiteSpace(DecodeUtf8(text.substr(size)))) size += Utf8Size(text[size]);
  return size;
}

std::string_view WithoutTrailingWhiteSpace(std::string_view text) {
  while (!text.empty()) {
    size_t last = text.size() - 1;
    while (last > 0 && (text[last] & 0xC0) == 0x80) --last;
    if (!IsWhiteSpace(DecodeUtf8(text.substr(last)))) break;
    text.remove_suffix(text.size() - last);
  }
  return text;
}

uint64_t Edge(uint32_t node, char byte) { return uint64_t{node} << 8 | static_cast<unsigned char>(byte); }

}  // namespace

Status AddedTokens::Add(std::string_view text, Token token) {
  if (text.empty())
    return BadInput(fmt::format("tokenizer.ggml.tokens[{}]: an added token is empty", token.id));
  if (text.size() > kMaxTokenBytes) {
    return BadInput(fmt::format("tokenizer.ggml.tokens[{}]: an added token of {} bytes, expected at most {}",
                                token.id, text.size(), kMaxTokenBytes));
  }
  // Matches would otherwise end inside a character.
  if (!IsUtf8(text)) return BadInput(fmt::format("tokenizer.ggml.tokens[{}]: not valid UTF-8", token.id));
  const auto mark_start = [this](char byte) { starts_[static_cast<unsigned char>(byte)] = true; };
  mark_start(text[0]);
  if (StepAt(text).byte == ' ') {
    mark_start(' ');
    mark_start(kSpaceMark[0]);
  }
  uint32_t node = 0;
  for (std::string_view rest = text; !rest.empty();) {
    const Step step = StepAt(rest);
    const auto [edge, is_new] =
        edges_.try_emplace(Edge(node, step.byte), static_cast<uint32_t>(tokens_.size()));
    if (is_new) tokens_.emplace_back();
    node = edge->second;
    rest.remove_prefix(step.size);
  }
  if (tokens_[node].id >= 0) {
    return BadInput(fmt::format("tokenizer.ggml.tokens[{}]: {} is token {} already", token.id, Shown(text),
                                tokens_[node].id));
  }
  tokens_[node] = token;
  return {};
}

AddedTokens::Step AddedTokens::StepAt(std::string_view text) const {
  if (folds_spaces_ && text.starts_with(kSpaceMark)) return {' ', kSpaceMark.size()};
  return {text[0], 1};
}

// `control_end`: how many bytes of `text` may spell a control token.
AddedTokens::Match AddedTokens::LongestAt(std::string_view text, size_t control_end) const {
  Match match;
  uint32_t node = 0;
  for (size_t end = 0; end < text.size();) {
    const Step step = StepAt(text.substr(end));
    const auto edge = edges_.find(Edge(node, step.byte));
    if (edge == edges_.end()) break;
    node = edge->second;
    end += step.size;
    const Token& token = tokens_[node];
    if (token.id >= 0 && (!token.is_control || end <= control_end)) match = {end, token};
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
    const Match match = LongestAt(text.substr(i), inside ? range->end - i : 0);
    if (match.size == 0) {
      ++i;
      continue;
    }
    std::string_view before = text.substr(plain, i - plain);
    if (match.token.strips_left) before = WithoutTrailingWhiteSpace(before);
    if (!before.empty()) parts.push_back({-1, before});
    parts.push_back({match.token.id, text.substr(i, match.size)});
    i += match.size;
    if (match.token.strips_right) i += LeadingWhiteSpace(text.substr(i));
    plain = i;
  }
  if (plain < text.size()) parts.push_back({-1, text.substr(plain)});
  return parts;
}

}  // namespace tern
