// Byte-level BPE (tokenizer.ggml.model = gpt2): the text is cut into words, each word begins as its bytes,
// and pairs merge in the order of tokenizer.ggml.merges.

#include <fmt/format.h>

#include "text/bpe_builder.h"
#include "text/byte_alphabet.h"
#include "text/normal_form.h"
#include "text/pre_tokenizer.h"
#include "text/space_marked_bpe.h"
#include "text/utf8.h"
#include "text/vocabulary_tokenizer.h"

namespace tern {
namespace {

class ByteLevelBpe final : public VocabularyTokenizer {
 public:
  ByteLevelBpe(Vocabulary vocabulary, const PreTokenizerRule& rule, PreTokenizer pre_tokenizer)
      : VocabularyTokenizer(std::move(vocabulary), AddedTokens(kTokensKey, /*folds_spaces=*/false)),
        rule_(rule),
        pre_tokenizer_(std::move(pre_tokenizer)) {}

  Status AddTokens(const std::vector<std::string>& merges) {
    // Bytes without a token are left out, as published: unknown_token_id is that of a control token most
    // often, which no text may become.
    BpeBuilder builder({.by_bytes = true, .whole_words = rule_.whole_words},
                       static_cast<size_t>(vocabulary().size()), merges.size());
    for (int32_t id = 0; id < vocabulary().size(); ++id) TERN_TRY_STATUS(AddToken(id, &builder));
    TERN_TRY_STATUS(builder.AddMerges(merges));
    model_ = builder.Finish();
    added_tokens()->Finish();
    return {};
  }

  bool strips_leading_space() const override { return false; }

 protected:
  void EncodePlain(const PlainText& plain, std::vector<int32_t>* ids) const override {
    std::string_view text = plain.text;
    std::string normalized;
    if (rule_.nfc) {
      normalized = Normalize(NormalForm::kC, text);
      text = normalized;
    }
    model_->Encode(pre_tokenizer_.Split(text), ids);
  }

  void AppendPlainPiece(int32_t id, std::string* out) const override {
    const std::string_view text = vocabulary().text(id);
    const size_t before = out->size();
    if (vocabulary().kind(id) != TokenKind::kUserDefined && AppendSpelledBytes(text, out)) return;
    out->resize(before);
    out->append(text);
  }

 private:
  Status AddToken(int32_t id, BpeBuilder* builder) {
    const std::string_view text = vocabulary().text(id);
    const TokenKind kind = vocabulary().kind(id);
    const bool is_control = kind == TokenKind::kControl;
    const bool is_added = is_control || kind == TokenKind::kUserDefined;
    if (!builder->AddToken(text, !is_added && kind != TokenKind::kUnknown)) {
      return BadEntry(kTokensKey, static_cast<size_t>(id),
                      fmt::format("{} is token {} already", Shown(text), builder->Find(text)));
    }
    if (!is_added || text.empty() || vocabulary().IsFiller(id)) return {};
    return added_tokens()->Add(text,
                               {.id = id, .is_control = is_control, .strips_left = rule_.StripsLeft(text)});
  }

  PreTokenizerRule rule_;
  PreTokenizer pre_tokenizer_;
  std::unique_ptr<const BpeModel> model_;
};

Result<std::unique_ptr<Tokenizer>> Load(const Metadata& metadata) {
  TERN_TRY(const std::string pre, metadata.Str("tokenizer.ggml.pre", ""));
  if (IsSpaceMarkedBpe(pre)) return LoadSpaceMarkedBpe(metadata);
  TERN_TRY(const PreTokenizerRule* rule, FindPreTokenizerRule(metadata));
  TERN_TRY(Vocabulary vocabulary, ReadVocabulary(metadata, {.adds_bos = rule->adds_bos}));
  TERN_TRY(PreTokenizer pre_tokenizer, PreTokenizer::Compile(rule->cuts));
  TERN_TRY(const std::vector<std::string>* merges, MergesOf(metadata));
  auto tokenizer = std::make_unique<ByteLevelBpe>(std::move(vocabulary), *rule, std::move(pre_tokenizer));
  TERN_TRY_STATUS(tokenizer->AddTokens(*merges));
  if (rule->mask_strips_left && tokenizer->adds_bos() && tokenizer->adds_eos()) {
    tokenizer->set_input_shape(ShapeOf(tokenizer->bos(), tokenizer->eos(), /*ends_between=*/2));
  }
  return std::unique_ptr<Tokenizer>(std::move(tokenizer));
}

}  // namespace

extern const TokenizerDesc k_tokenizer_byte_level_bpe;
const TokenizerDesc k_tokenizer_byte_level_bpe = {.name = "gpt2", .summary = "byte-level BPE", .load = Load};

}  // namespace tern
