#pragma once
// The texts' side of a Hugging Face folder: its tokenizer and its chat template.

#include <memory>
#include <string>

#include "base/result.h"
#include "text/tokenizer.h"

namespace tern {

// From the first that is there of tokenizer.json; tokenizer.model or spiece.model (sentencepiece); vocab.json
// and merges.txt; vocab.txt. What tokenizer_config.json, special_tokens_map.json, added_tokens.json,
// generation_config.json and config.json say beyond is taken in. Errors begin with the file's path.
Result<std::unique_ptr<Tokenizer>> LoadTokenizerFromFolder(const std::string& folder);

// chat_template.jinja, else chat_template.json, else what tokenizer_config.json has; "": none.
Result<std::string> ReadChatTemplate(const std::string& folder);

}  // namespace tern
