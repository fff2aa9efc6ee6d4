#pragma once
// The texts' side of a Hugging Face folder: its tokenizer and its chat template.

#include <boost/json/value.hpp>
#include <memory>
#include <string>

#include "base/result.h"
#include "text/hf/settings.h"
#include "text/tokenizer.h"

namespace tern {

// From the first that is there of tokenizer.json; tokenizer.model or spiece.model (sentencepiece); vocab.json
// and merges.txt; vocab.txt. What tokenizer_config.json, special_tokens_map.json, added_tokens.json,
// generation_config.json and config.json say beyond is taken in. Errors begin with the file's path.
Result<std::unique_ptr<Tokenizer>> LoadTokenizerFromFolder(const std::string& folder);

// The files that LoadTokenizerFromFolder goes by.
struct HfTokenizerFiles {
  HfSettings settings;
  std::string name;           // of the file that says most: "tokenizer.json"
  boost::json::value json{};  // it, or the tokenizer.json that older files amount to
  bool is_sentence_piece = false;
  std::string sentence_piece = {};  // the bytes of tokenizer.model or spiece.model, in place of `json`
};
Result<HfTokenizerFiles> ReadTokenizerFiles(const std::string& folder);

// chat_template.jinja, else chat_template.json, else what tokenizer_config.json has; "": none.
Result<std::string> ReadChatTemplate(const std::string& folder);

}  // namespace tern
