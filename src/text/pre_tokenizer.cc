#include "text/pre_tokenizer.h"

#include "text/utf8.h"

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

void FindMembers(std::string_view word, bool (*is_member)(char32_t), bool in_runs,
                 std::vector<TextRange>* matches) {
  const size_t before = matches->size();
  for (size_t i = 0; i < word.size();) {
    const size_t end = i + Utf8Size(word[i]);
    if (is_member(DecodeUtf8(word.substr(i)))) {
      const bool joins = in_runs && matches->size() > before && matches->back().end == i;
      if (joins) {
        matches->back().end = static_cast<uint32_t>(end);
      } else {
        matches->push_back({static_cast<uint32_t>(i), static_cast<uint32_t>(end)});
      }
    }
    i = end;
  }
}

Result<PreTokenizer> PreTokenizer::Compile(std::span<const Cut> cuts) {
  std::vector<Stage> stages;
  bool after_bytes = false;
  for (const Cut& cut : cuts) {
    if (after_bytes && !cut.on_bytes)
      return BadInput("pre-tokenizer: a cut on characters after one on bytes");
    after_bytes = cut.on_bytes;
    Stage stage{std::nullopt, cut.is_member, cut.in_runs};
    if (cut.is_member == nullptr) {
      TERN_TRY(stage.pattern, Regex::Compile(cut.pattern, {.on_bytes = cut.on_bytes, .is_linear = true}));
    }
    stages.push_back(std::move(stage));
  }
  return PreTokenizer(std::move(stages));
}

std::vector<std::string_view> PreTokenizer::Split(std::string_view text) const {
  std::vector<std::string_view> words, cut;
  if (!text.empty()) words.push_back(text);
  std::vector<TextRange> matches;
  for (const Stage& stage : stages_) {
    cut.clear();
    cut.reserve(words.size() * 2);
    std::optional<RegexSearch> search;
    if (stage.pattern) search.emplace(*stage.pattern, text.size());
    for (std::string_view word : words) {
      matches.clear();
      if (search) {
        search->FindAll(word, &matches);
      } else {
        FindMembers(word, stage.is_member, stage.in_runs, &matches);
      }
      AppendCut(word, matches, &cut);
    }
    std::swap(words, cut);
  }
  return words;
}

}  // namespace tern
