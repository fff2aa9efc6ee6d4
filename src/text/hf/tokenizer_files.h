#pragma once
// The tokenizer of a GGUF file as files of a Hugging Face folder, which give texts the same ids in the
// `tokenizers` library: tokenizer.json, tokenizer_config.json with the chat template, generation_config.json.

#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "io/checkpoint.h"

namespace tern {

// Names and contents; none where the metadata has no tokenizer. Supported: byte-level BPE whose cuts are
// patterns on characters, and SentencePiece BPE.
Result<std::vector<std::pair<std::string, std::string>>> TokenizerFilesOf(const Metadata& metadata);

}  // namespace tern
