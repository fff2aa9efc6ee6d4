#pragma once

#include <memory>
#include <string_view>

#include "base/result.h"
#include "text/tokenizer.h"

namespace tern {

// Whether tokenizer.ggml.pre = `pre` means BPE on characters, though tokenizer.ggml.model says gpt2.
bool IsSpaceMarkedBpe(std::string_view pre);
Result<std::unique_ptr<Tokenizer>> LoadSpaceMarkedBpe(const Metadata& metadata);

}  // namespace tern
