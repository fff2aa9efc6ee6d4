#include "engine/answer_grammar.h"

#include <algorithm>
#include <cmath>

namespace tern {
namespace {

struct MaskedRow {
  bool has_allowed = false, has_finite = false;  // some token is allowed; some of these have a finite logit
};

// Copies `from` to `row`, with -inf where `mask` has no bit.
MaskedRow MaskRow(std::span<const float> from, std::span<const uint64_t> mask, std::span<float> row) {
  MaskedRow found;
  for (size_t begin = 0; begin < from.size(); begin += 64) {
    const size_t size = std::min<size_t>(64, from.size() - begin);
    uint64_t bits = begin / 64 < mask.size() ? mask[begin / 64] : 0;
    if (size < 64) bits &= (uint64_t{1} << size) - 1;
    const std::span<float> to = row.subspan(begin, size);
    if (bits == 0) {
      std::ranges::fill(to, -INFINITY);
      continue;
    }
    for (size_t i = 0; i < size; ++i) to[i] = (bits >> i & 1) != 0 ? from[begin + i] : -INFINITY;
    found.has_allowed = true;
    if (!found.has_finite)
      found.has_finite = std::ranges::any_of(to, [](float x) { return std::isfinite(x); });
  }
  return found;
}

}  // namespace

AnswerGrammar::AnswerGrammar(std::shared_ptr<TokenMasker> masker)
    : masker_(std::move(masker)), position_(masker_->start()) {}

Result<std::span<const float>> AnswerGrammar::Mask(std::span<const float> logits) {
  TERN_TRY(const std::span<const uint64_t> mask, masker_->Mask(position_));
  row_.resize(logits.size());
  const MaskedRow found = MaskRow(logits, mask, row_);
  if (!found.has_allowed) {
    return Unsupported("grammar: none of the model's tokens may come next, and the answer may not end here");
  }
  if (!found.has_finite) {
    return Error{Code::kInternal, "grammar: of the tokens that may come next none has a finite logit"};
  }
  return std::span<const float>(row_);
}

Status AnswerGrammar::Accept(int32_t token) {
  TERN_TRY(const bool accepted, masker_->Accept(&position_, token));
  if (!accepted) return Error{Code::kInternal, "grammar: a token was chosen that is not allowed"};
  return {};
}

Result<AnswerGrammar> AnswerGrammars::Begin(const Tokenizer& tokenizer,
                                            std::shared_ptr<const Grammar> grammar) {
  if (vocabulary_ == nullptr) vocabulary_ = std::make_shared<grammar::VocabularyIndex>(tokenizer);
  const auto found =
      std::find_if(recent_.begin(), recent_.end(), [&](const Entry& e) { return e.grammar == grammar; });
  Entry entry{grammar, nullptr};
  if (found != recent_.end()) {
    if (!found->masker->is_worn()) entry = *found;
    recent_.erase(found);
  }
  if (entry.masker == nullptr) {
    TERN_TRY(entry.masker, TokenMasker::Make(grammar, vocabulary_));
  }
  recent_.insert(recent_.begin(), entry);
  if (recent_.size() > kMost) recent_.pop_back();
  return AnswerGrammar(entry.masker);
}

}  // namespace tern
