#include "text/hf/sentence_piece_file.h"

#include <fmt/format.h>

#include <cmath>
#include <unordered_map>

#include "base/utf8.h"
#include "text/hf/limits.h"
#include "text/hf/proto_reader.h"
#include "text/sentence_piece.h"
#include "text/vocabulary_tokenizer.h"

namespace tern {
namespace {

using Field = ProtoReader::Field;

// What the file says, field by field.
struct Model {
  std::vector<std::string> pieces;
  std::vector<double> scores;
  std::vector<TokenKind> kinds;
  uint64_t type = 1;  // 1: Unigram, 2: BPE
  int64_t unknown = 0, bos = 1, eos = 2;
  bool spaces_as_suffix = false, escapes_spaces = true;
  std::string charsmap;
  SentencePieceOptions options{.prefixes_after_user_defined = false, .removes_extra_spaces = true};
};

class Reader {
 public:
  explicit Reader(std::string_view file) : file_(file) {}

  Result<Model> Run(std::string_view bytes) {
    TERN_TRY_STATUS(ForEach(bytes, "the model", [&](const Field& field) -> Status {
      if (field.kind != Field::kBytes) return {};
      if (field.number == 1) return ReadPiece(field.bytes);
      if (field.number == 2) return ReadTrainer(field.bytes);
      return field.number == 3 ? ReadNormalizer(field.bytes) : Status();
    }));
    if (model_.pieces.empty()) return Bad("no pieces, expected a sentencepiece model");
    return std::move(model_);
  }

 private:
  Error Bad(std::string_view problem) const { return BadInput(fmt::format("{}: {}", file_, problem)); }

  template <class Visit>
  Status ForEach(std::string_view bytes, std::string_view what, const Visit& visit) {
    ProtoReader reader(bytes);
    Field field;
    while (reader.Next(&field)) TERN_TRY_STATUS(visit(field));
    if (reader.broken()) return Bad(fmt::format("{}: a field that is cut short or no field", what));
    return {};
  }

  Status ReadPiece(std::string_view bytes) {
    const std::string what = fmt::format("pieces[{}]", model_.pieces.size());
    if (model_.pieces.size() >= kMostTokens) return Bad(fmt::format("more than {} pieces", kMostTokens));
    std::string_view text;
    float score = 0;
    uint64_t kind = 1;
    TERN_TRY_STATUS(ForEach(bytes, what, [&](const Field& field) -> Status {
      if (field.number == 1 && field.kind == Field::kBytes) text = field.bytes;
      if (field.number == 2 && field.kind == Field::kFixed32) score = field.AsFloat();
      if (field.number == 3 && field.kind == Field::kVarint) kind = field.value;
      return {};
    }));
    if (text.empty() || !IsUtf8(text)) return Bad(what + ": the piece is empty or not UTF-8");
    if (!std::isfinite(score)) return Bad(what + ": the score is not a finite number");
    if (kind < 1 || kind > 6) return Bad(fmt::format("{}: type {}, expected 1 to 6", what, kind));
    model_.pieces.emplace_back(text);
    model_.scores.push_back(score);
    model_.kinds.push_back(static_cast<TokenKind>(kind));
    return {};
  }

  Status ReadTrainer(std::string_view bytes) {
    return ForEach(bytes, "trainer_spec", [&](const Field& field) -> Status {
      if (field.kind != Field::kVarint) return {};
      // Negative ids are written as 64 bits.
      const auto number = static_cast<int64_t>(field.value);
      if (field.number == 3) model_.type = field.value;
      if (field.number == 24) model_.spaces_as_suffix = number != 0;
      if (field.number == 40) model_.unknown = number;
      if (field.number == 41) model_.bos = number;
      if (field.number == 42) model_.eos = number;
      return {};
    });
  }

  Status ReadNormalizer(std::string_view bytes) {
    return ForEach(bytes, "normalizer_spec", [&](const Field& field) -> Status {
      if (field.number == 2 && field.kind == Field::kBytes && !field.bytes.empty()) {
        auto charsmap = Charsmap::Parse(field.bytes);
        if (!charsmap.ok()) return Bad("normalizer_spec.precompiled_charsmap: " + charsmap.error().what);
        model_.options.charsmap = std::move(charsmap).value();
        model_.charsmap = field.bytes;
      }
      if (field.kind != Field::kVarint) return {};
      if (field.number == 3) model_.options.adds_space_prefix = field.value != 0;
      if (field.number == 4) model_.options.removes_extra_spaces = field.value != 0;
      if (field.number == 5) model_.escapes_spaces = field.value != 0;
      return {};
    });
  }

  std::string file_;
  Model model_;
};

// Tokens that the settings add behind the pieces, or put in place of some; special ones become control
// tokens.
void AddTokens(const HfSettings& settings, Model* model) {
  std::unordered_map<std::string, size_t> ids;  // the first of equal pieces
  for (size_t id = 0; id < model->pieces.size(); ++id) ids.emplace(model->pieces[id], id);
  const auto put = [&](size_t id, const AddedToken& token) {
    while (model->pieces.size() <= id) {
      model->pieces.emplace_back();
      model->scores.push_back(0);
      model->kinds.push_back(TokenKind::kUnused);
    }
    if (model->kinds[id] == TokenKind::kUnknown) return;
    if (const auto old = ids.find(model->pieces[id]); old != ids.end() && old->second == id) ids.erase(old);
    model->pieces[id] = token.text;
    ids.emplace(token.text, id);
    model->kinds[id] = token.is_special ? TokenKind::kControl : TokenKind::kUserDefined;
  };
  for (const AddedToken& token : settings.added) {
    if (token.text.empty() || token.id >= kMostTokens) continue;
    const auto known = ids.find(token.text);
    if (known == ids.end()) {
      put(static_cast<size_t>(token.id), token);
    } else if (token.is_special) {
      put(known->second, token);
    }
  }
  for (const auto& [name, token] : settings.named) {
    const auto known = ids.find(token.text);
    if (known == ids.end()) continue;
    TokenKind& kind = model->kinds[known->second];
    if (kind != TokenKind::kUnknown) kind = TokenKind::kControl;
  }
}

Vocabulary MakeVocabulary(const Model& model, const HfSettings& settings) {
  Vocabulary vocabulary;
  for (const std::string& piece : model.pieces) vocabulary.texts.Append(piece);
  vocabulary.kinds = model.kinds;
  const auto id_of = [&](const char* name, int64_t fallback) {
    const std::string text = settings.Named(name);
    for (int32_t id = 0; !text.empty() && id < vocabulary.size(); ++id) {
      if (vocabulary.text(id) == text) return id;
    }
    return fallback >= 0 && fallback < vocabulary.size() ? static_cast<int32_t>(fallback) : -1;
  };
  vocabulary.unknown = id_of("unk_token", model.unknown);
  vocabulary.bos = id_of("bos_token", model.bos);
  vocabulary.eos = id_of("eos_token", model.eos);
  // What Transformers' classes add where the settings say nothing.
  const bool is_t5 = settings.tokenizer_class.find("T5") != std::string::npos;
  vocabulary.adds_bos = settings.adds_bos.value_or(model.type == 2) && vocabulary.bos >= 0;
  vocabulary.adds_eos = settings.adds_eos.value_or(is_t5) && vocabulary.eos >= 0;
  vocabulary.MarkEnds(settings.end_ids);
  return vocabulary;
}

}  // namespace

Result<SentencePieceFile> ReadSentencePieceFile(std::string_view bytes, std::string_view file,
                                                const HfSettings& settings) {
  TERN_TRY(Model model, Reader(file).Run(bytes));
  if (model.type != 1 && model.type != 2) {
    return Unsupported(
        fmt::format("{}: trainer_spec.model_type: {}, supported: 1 (Unigram), 2 (BPE)", file, model.type));
  }
  if (model.spaces_as_suffix) {
    return Unsupported(fmt::format("{}: trainer_spec.treat_whitespace_as_suffix is not supported", file));
  }
  if (!model.escapes_spaces) {
    return Unsupported(fmt::format("{}: normalizer_spec.escape_whitespaces: false is not supported", file));
  }
  AddTokens(settings, &model);
  SentencePieceParts parts{.vocabulary = MakeVocabulary(model, settings),
                           .scores = std::move(model.scores),
                           .options = std::move(model.options),
                           .pieces_key = "pieces",
                           .scores_key = "scores"};
  return SentencePieceFile{std::move(parts), model.type == 2, std::move(model.charsmap)};
}

Result<std::unique_ptr<Tokenizer>> LoadSentencePieceFile(std::string_view bytes, std::string_view file,
                                                         const HfSettings& settings) {
  TERN_TRY(SentencePieceFile read, ReadSentencePieceFile(bytes, file, settings));
  auto made = read.is_bpe ? MakeSentencePieceBpe(std::move(read.parts))
                          : MakeSentencePieceUnigram(std::move(read.parts));
  if (!made.ok()) return Error{made.error().code, fmt::format("{}: {}", file, made.error().what)};
  return made;
}

}  // namespace tern
