// Byte-level BPE (tokenizer.ggml.model = gpt2): the text is cut into words, each word begins as its bytes,
// and pairs merge in the order of tokenizer.ggml.merges.

#include <fmt/format.h>

#include <optional>

#include "text/bpe_model.h"
#include "text/byte_alphabet.h"
#include "text/normal_form.h"
#include "text/pre_tokenizer.h"
#include "text/utf8.h"
#include "text/vocabulary_tokenizer.h"

namespace tern {
namespace {

constexpr std::string_view kTokensKey = "tokenizer.ggml.tokens";
constexpr std::string_view kMergesKey = "tokenizer.ggml.merges";

class ByteLevelBpe final : public VocabularyTokenizer {
 public:
  ByteLevelBpe(Vocabulary vocabulary, const PreTokenizerRule& rule, PreTokenizer pre_tokenizer, size_t merges)
      : VocabularyTokenizer(std::move(vocabulary), AddedTokens(kTokensKey, /*folds_spaces=*/false)),
        rule_(rule),
        pre_tokenizer_(std::move(pre_tokenizer)),
        model_({.by_bytes = true, .whole_words = rule.whole_words, .unknown = this->vocabulary().unknown},
               static_cast<size_t>(this->vocabulary().size()), merges) {}

  Status AddTokens() {
    for (int32_t id = 0; id < vocabulary().size(); ++id) TERN_TRY_STATUS(AddToken(id));
    model_.Finish();
    added_tokens()->Finish();
    return {};
  }

  Status AddMerges(const std::vector<std::string>& merges) {
    for (size_t rank = 0; rank < merges.size(); ++rank) {
      const std::string_view merge = merges[rank];
      const size_t space = merge.find(' ', 1);
      if (space == std::string_view::npos || space + 1 == merge.size()) {
        return BadEntry(kMergesKey, rank, fmt::format("{}, expected two tokens and a space", Shown(merge)));
      }
      const std::string_view left = merge.substr(0, space), right = merge.substr(space + 1);
      std::string bytes;
      if (AppendSpelledBytes(left, &bytes)) {
        const size_t cut = bytes.size();
        if (AppendSpelledBytes(right, &bytes) && AddMerge(bytes, cut, static_cast<uint32_t>(rank))) continue;
      }
      TERN_TRY_STATUS(CheckUnreachable(left, right, rank));
    }
    all_texts_.reset();
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
    model_.Encode(pre_tokenizer_.Split(text), ids);
  }

  void AppendPlainPiece(int32_t id, std::string* out) const override { out->append(model_.key(id)); }

 private:
  Status AddToken(int32_t id) {
    const std::string_view text = vocabulary().text(id);
    const TokenKind kind = vocabulary().kind(id);
    const bool is_control = kind == TokenKind::kControl;
    if (is_control || kind == TokenKind::kUserDefined) {
      model_.AddKey(text, false);
      // What fills a vocabulary up to a round size was never in the published one.
      if (text.empty() || text == fmt::format("[PAD{}]", id)) return {};
      const bool strips_left = rule_.mask_strips_left && text == "<mask>";
      return added_tokens()->Add(text, {.id = id, .is_control = is_control, .strips_left = strips_left});
    }
    std::string bytes;
    if (!AppendSpelledBytes(text, &bytes)) {  // no text leads to it
      model_.AddKey(text, false);
      return {};
    }
    if (model_.AddKey(bytes, kind != TokenKind::kUnknown)) return {};
    return BadEntry(kTokensKey, static_cast<size_t>(id),
                    fmt::format("{} is token {} already", Shown(text), model_.Find(bytes)));
  }

  // False: not all three tokens are such as text may reach.
  bool AddMerge(std::string_view bytes, size_t cut, uint32_t rank) {
    const int32_t left = model_.Find(bytes.substr(0, cut)), right = model_.Find(bytes.substr(cut));
    const int32_t id = model_.Find(bytes);
    if (left < 0 || right < 0 || id < 0) return false;
    model_.AddMerge(left, right, {rank, id}, /*replaces=*/false);
    return true;
  }

  // A merge to or from a control token is passed over: text must not spell one. One that names no token is
  // wrong.
  Status CheckUnreachable(std::string_view left, std::string_view right, size_t rank) {
    if (!all_texts_) {
      all_texts_.emplace(vocabulary().texts, static_cast<size_t>(vocabulary().size()));
      for (int32_t id = 0; id < vocabulary().size(); ++id) all_texts_->Insert(id);
    }
    for (const std::string& text :
         {std::string(left), std::string(right), std::string(left) + std::string(right)}) {
      if (all_texts_->Find(text) >= 0) continue;
      return BadEntry(kMergesKey, rank, fmt::format("{} is not in tokenizer.ggml.tokens", Shown(text)));
    }
    return {};
  }

  PreTokenizerRule rule_;
  PreTokenizer pre_tokenizer_;
  BpeModel model_;  // keys: normal tokens as bytes, the others as they are spelled, unreachable
  std::optional<PieceIndex> all_texts_;  // of every token; only while merges are read, and only if one is odd
};

// GPT-NeoX files from before the key exist in number; all that lack it cut as GPT-2.
Result<const PreTokenizerRule*> RuleOf(const Metadata& metadata) {
  if (metadata.Has("tokenizer.ggml.pre")) {
    TERN_TRY(const std::string name, metadata.Str("tokenizer.ggml.pre"));
    return FindPreTokenizerRule(name);
  }
  TERN_TRY(const std::string architecture, metadata.Str("general.architecture", ""));
  return FindPreTokenizerRule(architecture == "gptneox" ? "gpt-neox" : "gpt-2");
}

Result<std::unique_ptr<Tokenizer>> Load(const Metadata& metadata) {
  TERN_TRY(const PreTokenizerRule* rule, RuleOf(metadata));
  TERN_TRY(Vocabulary vocabulary, ReadVocabulary(metadata, {.adds_bos = rule->adds_bos}));
  TERN_TRY(PreTokenizer pre_tokenizer, PreTokenizer::Compile(rule->cuts));
  const std::vector<std::string>* merges = metadata.Strings(kMergesKey);
  if (merges == nullptr) return BadInput(fmt::format("{}: missing or not an array of strings", kMergesKey));
  auto tokenizer =
      std::make_unique<ByteLevelBpe>(std::move(vocabulary), *rule, std::move(pre_tokenizer), merges->size());
  TERN_TRY_STATUS(tokenizer->AddTokens());
  TERN_TRY_STATUS(tokenizer->AddMerges(*merges));
  return std::unique_ptr<Tokenizer>(std::move(tokenizer));
}

}  // namespace

extern const TokenizerDesc k_tokenizer_byte_level_bpe;
const TokenizerDesc k_tokenizer_byte_level_bpe = {.name = "gpt2", .summary = "byte-level BPE", .load = Load};

}  // namespace tern
