#include "text/regex.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <fmt/format.h>
#include <pcre2.h>

#include <algorithm>

#include "text/char_class.h"
#include "text/oniguruma.h"
#include "text/published_patterns.h"
#include "text/scratch_pool.h"
#include "text/utf8.h"
#include "text/vocabulary.h"

namespace tern {
namespace pcre {

struct FreePcre {
  void operator()(pcre2_code* code) const { pcre2_code_free(code); }
  void operator()(pcre2_match_data* data) const { pcre2_match_data_free(data); }
  void operator()(pcre2_match_context* context) const { pcre2_match_context_free(context); }
  void operator()(pcre2_jit_stack* stack) const { pcre2_jit_stack_free(stack); }
};

// What the just-in-time code may put on its stack before the interpreter takes over.
constexpr size_t kJitStackBytes = size_t{4} << 20;
constexpr size_t kMaxPatternBytes = 16 * 1024;
constexpr uint32_t kHeapKib = 64 * 1024;

// Work of all searches in one text together. PCRE2's own limits begin anew at every character.
struct Work {
  size_t left;
  size_t position = 0;
};

// Called at every step of a counted pattern.
int Count(pcre2_callout_block* at, void* data) {
  auto* work = static_cast<Work*>(data);
  const size_t here = at->current_position;
  const size_t steps = 1 + (here > work->position ? here - work->position : work->position - here);
  work->position = here;
  if (steps > work->left) return PCRE2_ERROR_CALLOUT;
  work->left -= steps;
  return 0;
}

// What a search needs besides the pattern.
struct Scratch {
  Scratch()
      : data(pcre2_match_data_create(1, nullptr)),
        context(pcre2_match_context_create(nullptr)),
        stack(pcre2_jit_stack_create(32 * 1024, kJitStackBytes, nullptr)) {
    pcre2_jit_stack_assign(context.get(), nullptr, stack.get());
    pcre2_set_heap_limit(context.get(), kHeapKib);
  }
  std::unique_ptr<pcre2_match_data, FreePcre> data;
  std::unique_ptr<pcre2_match_context, FreePcre> context;
  std::unique_ptr<pcre2_jit_stack, FreePcre> stack;
};

}  // namespace pcre

struct Regex::Compiled {
  int Search(std::string_view text, size_t start, const pcre::Scratch& scratch) const;
  std::unique_ptr<pcre2_code, pcre::FreePcre> code;
  bool has_jit;
  RegexOptions options;
  ScratchPool<pcre::Scratch> pool;
};

Regex::Regex(std::unique_ptr<Compiled> compiled) : compiled_(std::move(compiled)) {}
Regex::Regex(Regex&&) noexcept = default;
Regex& Regex::operator=(Regex&&) noexcept = default;
Regex::~Regex() = default;

Result<Regex> Regex::Compile(std::string_view pattern, RegexOptions options) {
  if (pattern.size() > pcre::kMaxPatternBytes) {
    return BadInput(
        fmt::format("a pattern of {} bytes, expected at most {}", pattern.size(), pcre::kMaxPatternBytes));
  }
  std::string text(pattern);
  uint32_t flags = 0;
  if (!options.on_bytes) {
    TERN_TRY(text, PcreFromOniguruma(LinearForm(pattern)));
    flags = PCRE2_UTF | PCRE2_UCP | PCRE2_MULTILINE | PCRE2_NEVER_BACKSLASH_C;
  }
  if (!options.is_linear) flags |= PCRE2_AUTO_CALLOUT;
  int error = 0;
  PCRE2_SIZE at = 0;
  pcre2_code* code =
      pcre2_compile(reinterpret_cast<PCRE2_SPTR>(text.data()), text.size(), flags, &error, &at, nullptr);
  if (code == nullptr) {
    PCRE2_UCHAR message[120] = {};
    pcre2_get_error_message(error, message, sizeof(message));
    return BadInput(fmt::format("pattern {}: {}", Shown(pattern), reinterpret_cast<const char*>(message)));
  }
  auto compiled = std::make_unique<Compiled>();
  compiled->code.reset(code);
  // Where the system allows no just-in-time code, the interpreter gives the same matches, slower.
  compiled->has_jit = pcre2_jit_compile(code, PCRE2_JIT_COMPLETE) == 0;
  compiled->options = options;
  return Regex(std::move(compiled));
}

int Regex::Compiled::Search(std::string_view text, size_t start, const pcre::Scratch& scratch) const {
  const auto* subject = reinterpret_cast<PCRE2_SPTR>(text.data());
  int found = PCRE2_ERROR_JIT_STACKLIMIT;
  if (has_jit) {
    found = pcre2_jit_match(code.get(), subject, text.size(), start, 0, scratch.data.get(),
                            scratch.context.get());
  }
  if (found != PCRE2_ERROR_JIT_STACKLIMIT) return found;
  return pcre2_match(code.get(), subject, text.size(), start, PCRE2_NO_JIT | PCRE2_NO_UTF_CHECK,
                     scratch.data.get(), scratch.context.get());
}

struct RegexSearch::State {
  const Regex::Compiled* pattern;
  ScratchPool<pcre::Scratch>::Lease scratch;
  pcre::Work work;
};

RegexSearch::RegexSearch(const Regex& pattern, size_t text_bytes)
    : state_(new State{pattern.compiled_.get(),
                       pattern.compiled_->pool.Take(),
                       {.left = kFreeSteps + kStepsPerByte * text_bytes}}) {
  pcre2_set_callout(state_->scratch->context.get(), pcre::Count, &state_->work);
}
RegexSearch::~RegexSearch() = default;

void RegexSearch::FindAll(std::string_view word, std::vector<TextRange>* matches) {
  const Regex::Compiled& pattern = *state_->pattern;
  std::string older;
  if (!pattern.options.on_bytes && HasNewerCharacters(word)) {
    older = WithOlderCharacters(word);
    word = older;
  }
  const PCRE2_SIZE* ends = pcre2_get_ovector_pointer(state_->scratch->data.get());
  size_t start = 0;
  size_t last = ~size_t{0};  // where the last match ended
  while (start <= word.size()) {
    if (pattern.Search(word, start, *state_->scratch) < 0) break;
    const size_t begin = ends[0], end = ends[1];
    if (begin < start || end < begin) break;  // \K can do that
    if (end > begin) {
      matches->push_back({static_cast<uint32_t>(begin), static_cast<uint32_t>(end)});
      start = last = end;
      continue;
    }
    if (begin != last) matches->push_back({static_cast<uint32_t>(begin), static_cast<uint32_t>(begin)});
    if (begin >= word.size()) break;
    start = begin + (pattern.options.on_bytes ? 1 : Utf8Size(word[begin]));
  }
}

}  // namespace tern
