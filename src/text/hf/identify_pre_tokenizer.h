#pragma once
// Which of the names that GGUF has for ways to cut text (tokenizer.ggml.pre) is that of a tokenizer.json.

#include "base/result.h"
#include "text/hf/json_node.h"
#include "text/pre_tokenizer.h"

namespace tern {

// Found by what the cuts do to texts with characters of every kind, so however they are written. Of names
// that cut alike, the one that is closest in what else the names imply. `root` is a byte-level BPE.
// Error: none cuts so.
Result<const PreTokenizerRule*> IdentifyPreTokenizer(const JsonNode& root);

}  // namespace tern
