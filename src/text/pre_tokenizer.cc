#include "text/pre_tokenizer.h"

namespace tern {
namespace {

// Appends `word`, cut at the borders of `matches`.
void AppendCut(std::string_view word, const std::vector<TextRange>& matches,
               std::vector<std::string_view>* words) {
  size_t done = 0;  // all before it is in `words`
  for (const TextRange& match : matches) {
    if (match.begin > done) words->push_back(word.substr(done, match.begin - done));
    if (match.end > match.begin) words->push_back(word.substr(match.begin, match.end - match.begin));
    done = match.end;
  }
  if (done < word.size()) words->push_back(word.substr(done));
}

}  // namespace

Result<PreTokenizer> PreTokenizer::Compile(std::span<const Cut> cuts) {
  std::vector<Regex> patterns;
  bool after_bytes = false;
  for (const Cut& cut : cuts) {
    if (after_bytes && !cut.on_bytes)
      return BadInput("pre-tokenizer: a cut on characters after one on bytes");
    after_bytes = cut.on_bytes;
    TERN_TRY(Regex pattern, Regex::Compile(cut.pattern, {.on_bytes = cut.on_bytes, .is_linear = true}));
    patterns.push_back(std::move(pattern));
  }
  return PreTokenizer(std::move(patterns));
}

std::vector<std::string_view> PreTokenizer::Split(std::string_view text) const {
  std::vector<std::string_view> words, cut;
  if (!text.empty()) words.push_back(text);
  std::vector<TextRange> matches;
  for (const Regex& pattern : patterns_) {
    cut.clear();
    cut.reserve(words.size() * 2);
    RegexSearch search(pattern, text.size());
    for (std::string_view word : words) {
      matches.clear();
      search.FindAll(word, &matches);
      AppendCut(word, matches, &cut);
    }
    std::swap(words, cut);
  }
  return words;
}

}  // namespace tern
