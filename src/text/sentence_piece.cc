#include "text/sentence_piece.h"

#include <fmt/format.h>

#include <cmath>

#include "text/byte_alphabet.h"
#include "text/utf8.h"

namespace tern {
namespace {

constexpr std::string_view kScoresKey = "tokenizer.ggml.scores";
constexpr std::string_view kCharsmapKey = "tokenizer.ggml.precompiled_charsmap";

Result<std::vector<double>> ReadScores(const Metadata& metadata, int32_t count) {
  const MetaValue* value = metadata.Find(kScoresKey);
  const auto* scores = value == nullptr ? nullptr : std::get_if<std::vector<double>>(value);
  if (scores == nullptr) return BadInput(fmt::format("{}: missing or not an array of floats", kScoresKey));
  if (scores->size() != static_cast<size_t>(count)) {
    return BadInput(fmt::format("{}: {} entries, expected {}, one for each of {}", kScoresKey, scores->size(),
                                count, kTokensKey));
  }
  for (size_t i = 0; i < scores->size(); ++i) {
    if (!std::isfinite((*scores)[i])) return BadEntry(kScoresKey, i, "not a finite number");
  }
  return *scores;
}

// An array of bytes, signed or not.
template <class Number>
std::string BytesOf(const std::vector<Number>& numbers) {
  std::string bytes;
  for (Number number : numbers) bytes += static_cast<char>(number);
  return bytes;
}

Result<std::optional<Charsmap>> ReadCharsmap(const Metadata& metadata) {
  const MetaValue* value = metadata.Find(kCharsmapKey);
  if (value == nullptr) return std::optional<Charsmap>();
  std::string bytes;
  if (const auto* ints = std::get_if<std::vector<int64_t>>(value)) {
    bytes = BytesOf(*ints);
  } else if (const auto* uints = std::get_if<std::vector<uint64_t>>(value)) {
    bytes = BytesOf(*uints);
  } else {
    return BadInput(fmt::format("{}: expected an array of bytes", kCharsmapKey));
  }
  if (bytes.empty()) return std::optional<Charsmap>();
  auto charsmap = Charsmap::Parse(bytes);
  if (!charsmap.ok()) return BadInput(fmt::format("{}: {}", kCharsmapKey, charsmap.error().what));
  return std::optional<Charsmap>(std::move(charsmap).value());
}

// Makes the normalized text piece by piece; a space is U+2581 in it.
class Writer {
 public:
  explicit Writer(bool removes_extra_spaces) : removes_(removes_extra_spaces) {}
  // Spaces at the start are extra.
  void AtEdge() { after_space_ = true; }
  void Append(std::string_view piece) {
    if (removes_ && after_space_) {
      while (piece.starts_with(' ')) piece.remove_prefix(1);
    }
    if (piece.empty()) return;
    for (char c : piece) {
      if (c == ' ') {
        out_ += kSpaceMark;
      } else {
        out_ += c;
      }
    }
    after_space_ = piece.ends_with(' ');
  }
  void TrimEnd() {
    while (removes_ && std::string_view(out_).ends_with(kSpaceMark))
      out_.resize(out_.size() - kSpaceMark.size());
  }
  std::string Take() { return std::move(out_); }

 private:
  bool removes_;
  bool after_space_ = false;
  std::string out_;
};

}  // namespace

std::string NormalizeSentencePiece(const PlainText& plain, const SentencePieceOptions& options) {
  std::string_view text = plain.text;
  const auto is_edge = [&](PlainText::Border border) {
    return border != PlainText::Border::kText || options.prefixes_after_user_defined;
  };
  const bool starts = is_edge(plain.before), ends = is_edge(plain.after);
  const std::string_view prefix = options.adds_space_prefix && starts ? kSpaceMark : "";
  if (!options.charsmap && !options.removes_extra_spaces)
    return std::string(prefix) + Replaced(text, " ", kSpaceMark);

  const auto take = [&]() -> std::string_view {
    auto match = options.charsmap ? options.charsmap->Longest(text) : std::nullopt;
    if (!match) match = Charsmap::Match{Utf8Size(text[0]), text.substr(0, Utf8Size(text[0]))};
    text.remove_prefix(match->size);
    return match->replacement;
  };
  std::string_view piece;
  do {
    if (text.empty()) return "";
    piece = take();
  } while (options.removes_extra_spaces && starts && piece == " ");
  Writer writer(options.removes_extra_spaces);
  writer.Append(prefix);
  if (starts) writer.AtEdge();
  writer.Append(piece);
  while (!text.empty()) writer.Append(take());
  if (ends) writer.TrimEnd();
  return writer.Take();
}

Result<std::array<int32_t, 256>> BytePieces(const Vocabulary& vocabulary, std::string_view pieces_key) {
  std::array<int32_t, 256> ids;
  ids.fill(-1);
  for (int32_t id = 0; id < vocabulary.size(); ++id) {
    if (vocabulary.kind(id) != TokenKind::kByte) continue;
    const std::string_view text = vocabulary.text(id);
    const int byte = ByteOfPiece(text);
    if (byte < 0) {
      return BadEntry(pieces_key, static_cast<size_t>(id),
                      fmt::format("{}, expected a byte token such as <0x0A>", Shown(text)));
    }
    int32_t& slot = ids[static_cast<size_t>(byte)];
    if (slot >= 0) {
      return BadEntry(pieces_key, static_cast<size_t>(id), fmt::format("{} is token {} already", text, slot));
    }
    slot = id;
  }
  return ids;
}

Result<SentencePieceParts> ReadSentencePiece(const Metadata& metadata, const VocabularyDefaults& defaults) {
  TERN_TRY(Vocabulary vocabulary, ReadVocabulary(metadata, defaults));
  TERN_TRY(std::vector<double> scores, ReadScores(metadata, vocabulary.size()));
  SentencePieceOptions options;
  TERN_TRY(options.charsmap, ReadCharsmap(metadata));
  TERN_TRY(options.adds_space_prefix, metadata.Bool("tokenizer.ggml.add_space_prefix", true));
  TERN_TRY(options.removes_extra_spaces, metadata.Bool("tokenizer.ggml.remove_extra_whitespaces", false));
  TERN_TRY(const std::string architecture, metadata.Str("general.architecture", ""));
  options.is_phi3 = architecture == "phi3";
  return SentencePieceParts{std::move(vocabulary), std::move(scores), std::move(options), kTokensKey,
                            kScoresKey};
}

}  // namespace tern
