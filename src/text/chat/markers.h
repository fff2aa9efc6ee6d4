#pragma once
// Markers: the words that mean something in a model's output, found in text that arrives in pieces.

#include <array>
#include <string>
#include <string_view>
#include <vector>

namespace tern::chat {

class Markers {
 public:
  explicit Markers(std::vector<std::string> words);

  struct Found {
    size_t begin = 0, end = 0;  // of the marker; with `which` -1, text up to `begin` holds none, and what
                                // follows may become one
    int which = -1;             // index of the word
  };
  // The first marker in `text`; of several at one place the longest. `is_last`: no more text will come.
  Found Find(std::string_view text, bool is_last) const;
  // The marker at the very beginning of `text`: begin is 0 then, or while one may still come.
  Found At(std::string_view text, bool is_last) const;

  const std::vector<std::string>& words() const { return words_; }

 private:
  std::vector<std::string> words_;
  std::array<bool, 256> first_{};  // bytes that a word begins with
};

// One list after the other.
std::vector<std::string_view> Joined(std::vector<std::string_view> first,
                                     const std::vector<std::string_view>& second);

// In front of a marker that came as a control token. No UTF-8 text has this byte; it never leaves a parser.
constexpr char kControl = '\xFF';
inline std::string WithoutControl(std::string text) {
  std::erase(text, kControl);
  return text;
}

// Makes a parser's markers: those that are control tokens are found only where they came as such.
class MarkerMaker {
 public:
  explicit MarkerMaker(const std::vector<std::string>& control_tokens) : control_tokens_(control_tokens) {}
  Markers Make(const std::vector<std::string_view>& words);
  // The bytes as which a control token arrives; empty if it is no marker.
  std::string Arrival(std::string_view token) const;

 private:
  std::string Spelled(std::string_view word) const;

  const std::vector<std::string>& control_tokens_;
  std::vector<std::string> made_;
};

}  // namespace tern::chat
