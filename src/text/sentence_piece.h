#pragma once
// SentencePiece: what its two kinds, BPE and Unigram, have in common, whether they come from GGUF metadata or
// from sentencepiece's own file.

#include <array>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "text/charsmap.h"
#include "text/tokenizer.h"
#include "text/vocabulary.h"
#include "text/vocabulary_tokenizer.h"

namespace tern {

struct SentencePieceOptions {
  bool adds_space_prefix = true;
  bool prefixes_after_user_defined = true;  // the space prefix comes also behind user-defined tokens
  bool removes_extra_spaces = false;
  bool is_phi3 = false;
  std::optional<Charsmap> charsmap{};

  // Whether an added token takes the white space behind it along. Phi-3's published tokenizer has this on all
  // but these; no GGUF key says so.
  bool StripsRight(std::string_view text) const {
    return is_phi3 && text != "<unk>" && text != "<s>" && text != "<|endoftext|>";
  }
};

// Everything that makes one. Errors call the pieces and scores by these names.
struct SentencePieceParts {
  Vocabulary vocabulary;
  std::vector<double> scores;
  SentencePieceOptions options;
  std::string_view pieces_key, scores_key;
};

// The parts that a GGUF file gives; `defaults` are those of its kind.
Result<SentencePieceParts> ReadSentencePiece(const Metadata& metadata, const VocabularyDefaults& defaults);

Result<std::unique_ptr<Tokenizer>> MakeSentencePieceBpe(SentencePieceParts parts);
Result<std::unique_ptr<Tokenizer>> MakeSentencePieceUnigram(SentencePieceParts parts);

// The text as the model sees it: replaced by the charsmap, its extra spaces removed, U+2581 for spaces.
std::string NormalizeSentencePiece(const PlainText& plain, const SentencePieceOptions& options);

// The ids of the 256 byte pieces, -1 where there is none. Errors: a byte piece that names no byte, or one
// twice.
Result<std::array<int32_t, 256>> BytePieces(const Vocabulary& vocabulary, std::string_view pieces_key);

}  // namespace tern
