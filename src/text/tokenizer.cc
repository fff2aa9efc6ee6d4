#include "text/tokenizer.h"

#include <fmt/format.h>

#include "text/utf8.h"
#include "text/vocabulary_tokenizer.h"

namespace tern {

#define TOKENIZER(name) extern const TokenizerDesc k_tokenizer_##name;
#include "text/tokenizers.list"
#undef TOKENIZER

namespace {

constexpr size_t kMaxHeld = 3;  // bytes of a character whose end is missing

constexpr const TokenizerDesc* kTokenizers[] = {
#define TOKENIZER(name) &k_tokenizer_##name,
#include "text/tokenizers.list"
#undef TOKENIZER
};

}  // namespace

Result<std::unique_ptr<Tokenizer>> LoadTokenizer(const Metadata& metadata) {
  TERN_TRY(const std::string model, metadata.Str("tokenizer.ggml.model"));
  std::string known;
  for (const TokenizerDesc* desc : kTokenizers) {
    if (model == desc->name.value) return desc->load.value(metadata);
    known += fmt::format("{}{} ({})", known.empty() ? "" : ", ", desc->name.value, desc->summary.value);
  }
  return Unsupported(fmt::format("tokenizer.ggml.model: {}, expected one of {}", Shown(model), known));
}

std::vector<int32_t> EncodeSegments(const Tokenizer& tokenizer, std::span<const TextSegment> segments) {
  std::vector<int32_t> ids;
  if (tokenizer.adds_bos()) ids.push_back(tokenizer.bos());
  tokenizer.EncodeJoined(segments, &ids);
  if (tokenizer.adds_bos() && ids.size() > 1 && ids[1] == tokenizer.bos()) ids.erase(ids.begin());
  return ids;
}

Detokenizer::Detokenizer(const Tokenizer& tokenizer, bool with_special)
    : tokenizer_(&tokenizer), with_special_(with_special) {
  pending_.reserve(kMaxHeld + tokenizer.longest_piece());
}

// Every byte may turn out to be invalid.
size_t Detokenizer::max_text() const {
  return (kMaxHeld + tokenizer_->longest_piece()) * kReplacementCharacter.size();
}

void Detokenizer::Push(int32_t id, std::string* out) {
  const size_t held = pending_.size();
  tokenizer_->AppendPiece(id, with_special_, &pending_);
  if (first_ && pending_.size() > held && !tokenizer_->IsControl(id)) {
    first_ = false;
    if (tokenizer_->strips_leading_space() && pending_[held] == ' ') pending_.erase(held, 1);
  }
  std::string_view rest = pending_;
  while (!rest.empty()) {
    const Utf8Step step = NextUtf8(rest);
    if (step.kind == Utf8Step::kIncomplete) break;
    out->append(step.kind == Utf8Step::kCharacter ? rest.substr(0, step.size) : kReplacementCharacter);
    rest.remove_prefix(step.size);
  }
  pending_.erase(0, pending_.size() - rest.size());
}

void Detokenizer::Flush(std::string* out) {
  AppendValidUtf8(pending_, out);
  pending_.clear();
}

}  // namespace tern
