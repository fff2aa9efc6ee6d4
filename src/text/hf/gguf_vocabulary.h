#pragma once
// The kinds of tokenizers that both Hugging Face's files and GGUF know: each writes its part of the
// tokenizer.* keys. To add one, write a function and a line in the table of gguf_vocabulary.cc.

#include <string>
#include <vector>

#include "base/result.h"
#include "io/checkpoint.h"
#include "text/hf/folder.h"
#include "text/vocabulary.h"

namespace tern {

// What is written, while it is put together.
struct GgufVocabulary {
  std::vector<std::string> tokens = {};  // "": none has the id
  std::vector<TokenKind> kinds = {};
  std::vector<double> scores = {};  // empty: not of this kind
  int32_t unknown = -1;
  Metadata metadata = {};  // model, pre, merges, and what else only this kind has
};

// `pre` as in GgufTokenizerOptions. Errors begin with the file's name.
Result<GgufVocabulary> DescribeVocabulary(const HfTokenizerFiles& files, const std::string& pre);

}  // namespace tern
