#pragma once
// PreTokenizer: cuts a text into the words that byte-pair merges never cross. Which cuts, GGUF says by a name
// in tokenizer.ggml.pre; pre_tokenizers.cc is the table of names. Immutable once compiled; any thread.

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "io/checkpoint.h"
#include "text/regex.h"

namespace tern {

// One cut: every match of `pattern` becomes a word, and so does what lies between two matches; an empty match
// cuts in two. Patterns are as the published tokenizers write them (text/oniguruma.h).
struct Cut {
  std::string_view pattern;
  bool on_bytes = false;  // match bytes instead of characters, in PCRE2's syntax
  // Instead of a pattern, every character of a class, as stages Digits and Punctuation know them, or every
  // run of such characters.
  bool (*is_member)(char32_t) = nullptr;
  bool in_runs = false;
};

// Appends every character of `word`, valid UTF-8, that is a member, or every run of them.
void FindMembers(std::string_view word, bool (*is_member)(char32_t), bool in_runs,
                 std::vector<TextRange>* matches);

// How one family of models cuts and treats text.
struct PreTokenizerRule {
  std::string_view name;          // value of tokenizer.ggml.pre
  std::span<const Cut> cuts;      // each is applied to every word of the one before
  bool nfc = false;               // the published tokenizer normalizes to NFC first; no GGUF key says so
  bool whole_words = false;       // a word that is a token is taken as such, whatever the merges say
  bool adds_bos = false;          // where tokenizer.ggml.add_bos_token is absent
  bool mask_strips_left = false;  // "<mask>" takes the white space in front of it along

  bool StripsLeft(std::string_view token) const { return mask_strips_left && token == "<mask>"; }
};

std::span<const PreTokenizerRule> PreTokenizerRules();
// Whether `pattern` is one of the table's, which are known to take linear time.
bool IsTablePattern(std::string_view pattern);
// The rule of that name; an error that names the value and what there is.
Result<const PreTokenizerRule*> FindPreTokenizerRule(std::string_view name);
// That of a GGUF file's byte-level BPE.
Result<const PreTokenizerRule*> FindPreTokenizerRule(const Metadata& metadata);

class PreTokenizer {
 public:
  static Result<PreTokenizer> Compile(std::span<const Cut> cuts);
  // The words of valid UTF-8 `text`, in order and without gaps. They look into `text`.
  std::vector<std::string_view> Split(std::string_view text) const;

 private:
  struct Stage {
    std::optional<Regex> pattern;  // else the members
    bool (*is_member)(char32_t) = nullptr;
    bool in_runs = false;
  };
  explicit PreTokenizer(std::vector<Stage> stages) : stages_(std::move(stages)) {}
  std::vector<Stage> stages_;
};

}  // namespace tern
