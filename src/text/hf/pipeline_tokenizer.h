#pragma once
// PipelineTokenizer: a tokenizer of Hugging Face: normalizer, pre-tokenizer, model, decoder.

#include <memory>

#include "text/hf/decoders.h"
#include "text/hf/normalizers.h"
#include "text/hf/pre_tokenizers.h"
#include "text/vocabulary_tokenizer.h"
#include "text/word_model.h"

namespace tern {

struct Pipeline {
  Vocabulary vocabulary{};  // special tokens are control tokens, other added ones are user-defined
  AddedTokens added{"added_tokens", /*folds_spaces=*/false};             // matched in texts as they come
  AddedTokens normalized_added{"added_tokens", /*folds_spaces=*/false};  // matched in normalized text
  TextNormalizer normalizer{};
  WordSplitter splitter{};
  std::unique_ptr<const WordModel> model{};
  PieceDecoder decoder{};
  InputShape shape{};
};

class PipelineTokenizer final : public VocabularyTokenizer {
 public:
  explicit PipelineTokenizer(Pipeline pipeline);
  bool strips_leading_space() const override { return decoder_.strips_leading_space(); }

 protected:
  void EncodePlain(const PlainText& plain, std::vector<int32_t>* ids) const override;
  void AppendPlainPiece(int32_t id, std::string* out) const override;

 private:
  void EncodeNormalized(std::string_view text, bool begins_input, std::vector<int32_t>* ids) const;

  AddedTokens normalized_added_;
  TextNormalizer normalizer_;
  WordSplitter splitter_;
  std::unique_ptr<const WordModel> model_;
  PieceDecoder decoder_;
};

}  // namespace tern
