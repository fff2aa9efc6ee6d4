#include "engine/answer_grammar.h"

#include <algorithm>
#include <cmath>

namespace tern {
namespace {

// Adds `from` to `row` with -inf where `mask` has no bit; true: some logit that is allowed is finite.
bool MaskRow(std::span<const float> from, std::span<const uint64_t> mask, std::span<float> row) {
  bool any = false;
  for (size_t begin = 0; begin < from.size(); begin += 64) {
    const size_t end = std::min(begin + 64, from.size());
    const uint64_t bits = begin / 64 < mask.size() ? mask[begin / 64] : 0;
    if (bits == 0) {
      std::fill(row.begin() + static_cast<ptrdiff_t>(begin), row.begin() + static_cast<ptrdiff_t>(end),
                -INFINITY);
      continue;
    }
    for (size_t i = begin; i < end; ++i) row[i] = (bits >> (i - begin) & 1) != 0 ? from[i] : -INFINITY;
    any = true;
  }
  return any;
}

}  // namespace

AnswerGrammar::AnswerGrammar(std::shared_ptr<TokenMasker> masker)
    : masker_(std::move(masker)), position_(masker_->start()) {}

Result<std::span<const float>> AnswerGrammar::Mask(std::span<const float> logits) {
  TERN_TRY(const std::span<const uint64_t> mask, masker_->Mask(position_));
  row_.resize(logits.size());
  if (!MaskRow(logits, mask, row_)) {
    return Unsupported("grammar: none of the model's tokens may come next, and the answer may not end here");
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
