#pragma once
// A folder's tokenizer as the metadata of a GGUF file.

#include <string>

#include "base/result.h"
#include "io/checkpoint.h"

namespace tern {

// What describes the tokenizer in the checkpoint's folder; warnings go to stderr. Empty: it comes from a GGUF
// file, whose metadata has its tokenizer, or the folder has none. `pre`: tokenizer.ggml.pre where the way to
// cut text is not recognised.
Result<Metadata> TokenizerMetadata(const Checkpoint& checkpoint, const std::string& pre);

}  // namespace tern
