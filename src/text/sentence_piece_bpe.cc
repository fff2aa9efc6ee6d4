// SentencePiece BPE (tokenizer.ggml.model = llama): spaces become U+2581, the text begins as its characters,
// and of all neighbours that make a piece those with the highest score merge first. A character without a
// piece falls back to byte tokens. See BPE in https://github.com/google/sentencepiece (src/bpe_model.cc) for
// the reference.

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>

#include "text/byte_alphabet.h"
#include "text/merge_symbols.h"
#include "text/pair_cache.h"
#include "text/scratch_pool.h"
#include "text/sentence_piece.h"
#include "text/space_cutter.h"
#include "text/utf8.h"
#include "text/vocabulary_tokenizer.h"
#include "text/word_cache.h"

namespace tern {
namespace {

class SentencePieceBpe final : public VocabularyTokenizer {
 public:
  explicit SentencePieceBpe(SentencePieceParts parts)
      : VocabularyTokenizer(std::move(parts.vocabulary),
                            AddedTokens(parts.pieces_key, /*folds_spaces=*/true)),
        options_(std::move(parts.options)),
        pieces_key_(parts.pieces_key),
        index_(keys_, static_cast<size_t>(this->vocabulary().size())) {}

  Status AddTokens(const std::vector<double>& scores) {
    unknown_ = vocabulary().unknown;
    TERN_TRY(byte_ids_, BytePieces(vocabulary(), pieces_key_));
    for (int32_t id = 0; id < vocabulary().size(); ++id) {
      orders_.push_back(MergeOrder(static_cast<float>(scores[static_cast<size_t>(id)])));
      TERN_TRY_STATUS(AddToken(id));
    }
    added_tokens()->Finish();
    spells_all_ = std::ranges::all_of(byte_ids_, [](int32_t id) { return id >= 0; });
    return {};
  }

  bool strips_leading_space() const override { return options_.adds_space_prefix; }

 protected:
  void EncodePlain(const PlainText& plain, std::vector<int32_t>* ids) const override {
    const std::string escaped = NormalizeSentencePiece(plain, options_);
    const auto scratch = pool_.Take();
    bool after_unknown = false;
    for (std::string_view rest = escaped; !rest.empty();) {
      const std::string_view word = rest.substr(0, cutter_.WordSize(rest));
      rest.remove_prefix(word.size());
      if (spells_all_ && scratch->cache.Append(word, ids)) continue;
      const size_t before = ids->size();
      after_unknown = EncodeWord(word, after_unknown, &*scratch, ids);
      if (spells_all_) scratch->cache.Insert(word, std::span(*ids).subspan(before));
    }
  }

  void AppendPlainPiece(int32_t id, std::string* out) const override {
    const std::string_view text = vocabulary().text(id);
    if (vocabulary().kind(id) == TokenKind::kByte)
      return out->push_back(static_cast<char>(ByteOfPiece(text)));
    AppendReplaced(text, kSpaceMark, " ", out);
  }

 private:
  // Pieces of kind "unused" that a merge made, and how many bytes of them were the left part. They help to
  // make longer pieces; those that remain are taken apart again.
  using Unmerged = std::map<std::string_view, uint32_t>;

  struct Scratch {
    std::vector<Symbol> symbols;
    PairMerger merger;
    WordCache cache;
    PairCache pairs;
  };

  // Appends the ids of a stretch of text that no merge crosses the ends of; true if it ends in an unknown
  // character.
  bool EncodeWord(std::string_view word, bool after_unknown, Scratch* scratch,
                  std::vector<int32_t>* ids) const {
    std::vector<Symbol>& symbols = scratch->symbols;
    symbols.clear();
    for (uint32_t i = 0; i < word.size();) {
      const auto size = static_cast<uint32_t>(Utf8Size(word[i]));
      symbols.push_back({index_.Find(word.substr(i, size)), i, size});
      i += size;
    }
    Unmerged unmerged;
    const auto find = [&](const Symbol& a, const Symbol& b) -> std::optional<Merge> {
      const std::string_view piece = word.substr(a.begin, a.size + b.size);
      const int32_t id = scratch->pairs.IdOf(a.id, b.id, [&] { return Find(piece); });
      if (id < 0) return std::nullopt;
      if (vocabulary().kind(id) == TokenKind::kUnused) unmerged[piece] = a.size;
      return Merge{orders_[static_cast<size_t>(id)], id};
    };
    scratch->merger.Run(find, &symbols);
    for (const Symbol& symbol : symbols) {
      after_unknown = Emit(word.substr(symbol.begin, symbol.size), unmerged, after_unknown, ids);
    }
    return after_unknown;
  }

  int32_t Find(std::string_view piece) const { return piece.size() > longest_ ? -1 : index_.Find(piece); }

  Status AddToken(int32_t id) {
    const std::string_view text = vocabulary().text(id);
    switch (vocabulary().kind(id)) {
      case TokenKind::kUnknown:
        keys_.Append(text);
        if (unknown_ < 0) unknown_ = id;
        return {};
      case TokenKind::kByte:
        keys_.Append(text);
        return {};
      case TokenKind::kControl:
        keys_.Append(text);
        if (text.empty()) return {};
        return added_tokens()->Add(
            text, {.id = id, .is_control = true, .strips_right = options_.StripsRight(text)});
      case TokenKind::kUserDefined:
        TERN_TRY_STATUS(added_tokens()->Add(text, {.id = id, .strips_right = options_.StripsRight(text)}));
        [[fallthrough]];
      default:
        return AddPiece(id);
    }
  }

  Status AddPiece(int32_t id) {
    keys_.Append(Replaced(vocabulary().text(id), " ", kSpaceMark));
    const std::string_view key = keys_[static_cast<size_t>(id)];
    longest_ = std::max(longest_, key.size());
    cutter_.NoteJoinsIn(key);
    if (key.empty() || index_.Insert(id)) return {};
    return BadEntry(pieces_key_, static_cast<size_t>(id),
                    fmt::format("{} is token {} already", Shown(vocabulary().text(id)), index_.Find(key)));
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
  std::string_view pieces_key_;
  StringPool keys_;   // texts with U+2581 for spaces
  PieceIndex index_;  // of what merges may make
  std::vector<uint32_t> orders_;
  std::array<int32_t, 256> byte_ids_{};
  int32_t unknown_ = -1;
  SpaceCutter cutter_;
  bool spells_all_ = false;  // there is no unknown character, so a word's ids don't depend on its neighbours
  size_t longest_ = 0;       // bytes of the longest key
  ScratchPool<Scratch> pool_;
};

Result<std::unique_ptr<Tokenizer>> Load(const Metadata& metadata) {
  TERN_TRY(SentencePieceParts parts,
           ReadSentencePiece(metadata, {.adds_bos = true, .bos_text = "<s>", .eos_text = "</s>"}));
  return MakeSentencePieceBpe(std::move(parts));
}

}  // namespace

Result<std::unique_ptr<Tokenizer>> MakeSentencePieceBpe(SentencePieceParts parts) {
  const std::vector<double> scores = std::move(parts.scores);
  auto tokenizer = std::make_unique<SentencePieceBpe>(std::move(parts));
  TERN_TRY_STATUS(tokenizer->AddTokens(scores));
  return std::unique_ptr<Tokenizer>(std::move(tokenizer));
}

extern const TokenizerDesc k_tokenizer_sentence_piece_bpe;
const TokenizerDesc k_tokenizer_sentence_piece_bpe = {
    .name = "llama", .summary = "SentencePiece BPE", .load = Load};

}  // namespace tern
