#pragma once

#include <memory>
#include <string_view>

#include "base/result.h"
#include "text/hf/settings.h"
#include "text/tokenizer.h"

namespace tern {

// The tokenizer in sentencepiece's own file (https://github.com/google/sentencepiece,
// src/sentencepiece_model.proto), BPE or Unigram, completed by the settings of its folder. Errors begin with
// `file`.
Result<std::unique_ptr<Tokenizer>> LoadSentencePieceFile(std::string_view bytes, std::string_view file,
                                                         const HfSettings& settings);

}  // namespace tern
