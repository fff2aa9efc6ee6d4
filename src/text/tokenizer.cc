#include "text/tokenizer.h"

#include <fmt/format.h>

#include <algorithm>

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
    if (model == desc->name.value || model == desc->alias) return desc->load.value(metadata);
    known += fmt::format("{}{} ({})", known.empty() ? "" : ", ", desc->name.value, desc->summary.value);
  }
  return Unsupported(fmt::format("tokenizer.ggml.model: {}, expected one of {}", Shown(model), known));
}

bool Tokenizer::adds_bos() const {
  const InputPart& first = input_shape().single.front();
  return first.kind == InputPart::Kind::kToken && first.id == bos();
}

bool Tokenizer::adds_eos() const {
  const InputPart& last = input_shape().single.back();
  return last.kind == InputPart::Kind::kToken && last.id == eos();
}

std::vector<int32_t> EncodeInput(const Tokenizer& tokenizer, std::string_view text, bool parse_special) {
  std::vector<int32_t> ids;
  for (const InputPart& part : tokenizer.input_shape().single) {
    if (part.kind == InputPart::Kind::kToken) {
      ids.push_back(part.id);
    } else {
      tokenizer.Encode(text, parse_special, &ids);
    }
  }
  return ids;
}

PairInput EncodePair(const Tokenizer& tokenizer, std::string_view first, std::string_view second) {
  PairInput input;
  for (const InputPart& part : tokenizer.input_shape().pair) {
    if (part.kind == InputPart::Kind::kToken) {
      input.ids.push_back(part.id);
    } else {
      tokenizer.Encode(part.kind == InputPart::Kind::kFirst ? first : second, false, &input.ids);
    }
    input.types.resize(input.ids.size(), part.type);
  }
  return input;
}

std::vector<int32_t> EncodeSegments(const Tokenizer& tokenizer, std::span<const TextSegment> segments) {
  std::vector<int32_t> ids;
  for (const InputPart& part : tokenizer.input_shape().single) {
    if (part.kind != InputPart::Kind::kToken) break;
    ids.push_back(part.id);
  }
  const size_t before = ids.size();
  tokenizer.EncodeJoined(segments, &ids);
  const std::span prefix = std::span(ids).first(before), rest = std::span(ids).subspan(before);
  if (rest.size() >= before && std::ranges::equal(prefix, rest.first(before)))
    ids.erase(ids.begin(), ids.begin() + static_cast<ptrdiff_t>(before));
  return ids;
}

std::vector<int32_t> EncodeWhole(const Tokenizer& tokenizer, std::span<const TextSegment> segments) {
  std::vector<int32_t> ids = EncodeSegments(tokenizer, segments);
  bool behind = false;
  for (const InputPart& part : tokenizer.input_shape().single) {
    const bool is_token = part.kind == InputPart::Kind::kToken;
    if (is_token && behind) ids.push_back(part.id);
    behind = behind || !is_token;
  }
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
