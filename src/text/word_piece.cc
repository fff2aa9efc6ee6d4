// WordPiece (tokenizer.ggml.model = bert): text is cleaned, lower-cased and cut at white space and
// punctuation; each word is spelled by the longest pieces. In the file, pieces that begin a word begin with
// U+2581.

#include <fmt/format.h>

#include "text/bert_text.h"
#include "text/utf8.h"
#include "text/vocabulary_tokenizer.h"
#include "text/word_piece_model.h"

namespace tern {
namespace {

class WordPiece final : public VocabularyTokenizer {
 public:
  WordPiece(Vocabulary vocabulary, const BertOptions& options)
      : VocabularyTokenizer(std::move(vocabulary), AddedTokens(kTokensKey, /*folds_spaces=*/false)),
        options_(options) {}

  Status AddTokens() {
    std::vector<PrefixTrie::Entry> beginnings, continuations;
    for (int32_t id = 0; id < vocabulary().size(); ++id) {
      std::string_view text = vocabulary().text(id);
      const TokenKind kind = vocabulary().kind(id);
      const bool is_control = kind == TokenKind::kControl;
      if (text.empty()) continue;
      if (is_control || kind == TokenKind::kUserDefined) {
        TERN_TRY_STATUS(added_tokens()->Add(text, {.id = id, .is_control = is_control}));
      } else if (!text.starts_with(kSpaceMark)) {
        continuations.push_back({text, id});
      } else if (text.remove_prefix(kSpaceMark.size()); !text.empty()) {
        beginnings.push_back({text, id});
      }
    }
    added_tokens()->Finish();
    model_ = std::make_unique<WordPieceModel>(WordPieceOptions{.unknown = vocabulary().unknown},
                                              std::move(beginnings), std::move(continuations));
    return {};
  }

  bool strips_leading_space() const override { return true; }

 protected:
  void EncodePlain(const PlainText& plain, std::vector<int32_t>* ids) const override {
    const std::string text = NormalizeBert(plain.text, options_);
    std::vector<std::string_view> words;
    SplitBert(text, &words);
    model_->Encode(words, ids);
  }
  void AppendPlainPiece(int32_t id, std::string* out) const override {
    std::string_view text = vocabulary().text(id);
    if (text.starts_with(kSpaceMark)) {
      out->push_back(' ');
      text.remove_prefix(kSpaceMark.size());
    }
    out->append(text);
  }

 private:
  BertOptions options_;
  std::unique_ptr<const WordPieceModel> model_;
};

// The id under the first of the keys that is there, or -1.
Result<int32_t> FirstId(const Metadata& metadata, std::initializer_list<std::string_view> keys,
                        int32_t size) {
  for (std::string_view key : keys) {
    if (!metadata.Has(key)) continue;
    TERN_TRY(const int64_t id, metadata.Int(key));
    if (id >= 0 && id < size) return static_cast<int32_t>(id);
    return BadInput(fmt::format("{}: {}, expected an id below {}", key, id, size));
  }
  return -1;
}

Result<std::unique_ptr<Tokenizer>> Load(const Metadata& metadata) {
  TERN_TRY(Vocabulary vocabulary, ReadVocabulary(metadata, {.adds_bos = true, .adds_eos = true}));
  const int32_t size = vocabulary.size();
  TERN_TRY(const int32_t begin,
           FirstId(metadata, {"tokenizer.ggml.cls_token_id", "tokenizer.ggml.bos_token_id"}, size));
  // The key is misspelled in files of some years.
  TERN_TRY(const int32_t separator,
           FirstId(metadata,
                   {"tokenizer.ggml.seperator_token_id", "tokenizer.ggml.separator_token_id",
                    "tokenizer.ggml.eos_token_id"},
                   size));
  TERN_TRY(const bool begins, metadata.Bool("tokenizer.ggml.add_bos_token", true));
  TERN_TRY(const bool ends, metadata.Bool("tokenizer.ggml.add_eos_token", true));
  vocabulary.bos = begin;
  vocabulary.eos = separator;
  BertOptions options;
  TERN_TRY(options.lowercases, metadata.Bool("tokenizer.ggml.normalizer.lowercase", true));
  TERN_TRY(options.strips_accents,
           metadata.Bool("tokenizer.ggml.normalizer.strip_accents", options.lowercases));
  auto tokenizer = std::make_unique<WordPiece>(std::move(vocabulary), options);
  TERN_TRY_STATUS(tokenizer->AddTokens());
  tokenizer->set_input_shape(ShapeOf(begins ? begin : -1, ends ? separator : -1, /*ends_between=*/1));
  return std::unique_ptr<Tokenizer>(std::move(tokenizer));
}

}  // namespace

extern const TokenizerDesc k_tokenizer_word_piece;
const TokenizerDesc k_tokenizer_word_piece = {.name = "bert", .summary = "WordPiece", .load = Load};

}  // namespace tern
