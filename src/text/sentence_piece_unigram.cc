// SentencePiece Unigram (tokenizer.ggml.model = t5): the text is normalized by a table, spaces become U+2581,
// and of all ways to spell it in pieces the likeliest is taken. See https://github.com/google/sentencepiece
// (src/unigram_model.cc) for the reference.

#include <algorithm>

#include "text/byte_alphabet.h"
#include "text/sentence_piece.h"
#include "text/unigram_model.h"
#include "text/utf8.h"

namespace tern {
namespace {

constexpr double kUnknownPenalty = 10;  // below the least likely piece

class SentencePieceUnigram final : public VocabularyTokenizer {
 public:
  SentencePieceUnigram(SentencePieceParts parts, std::unique_ptr<const UnigramModel> model)
      : VocabularyTokenizer(std::move(parts.vocabulary),
                            AddedTokens(parts.pieces_key, /*folds_spaces=*/true)),
        options_(std::move(parts.options)),
        model_(std::move(model)) {}

  Status AddTokens() {
    for (int32_t id = 0; id < vocabulary().size(); ++id) {
      const TokenKind kind = vocabulary().kind(id);
      const std::string_view text = vocabulary().text(id);
      const bool is_control = kind == TokenKind::kControl;
      if (text.empty() || (!is_control && kind != TokenKind::kUserDefined)) continue;
      TERN_TRY_STATUS(added_tokens()->Add(text, {.id = id, .is_control = is_control}));
    }
    added_tokens()->Finish();
    return {};
  }

  bool strips_leading_space() const override { return options_.adds_space_prefix; }

 protected:
  void EncodePlain(const PlainText& plain, std::vector<int32_t>* ids) const override {
    model_->EncodeText(NormalizeSentencePiece(plain, options_), ids);
  }
  void AppendPlainPiece(int32_t id, std::string* out) const override {
    const std::string_view text = vocabulary().text(id);
    if (vocabulary().kind(id) == TokenKind::kByte)
      return out->push_back(static_cast<char>(ByteOfPiece(text)));
    AppendReplaced(text, kSpaceMark, " ", out);
  }

 private:
  SentencePieceOptions options_;
  std::unique_ptr<const UnigramModel> model_;
};

Result<std::unique_ptr<Tokenizer>> Load(const Metadata& metadata) {
  TERN_TRY(SentencePieceParts parts, ReadSentencePiece(metadata, {.adds_eos = true, .eos_text = "</s>"}));
  return MakeSentencePieceUnigram(std::move(parts));
}

}  // namespace

Result<std::unique_ptr<Tokenizer>> MakeSentencePieceUnigram(SentencePieceParts parts) {
  const Vocabulary& vocabulary = parts.vocabulary;
  std::vector<UnigramPiece> pieces;
  UnigramOptions options{.unknown = vocabulary.unknown, .byte_ids = {}, .in_single_precision = true};
  TERN_TRY(options.byte_ids, BytePieces(vocabulary, parts.pieces_key));
  double least = 0;
  for (int32_t id = 0; id < vocabulary.size(); ++id) {
    if (vocabulary.kind(id) == TokenKind::kUnknown && options.unknown < 0) options.unknown = id;
    if (vocabulary.kind(id) != TokenKind::kNormal) continue;
    const double score = static_cast<float>(parts.scores[static_cast<size_t>(id)]);
    least = pieces.empty() ? score : std::min(least, score);
    pieces.push_back({Replaced(vocabulary.text(id), " ", kSpaceMark), score, id});
  }
  options.unknown_score = static_cast<float>(least - kUnknownPenalty);
  auto model = std::make_unique<UnigramModel>(options, pieces);
  auto tokenizer = std::make_unique<SentencePieceUnigram>(std::move(parts), std::move(model));
  TERN_TRY_STATUS(tokenizer->AddTokens());
  return std::unique_ptr<Tokenizer>(std::move(tokenizer));
}

extern const TokenizerDesc k_tokenizer_sentence_piece_unigram;
const TokenizerDesc k_tokenizer_sentence_piece_unigram = {
    .name = "t5", .summary = "SentencePiece Unigram", .load = Load};

}  // namespace tern
