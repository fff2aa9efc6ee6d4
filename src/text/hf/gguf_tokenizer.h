#pragma once
// A Hugging Face folder's tokenizer in the words of GGUF: what tokenizer.* keys to write so that others, and
// Tern itself, tokenize as the folder does.

#include <string>
#include <vector>

#include "base/result.h"
#include "io/checkpoint.h"

namespace tern {

struct GgufTokenizerOptions {
  int64_t vocabulary = 0;    // rows of the embedding: as many tokens are written
  std::string architecture;  // general.architecture, which what the keys mean may depend on
  std::string pre = {};      // for tokenizer.ggml.pre; "": identified by what the folder's cuts do
};

struct GgufTokenizer {
  Metadata metadata;
  std::vector<std::string> warnings;  // what the keys cannot say, a line each
};

// The keys are read back and tried on many texts: ids that differ are an error where they are many, else a
// warning. Errors begin with the file's path; Code::kUnsupported: GGUF has no words for such a tokenizer.
Result<GgufTokenizer> DescribeTokenizerForGguf(const std::string& folder,
                                               const GgufTokenizerOptions& options);

}  // namespace tern
