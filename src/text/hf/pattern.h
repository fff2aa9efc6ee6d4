#pragma once
// Pattern: what "Split" and "Replace" look for: a string or a regular expression. Immutable; any thread.

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "text/hf/json_node.h"
#include "text/regex.h"

namespace tern {

class Pattern {
 public:
  // {"String": "..."} or {"Regex": "..."}; a plain string is a string.
  static Result<Pattern> Load(const JsonNode& node);
  static Pattern OfString(std::string text) { return Pattern(std::move(text), nullptr); }
  // A pattern that takes linear time on any text.
  static Result<Pattern> OfLinear(std::string_view pattern);
  // Calls visit(word, matches) for every word.
  template <class Visit>
  void ForEach(const std::vector<std::string_view>& words, const Visit& visit) const {
    std::vector<TextRange> matches;
    Search search(*this, words);
    for (std::string_view word : words) {
      matches.clear();
      search.FindAll(word, &matches);
      visit(word, matches);
    }
  }
  // `text` with `content` for every match. Where the result grows beyond kMostGrowth times the text and a
  // kilobyte, the matches that follow stay. (A piece of a character, which is not UTF-8, is left alone by
  // regular expressions.)
  std::string Replace(std::string_view text, std::string_view content) const;
  static constexpr size_t kMostGrowth = 64;

 private:
  class Search {
   public:
    Search(const Pattern& pattern, const std::vector<std::string_view>& words);
    void FindAll(std::string_view word, std::vector<TextRange>* matches);

   private:
    const Pattern& pattern_;
    std::unique_ptr<RegexSearch> search_;
  };
  Pattern(std::string text, std::shared_ptr<const Regex> regex)
      : text_(std::move(text)), regex_(std::move(regex)) {}

  std::string text_;
  std::shared_ptr<const Regex> regex_;  // null: the pattern is text_; shared by the copies of a step
};

}  // namespace tern
