// BPE on characters, with merges (tokenizer.ggml.model = gemma4, and some names of tokenizer.ggml.pre):
// spaces become U+2581, the text begins as its characters, and pairs merge in the order of
// tokenizer.ggml.merges. A character without a token falls back to byte tokens. In the pre-tokenizer
// "whitespace", white space divides words and is dropped.

#include "text/space_marked_bpe.h"

#include <fmt/format.h>

#include <algorithm>

#include "text/bpe_builder.h"
#include "text/byte_alphabet.h"
#include "text/char_class.h"
#include "text/utf8.h"
#include "text/vocabulary_tokenizer.h"

namespace tern {
namespace {

constexpr std::string_view kPreKey = "tokenizer.ggml.pre";
constexpr std::string_view kDropsSpaces = "whitespace";
constexpr std::string_view kMarksSpaces[] = {"gemma4", "granite-embed-multi-311m", "sarvam-moe"};

// Appends the words between white space.
void SplitAtWhiteSpace(std::string_view text, std::vector<std::string_view>* words) {
  size_t begin = 0;
  for (size_t i = 0; i < text.size();) {
    const size_t end = i + Utf8Size(text[i]);
    if (IsWhiteSpace(DecodeUtf8(text.substr(i)))) {
      if (i > begin) words->push_back(text.substr(begin, i - begin));
      begin = end;
    }
    i = end;
  }
  if (begin < text.size()) words->push_back(text.substr(begin));
}

std::string Lowercased(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); i += Utf8Size(text[i]))
    AppendLowerCase(DecodeUtf8(text.substr(i)), &out);
  return out;
}

class SpaceMarkedBpe final : public VocabularyTokenizer {
 public:
  SpaceMarkedBpe(Vocabulary vocabulary, bool drops_spaces, bool lowercases)
      : VocabularyTokenizer(std::move(vocabulary), AddedTokens(kTokensKey, /*folds_spaces=*/!drops_spaces)),
        drops_spaces_(drops_spaces),
        lowercases_(lowercases) {}

  Status AddTokens(const std::vector<std::string>& merges) {
    BpeBuilder builder({.byte_fallback = true, .fuses_unknown = true, .unknown = Unknown()},
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
    std::vector<std::string_view> words;
    std::string text;
    if (drops_spaces_) {
      text = lowercases_ ? Lowercased(plain.text) : std::string(plain.text);
      SplitAtWhiteSpace(text, &words);
    } else {
      text = Replaced(plain.text, " ", kSpaceMark);
      words.push_back(text);
    }
    model_->Encode(words, ids);
  }

  void AppendPlainPiece(int32_t id, std::string* out) const override {
    const std::string_view text = vocabulary().text(id);
    if (vocabulary().kind(id) == TokenKind::kByte)
      return out->push_back(static_cast<char>(ByteOfPiece(text)));
    if (drops_spaces_) return static_cast<void>(out->append(text));
    AppendReplaced(text, kSpaceMark, " ", out);
  }

 private:
  int32_t Unknown() const {
    if (vocabulary().unknown >= 0) return vocabulary().unknown;
    for (int32_t id = 0; id < vocabulary().size(); ++id) {
      if (vocabulary().kind(id) == TokenKind::kUnknown) return id;
    }
    return -1;
  }

  Status AddToken(int32_t id, BpeBuilder* builder) {
    const std::string_view text = vocabulary().text(id);
    const TokenKind kind = vocabulary().kind(id);
    if (kind == TokenKind::kByte && ByteOfPiece(text) < 0) {
      return BadEntry(kTokensKey, static_cast<size_t>(id),
                      fmt::format("{}, expected a byte token such as <0x0A>", Shown(text)));
    }
    const bool is_control = kind == TokenKind::kControl;
    const bool reachable = !is_control && kind != TokenKind::kUnknown;
    if (!builder->AddToken(text, reachable)) {
      return BadEntry(kTokensKey, static_cast<size_t>(id),
                      fmt::format("{} is token {} already", Shown(text), builder->Find(text)));
    }
    if (text.empty() || (!is_control && kind != TokenKind::kUserDefined)) return {};
    return added_tokens()->Add(text, {.id = id, .is_control = is_control});
  }

  bool drops_spaces_, lowercases_;
  std::unique_ptr<const BpeModel> model_;
};

}  // namespace

bool IsSpaceMarkedBpe(std::string_view pre) {
  return pre == kDropsSpaces || std::ranges::find(kMarksSpaces, pre) != std::end(kMarksSpaces);
}

Result<std::unique_ptr<Tokenizer>> LoadSpaceMarkedBpe(const Metadata& metadata) {
  TERN_TRY(const std::string model, metadata.Str("tokenizer.ggml.model"));
  TERN_TRY(const std::string pre, metadata.Str(kPreKey, model));
  TERN_TRY(const bool lowercases, metadata.Bool("tokenizer.ggml.normalizer.lowercase", false));
  TERN_TRY(Vocabulary vocabulary, ReadVocabulary(metadata, {}));
  TERN_TRY(const std::vector<std::string>* merges, MergesOf(metadata));
  auto tokenizer = std::make_unique<SpaceMarkedBpe>(std::move(vocabulary), pre == kDropsSpaces, lowercases);
  TERN_TRY_STATUS(tokenizer->AddTokens(*merges));
  return std::unique_ptr<Tokenizer>(std::move(tokenizer));
}

extern const TokenizerDesc k_tokenizer_space_marked_bpe;
const TokenizerDesc k_tokenizer_space_marked_bpe = {
    .name = "gemma4", .summary = "BPE with marked spaces", .load = LoadSpaceMarkedBpe, .alias = "whitespace"};

}  // namespace tern
