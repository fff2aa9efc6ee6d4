// SentencePiece BPE (tokenizer.ggml.model = llama): spaces become U+2581, the text begins as its characters,
// and of all neighbours that make a piece those with the highest score merge first. A character without a
// piece falls back to byte tokens. See BPE in https://github.com/google/sentencepiece (src/bpe_model.cc) for
// the reference.

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <map>

#include "text/merge_symbols.h"
#include "text/utf8.h"
#include "text/vocabulary_tokenizer.h"

namespace tern {
namespace {

constexpr std::string_view kScoresKey = "tokenizer.ggml.scores";
constexpr std::string_view kTokensKey = "tokenizer.ggml.tokens";

void AppendReplaced(std::string_view text, std::string_view from, std::string_view to, std::string* out) {
  for (;;) {
    const size_t at = text.find(from);
    out->append(text.substr(0, at));
    if (at == std::string_view::npos) return;
    out->append(to);
    text.remove_prefix(at + from.size());
  }
}

std::string SpacesMarked(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  AppendReplaced(text, " ", kSpaceMark, &out);
  return out;
}

// Numbers in the reverse order of scores, so that the lowest merges first.
uint32_t OrderOf(float score) {
  const auto bits = std::bit_cast<uint32_t>(score + 0.0f);  // -0 and 0 are one score
  const uint32_t ascending = (bits & 0x80000000u) ? ~bits : bits | 0x80000000u;
  return ~ascending;
}

// "<0xE2>" -> 0xE2; -1 if it is something else.
int ByteOf(std::string_view text) {
  if (text.size() != 6 || text.substr(0, 3) != "<0x" || text[5] != '>') return -1;
  int byte = 0;
  for (char digit : text.substr(3, 2)) {
    const size_t value = std::string_view("0123456789ABCDEF").find(digit);
    if (value == std::string_view::npos) return -1;
    byte = byte * 16 + static_cast<int>(value);
  }
  return byte;
}

struct SentencePieceOptions {
  bool adds_space_prefix = true;
  bool removes_extra_spaces = false;
  bool is_phi3 = false;
};

class SentencePieceBpe final : public VocabularyTokenizer {
 public:
  SentencePieceBpe(Vocabulary vocabulary, const SentencePieceOptions& options)
      : VocabularyTokenizer(std::move(vocabulary), AddedTokens(/*folds_spaces=*/true)),
        options_(options),
        index_(keys_, static_cast<size_t>(this->vocabulary().size())) {
    byte_ids_.fill(-1);
  }

  Status AddTokens(const std::vector<double>& scores) {
    unknown_ = vocabulary().unknown;
    for (int32_t id = 0; id < vocabulary().size(); ++id) {
      const double score = scores[static_cast<size_t>(id)];
      if (!std::isfinite(score)) return BadEntry(kScoresKey, static_cast<size_t>(id), "not a finite number");
      orders_.push_back(OrderOf(static_cast<float>(score)));
      TERN_TRY_STATUS(AddToken(id));
    }
    return {};
  }

  bool strips_leading_space() const override { return options_.adds_space_prefix; }

 protected:
  void EncodePlain(std::string_view text, std::vector<int32_t>* ids) const override {
    const std::string escaped = Escaped(text);
    std::vector<Symbol> symbols;
    bool after_unknown = false;
    for (std::string_view rest = escaped; !rest.empty();) {
      const std::string_view word = rest.substr(0, WordSize(rest));
      after_unknown = EncodeWord(word, after_unknown, &symbols, ids);
      rest.remove_prefix(word.size());
    }
  }

  void AppendPlainPiece(int32_t id, std::string* out) const override {
    const std::string_view text = vocabulary().text(id);
    if (vocabulary().kind(id) == TokenKind::kByte) return out->push_back(static_cast<char>(ByteOf(text)));
    AppendReplaced(text, kSpaceMark, " ", out);
  }

 private:
  // Pieces of kind "unused" that a merge made, and how many bytes of them were the left part. They help to
  // make longer pieces; those that remain are taken apart again.
  using Unmerged = std::map<std::string_view, uint32_t>;

  // The bytes up to the first space that no merge joins to what is in front of it.
  size_t WordSize(std::string_view text) const {
    size_t at = 0;
    for (;;) {
      while (text.substr(at).starts_with(kSpaceMark)) at += kSpaceMark.size();
      at = text.find(kSpaceMark, at);
      if (at == std::string_view::npos) return text.size();
      if (!joins_space_[static_cast<unsigned char>(text[at - 1])]) return at;
    }
  }

  // Notes which characters a piece joins to a space behind them. In most vocabularies that is none.
  void NoteJoins(std::string_view key) {
    for (size_t at = key.find(kSpaceMark, 1); at != std::string_view::npos;
         at = key.find(kSpaceMark, at + 1)) {
      if (!key.substr(0, at).ends_with(kSpaceMark))
        joins_space_[static_cast<unsigned char>(key[at - 1])] = true;
    }
  }

  // Appends the ids of a stretch of text that no merge crosses the ends of; true if it ends in an unknown
  // character.
  bool EncodeWord(std::string_view word, bool after_unknown, std::vector<Symbol>* symbols,
                  std::vector<int32_t>* ids) const {
    symbols->clear();
    for (uint32_t i = 0; i < word.size();) {
      const auto size = static_cast<uint32_t>(Utf8Size(word[i]));
      AppendSymbol(index_.Find(word.substr(i, size)), i, size, symbols);
      i += size;
    }
    Unmerged unmerged;
    const auto find = [&](const Symbol& a, const Symbol& b) -> std::optional<Merge> {
      if (a.size + b.size > longest_) return std::nullopt;
      const std::string_view piece = word.substr(a.begin, a.size + b.size);
      const int32_t id = index_.Find(piece);
      if (id < 0) return std::nullopt;
      if (vocabulary().kind(id) == TokenKind::kUnused) unmerged[piece] = a.size;
      return Merge{orders_[static_cast<size_t>(id)], id};
    };
    MergeSymbols(find, symbols);
    for (const Symbol& symbol : *symbols) {
      if (symbol.size == 0) continue;
      after_unknown = Emit(word.substr(symbol.begin, symbol.size), unmerged, after_unknown, ids);
    }
    return after_unknown;
  }

  Status AddToken(int32_t id) {
    const std::string_view text = vocabulary().text(id);
    switch (vocabulary().kind(id)) {
      case TokenKind::kUnknown:
        keys_.Append(text);
        if (unknown_ < 0) unknown_ = id;
        return {};
      case TokenKind::kByte:
        keys_.Append(text);
        return AddByte(id);
      case TokenKind::kControl:
        keys_.Append(text);
        if (text.empty()) return {};
        return added_tokens()->Add(text, {.id = id, .is_control = true, .strips_right = StripsRight(text)});
      case TokenKind::kUserDefined:
        TERN_TRY_STATUS(added_tokens()->Add(text, {.id = id, .strips_right = StripsRight(text)}));
        [[fallthrough]];
      default:
        return AddPiece(id);
    }
  }

  Status AddByte(int32_t id) {
    const int byte = ByteOf(vocabulary().text(id));
    if (byte < 0) {
      return BadEntry(kTokensKey, static_cast<size_t>(id),
                      fmt::format("{}, expected a byte token such as <0x0A>", Shown(vocabulary().text(id))));
    }
    int32_t& slot = byte_ids_[static_cast<size_t>(byte)];
    if (slot >= 0) {
      return BadEntry(kTokensKey, static_cast<size_t>(id),
                      fmt::format("{} is token {} already", vocabulary().text(id), slot));
    }
    slot = id;
    return {};
  }

  Status AddPiece(int32_t id) {
    keys_.Append(SpacesMarked(vocabulary().text(id)));
    const std::string_view key = keys_[static_cast<size_t>(id)];
    longest_ = std::max(longest_, key.size());
    NoteJoins(key);
    if (key.empty() || index_.Insert(id)) return {};
    return BadEntry(kTokensKey, static_cast<size_t>(id),
                    fmt::format("{} is token {} already", Shown(vocabulary().text(id)), index_.Find(key)));
  }

  // Phi-3's published tokenizer has this on these tokens; no GGUF key says so.
  bool StripsRight(std::string_view text) const {
    return options_.is_phi3 && text != "<unk>" && text != "<s>" && text != "<|endoftext|>";
  }

  std::string Escaped(std::string_view text) const {
    std::string escaped = options_.adds_space_prefix ? std::string(kSpaceMark) : "";
    if (!options_.removes_extra_spaces) return escaped + SpacesMarked(text);
    bool any = false, space = false;
    for (char c : text) {
      if (c == ' ') {
        space = any;
        continue;
      }
      if (space) escaped += kSpaceMark;
      escaped += c;
      any = true;
      space = false;
    }
    return any ? escaped : "";
  }

  // Appends the ids of one piece that is left after merging; true if it was unknown.
  bool Emit(std::string_view piece, const Unmerged& unmerged, bool after_unknown,
            std::vector<int32_t>* ids) const {
    std::vector<std::string_view> stack = {piece};
    while (!stack.empty()) {
      piece = stack.back();
      stack.pop_back();
      const int32_t id = index_.Find(piece);
      if (id < 0) {
        after_unknown = EmitUnknown(piece, after_unknown, ids);
        continue;
      }
      const auto parts = vocabulary().kind(id) == TokenKind::kUnused ? unmerged.find(piece) : unmerged.end();
      if (parts == unmerged.end()) {
        ids->push_back(id);
        after_unknown = false;
        continue;
      }
      stack.push_back(piece.substr(parts->second));
      stack.push_back(piece.substr(0, parts->second));
    }
    return after_unknown;
  }

  // A character without a piece: its bytes, or the unknown token, once for a run of such characters.
  bool EmitUnknown(std::string_view character, bool after_unknown, std::vector<int32_t>* ids) const {
    const auto byte_id = [&](char c) { return byte_ids_[static_cast<unsigned char>(c)]; };
    if (std::ranges::all_of(character, [&](char c) { return byte_id(c) >= 0; })) {
      for (char c : character) ids->push_back(byte_id(c));
      return false;
    }
    if (!after_unknown && unknown_ >= 0) ids->push_back(unknown_);
    return true;
  }

  SentencePieceOptions options_;
  StringPool keys_;   // texts with U+2581 for spaces
  PieceIndex index_;  // of what merges may make
  std::vector<uint32_t> orders_;
  std::array<int32_t, 256> byte_ids_;
  int32_t unknown_ = -1;
  std::array<bool, 256> joins_space_{};  // by the last byte of the character in front of the space
  size_t longest_ = 0;                   // bytes of the longest key
};

Result<const std::vector<double>*> ReadScores(const Metadata& metadata, int32_t count) {
  const MetaValue* value = metadata.Find(kScoresKey);
  const auto* scores = value == nullptr ? nullptr : std::get_if<std::vector<double>>(value);
  if (scores == nullptr) return BadInput(fmt::format("{}: missing or not an array of floats", kScoresKey));
  if (scores->size() == static_cast<size_t>(count)) return scores;
  return BadInput(fmt::format("{}: {} entries, expected {}, one for each of {}", kScoresKey, scores->size(),
                              count, kTokensKey));
}

Result<std::unique_ptr<Tokenizer>> Load(const Metadata& metadata) {
  if (metadata.Has("tokenizer.ggml.precompiled_charsmap")) {
    return Unsupported(
        "tokenizer.ggml.precompiled_charsmap: SentencePiece normalization tables are not supported");
  }
  TERN_TRY(Vocabulary vocabulary,
           ReadVocabulary(metadata, {.adds_bos = true, .bos_text = "<s>", .eos_text = "</s>"}));
  TERN_TRY(const auto* scores, ReadScores(metadata, vocabulary.size()));
  SentencePieceOptions options;
  TERN_TRY(options.adds_space_prefix, metadata.Bool("tokenizer.ggml.add_space_prefix", true));
  TERN_TRY(options.removes_extra_spaces, metadata.Bool("tokenizer.ggml.remove_extra_whitespaces", false));
  TERN_TRY(const std::string architecture, metadata.Str("general.architecture", ""));
  options.is_phi3 = architecture == "phi3";
  auto tokenizer = std::make_unique<SentencePieceBpe>(std::move(vocabulary), options);
  TERN_TRY_STATUS(tokenizer->AddTokens(*scores));
  return std::unique_ptr<Tokenizer>(std::move(tokenizer));
}

}  // namespace

extern const TokenizerDesc k_tokenizer_sentence_piece_bpe;
const TokenizerDesc k_tokenizer_sentence_piece_bpe = {
    .name = "llama", .summary = "SentencePiece BPE", .load = Load};

}  // namespace tern
