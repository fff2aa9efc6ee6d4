#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "text/hf/settings.h"
#include "text/sentence_piece.h"
#include "text/tokenizer.h"

namespace tern {

// What sentencepiece's own file (https://github.com/google/sentencepiece, src/sentencepiece_model.proto)
// says, completed by the settings of its folder. Errors begin with `file`.
struct SentencePieceFile {
  SentencePieceParts parts;
  bool is_bpe = false;   // else Unigram
  std::string charsmap;  // the bytes of parts.options.charsmap
};
Result<SentencePieceFile> ReadSentencePieceFile(std::string_view bytes, std::string_view file,
                                                const HfSettings& settings);

// The tokenizer in such a file.
Result<std::unique_ptr<Tokenizer>> LoadSentencePieceFile(std::string_view bytes, std::string_view file,
                                                         const HfSettings& settings);

}  // namespace tern
