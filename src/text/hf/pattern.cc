#include "text/hf/pattern.h"

#include "base/utf8.h"
#include "text/pre_tokenizer.h"

namespace tern {

Result<Pattern> Pattern::Load(const JsonNode& node) {
  const boost::json::value& value = node.value();
  if (value.is_string() || !node["String"].is_null()) {
    TERN_TRY(std::string text, value.is_string() ? node.Str() : node["String"].Str());
    if (text.empty()) return node.Bad("an empty string, expected something to look for");
    return OfString(std::move(text));
  }
  if (node["Regex"].is_null()) return node.Not("{\"String\": ...} or {\"Regex\": ...}");
  TERN_TRY(const std::string text, node["Regex"].Str());
  auto regex = Regex::Compile(text, {.is_linear = IsTablePattern(text)});
  if (!regex.ok()) return node["Regex"].Bad(regex.error().what);
  return Pattern("", std::make_shared<const Regex>(std::move(regex).value()));
}

Result<Pattern> Pattern::OfLinear(std::string_view pattern) {
  TERN_TRY(Regex regex, Regex::Compile(pattern, {.is_linear = true}));
  return Pattern("", std::make_shared<const Regex>(std::move(regex)));
}

std::string Pattern::Replace(std::string_view text, std::string_view content) const {
  if (regex_ && !IsUtf8(text)) return std::string(text);  // a piece of a character
  const size_t limit = kMostGrowth * text.size() + 1024;
  std::string out;
  ForEach({text}, [&](std::string_view word, const std::vector<TextRange>& matches) {
    size_t done = 0;
    for (const TextRange& match : matches) {
      if (out.size() > limit) break;
      out += word.substr(done, match.begin - done);
      out += content;
      done = match.end;
    }
    out += word.substr(done);
  });
  return out;
}

Pattern::Search::Search(const Pattern& pattern, const std::vector<std::string_view>& words)
    : pattern_(pattern) {
  if (!pattern.regex_) return;
  size_t bytes = 0;
  for (std::string_view word : words) bytes += word.size();
  search_ = std::make_unique<RegexSearch>(*pattern.regex_, bytes);
}

void Pattern::Search::FindAll(std::string_view word, std::vector<TextRange>* matches) {
  if (search_) return search_->FindAll(word, matches);
  for (size_t at = word.find(pattern_.text_); at != word.npos; at = word.find(pattern_.text_, at)) {
    const size_t end = at + pattern_.text_.size();
    matches->push_back({static_cast<uint32_t>(at), static_cast<uint32_t>(end)});
    at = end;
  }
}

}  // namespace tern
