#pragma once
// AnswerGrammar: holds an answer to a grammar. Logits of tokens that may not come next become -inf before any
// sampler sees them; those of the others stay as they are. Not thread-safe.

#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "base/result.h"
#include "text/grammar/token_masker.h"

namespace tern {

class AnswerGrammar {
 public:
  explicit AnswerGrammar(std::shared_ptr<TokenMasker> masker);
  // The row with what is not allowed at -inf, valid until the next call. Errors: nothing is allowed and the
  // answer may not end (kUnsupported); nothing that is allowed has a finite logit (kInternal); the grammar is
  // too ambiguous here (kExhausted).
  Result<std::span<const float>> Mask(std::span<const float> logits);
  // Moves on by a token that Mask allowed.
  Status Accept(int32_t token);
  bool is_finished() const { return position_.is_finished(); }

 private:
  std::shared_ptr<TokenMasker> masker_;
  GrammarPosition position_;
  std::vector<float> row_;
};

// The maskers of a tokenizer's recent grammars: many requests have the same, and the second finds its masks
// made. Not thread-safe.
class AnswerGrammars {
 public:
  Result<AnswerGrammar> Begin(const Tokenizer& tokenizer, std::shared_ptr<const Grammar> grammar);
  static constexpr size_t kMost = 8;

 private:
  struct Entry {
    std::shared_ptr<const Grammar> grammar;
    std::shared_ptr<TokenMasker> masker;
  };
  std::shared_ptr<grammar::VocabularyIndex> vocabulary_;  // once there was a grammar
  std::vector<Entry> recent_;                             // the last used in front
};

}  // namespace tern
