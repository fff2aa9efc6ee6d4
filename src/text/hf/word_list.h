#pragma once
// WordList: the words of a text while pre-tokenizers cut and rewrite them. Not thread-safe.

#include <deque>
#include <string>
#include <string_view>
#include <vector>

namespace tern {

class WordList {
 public:
  // `begins_input`: nothing stands before `text`, which must outlive the list.
  WordList(std::string_view text, bool begins_input) : begins_input_(begins_input) {
    if (!text.empty()) words_.push_back(text);
  }
  const std::vector<std::string_view>& words() const { return words_; }
  bool begins_input() const { return begins_input_; }
  void set_words(std::vector<std::string_view> words) { words_ = std::move(words); }

  // Cuts every word: cut(word, words) appends its parts.
  template <class Cut>
  void CutEach(const Cut& cut) {
    std::vector<std::string_view> parts;
    parts.reserve(words_.size());
    for (std::string_view word : words_) cut(word, &parts);
    words_ = std::move(parts);
  }
  // Replaces every word by rewrite(word, is_first).
  template <class Rewrite>
  void RewriteEach(const Rewrite& rewrite) {
    std::string text;
    std::vector<size_t> ends;
    for (size_t i = 0; i < words_.size(); ++i) {
      text += rewrite(words_[i], i == 0);
      ends.push_back(text.size());
    }
    texts_.push_back(std::move(text));
    for (size_t i = 0; i < words_.size(); ++i) {
      const size_t begin = i == 0 ? 0 : ends[i - 1];
      words_[i] = std::string_view(texts_.back()).substr(begin, ends[i] - begin);
    }
  }

 private:
  bool begins_input_;
  std::vector<std::string_view> words_;
  std::deque<std::string> texts_;  // what rewritten words look into
};

}  // namespace tern
