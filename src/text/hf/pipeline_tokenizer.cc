#include "text/hf/pipeline_tokenizer.h"

namespace tern {

PipelineTokenizer::PipelineTokenizer(Pipeline pipeline)
    : VocabularyTokenizer(std::move(pipeline.vocabulary), std::move(pipeline.added)),
      normalized_added_(std::move(pipeline.normalized_added)),
      normalizer_(std::move(pipeline.normalizer)),
      splitter_(std::move(pipeline.splitter)),
      model_(std::move(pipeline.model)),
      decoder_(std::move(pipeline.decoder)) {
  set_input_shape(std::move(pipeline.shape));
}

void PipelineTokenizer::EncodePlain(const PlainText& plain, std::vector<int32_t>* ids) const {
  std::string normalized;
  std::string_view text = plain.text;
  if (!normalizer_.empty()) {
    normalized = normalizer_.Run(text);
    text = normalized;
  }
  const bool begins_input = plain.before == PlainText::Border::kEdge;
  if (normalized_added_.empty()) return EncodeNormalized(text, begins_input, ids);
  const MarkedText::Range whole{0, text.size()};
  const MarkedText marked{text, std::span(&whole, plain.allows_control ? 1 : 0)};
  bool is_first = true;
  for (const AddedTokens::Part& part : normalized_added_.Split(marked)) {
    if (part.id >= 0) {
      ids->push_back(part.id);
    } else {
      EncodeNormalized(part.text, begins_input && is_first, ids);
    }
    is_first = false;
  }
}

void PipelineTokenizer::EncodeNormalized(std::string_view text, bool begins_input,
                                         std::vector<int32_t>* ids) const {
  WordList words(text, begins_input);
  splitter_.Run(&words);
  model_->Encode(words.words(), ids);
}

void PipelineTokenizer::AppendPlainPiece(int32_t id, std::string* out) const {
  *out += decoder_.Run(vocabulary().text(id), vocabulary().kind(id) == TokenKind::kUserDefined);
}

}  // namespace tern
