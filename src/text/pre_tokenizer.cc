#include "text/pre_tokenizer.h"

#include <algorithm>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <fmt/format.h>
#include <pcre2.h>

#include "text/utf8.h"

namespace tern {
namespace {

struct FreePcre {
  void operator()(pcre2_code* code) const { pcre2_code_free(code); }
  void operator()(pcre2_match_data* data) const { pcre2_match_data_free(data); }
  void operator()(pcre2_match_context* context) const { pcre2_match_context_free(context); }
};

// PCRE2's own \s has U+180E too, and in byte mode no characters at all.
constexpr std::string_view kWhiteSpace =
    "\\x09-\\x0d\\x20\\x{85}\\x{a0}\\x{1680}\\x{2000}-\\x{200a}\\x{2028}\\x{2029}\\x{202f}\\x{205f}\\x{3000}";

// `pattern` with \s and \S written out.
std::string WithWhiteSpace(std::string_view pattern) {
  std::string out;
  bool in_class = false;
  for (size_t i = 0; i < pattern.size(); ++i) {
    if (pattern[i] == '\\' && i + 1 < pattern.size()) {
      const char escaped = pattern[++i];
      if (escaped == 's') {
        out += in_class ? std::string(kWhiteSpace) : fmt::format("[{}]", kWhiteSpace);
      } else if (escaped == 'S' && !in_class) {
        out += fmt::format("[^{}]", kWhiteSpace);
      } else {
        out += {'\\', escaped};
      }
      continue;
    }
    if (pattern[i] == '[') in_class = true;
    if (pattern[i] == ']') in_class = false;
    out += pattern[i];
  }
  return out;
}

}  // namespace

struct PreTokenizer::Pattern {
  void Split(std::string_view word, pcre2_match_data* data, pcre2_match_context* context,
             std::vector<std::string_view>* words) const;
  std::unique_ptr<pcre2_code, FreePcre> code;
  bool on_bytes;
};

PreTokenizer::PreTokenizer(std::vector<Pattern> patterns) : patterns_(std::move(patterns)) {}
PreTokenizer::PreTokenizer(PreTokenizer&&) noexcept = default;
PreTokenizer& PreTokenizer::operator=(PreTokenizer&&) noexcept = default;
PreTokenizer::~PreTokenizer() = default;

Result<PreTokenizer> PreTokenizer::Compile(std::span<const Cut> cuts) {
  std::vector<Pattern> patterns;
  bool after_bytes = false;
  for (const Cut& cut : cuts) {
    if (after_bytes && !cut.on_bytes)
      return BadInput("pre-tokenizer: a cut on characters after one on bytes");
    after_bytes = cut.on_bytes;
    const std::string text = cut.on_bytes ? std::string(cut.pattern) : WithWhiteSpace(cut.pattern);
    int error = 0;
    PCRE2_SIZE at = 0;
    pcre2_code* code = pcre2_compile(reinterpret_cast<PCRE2_SPTR>(text.data()), text.size(),
                                     cut.on_bytes ? 0 : PCRE2_UTF | PCRE2_UCP, &error, &at, nullptr);
    if (code == nullptr)
      return BadInput(fmt::format("pre-tokenizer pattern {}: error {} at {}", text, error, at));
    // Where the system allows no just-in-time code, the interpreter gives the same matches, slower.
    pcre2_jit_compile(code, PCRE2_JIT_COMPLETE);
    patterns.push_back({std::unique_ptr<pcre2_code, FreePcre>(code), cut.on_bytes});
  }
  return PreTokenizer(std::move(patterns));
}

// Appends the words of one word.
void PreTokenizer::Pattern::Split(std::string_view word, pcre2_match_data* data, pcre2_match_context* context,
                                  std::vector<std::string_view>* words) const {
  size_t done = 0;   // all before it is in `words`
  size_t start = 0;  // where the next search begins
  while (start < word.size()) {
    const int found = pcre2_match(code.get(), reinterpret_cast<PCRE2_SPTR>(word.data()), word.size(), start,
                                  PCRE2_NO_UTF_CHECK, data, context);
    if (found <= 0) break;
    const PCRE2_SIZE* ends = pcre2_get_ovector_pointer(data);
    if (ends[1] <= ends[0]) {  // an empty match cuts nothing
      start = ends[0] + (on_bytes || ends[0] >= word.size() ? 1 : Utf8Size(word[ends[0]]));
      continue;
    }
    if (ends[0] > done) words->push_back(word.substr(done, ends[0] - done));
    words->push_back(word.substr(ends[0], ends[1] - ends[0]));
    done = start = ends[1];
  }
  if (done < word.size()) words->push_back(word.substr(done));
}

std::vector<std::string_view> PreTokenizer::Split(std::string_view text) const {
  std::vector<std::string_view> words;
  if (!text.empty()) words.push_back(text);
  const std::unique_ptr<pcre2_match_context, FreePcre> context(pcre2_match_context_create(nullptr));
  // The patterns of the table need a few steps per byte, so this is never reached; it bounds the work of one
  // that does, and what is left of the text is then one word.
  const size_t limit = std::min<size_t>(10'000 + 64 * text.size(), 1u << 31);
  pcre2_set_match_limit(context.get(), static_cast<uint32_t>(limit));
  for (const Pattern& pattern : patterns_) {
    const std::unique_ptr<pcre2_match_data, FreePcre> data(
        pcre2_match_data_create_from_pattern(pattern.code.get(), nullptr));
    std::vector<std::string_view> cut;
    cut.reserve(words.size() * 2);
    for (std::string_view word : words) pattern.Split(word, data.get(), context.get(), &cut);
    words = std::move(cut);
  }
  return words;
}

}  // namespace tern
