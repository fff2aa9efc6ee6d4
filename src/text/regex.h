#pragma once
// Regex: a compiled pattern of a tokenizer, in Oniguruma's syntax (text/oniguruma.h). Immutable; any thread.

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace tern {

struct TextRange {
  uint32_t begin, end;  // bytes
};

struct RegexOptions {
  bool on_bytes = false;  // match bytes instead of characters; the pattern is PCRE2's then
  // The pattern is known to take linear time on any text (the tests of the table of pre-tokenizers try), so
  // its steps need not be counted.
  bool is_linear = false;
};

class Regex {
 public:
  // The error says where the pattern is wrong.
  static Result<Regex> Compile(std::string_view pattern, RegexOptions options = {});
  Regex(Regex&&) noexcept;
  Regex& operator=(Regex&&) noexcept;
  ~Regex();

 private:
  friend class RegexSearch;
  struct Compiled;
  explicit Regex(std::unique_ptr<Compiled> compiled);
  std::unique_ptr<Compiled> compiled_;
};

// The matches of a pattern in the words of one text. Not thread-safe; the pattern must outlive it.
//
// The work is bounded: where a pattern needs more than kStepsPerByte steps per byte of the text and
// kFreeSteps, the search finds nothing more.
class RegexSearch {
 public:
  RegexSearch(const Regex& pattern, size_t text_bytes);
  ~RegexSearch();
  // Appends all matches in `word`, valid UTF-8 of less than 4 GiB, from left to right; empty ones too, except
  // right behind another match.
  void FindAll(std::string_view word, std::vector<TextRange>* matches);

  static constexpr size_t kStepsPerByte = 256;
  static constexpr size_t kFreeSteps = 20'000'000;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace tern
