#pragma once
// Which tokens of a vocabulary stay when it is trimmed to those of some text.
//
// Beside the text's own tokens these stay: what is no plain piece of text (control and added tokens, bytes),
// and the tokens that merges pass through on their way to one that stays. So a text whose tokens all stay is
// cut into the same ones as before: each merge that made them is there, in the same order, and there are no
// others. A text with tokens that went is spelled by shorter ones, in the end by bytes.

#include <cstdint>
#include <vector>

#include "base/result.h"
#include "io/checkpoint.h"

namespace tern {

// Ids in ascending order. `tokenizer`: tokenizer.* of GGUF; `used`: ids that the text has, repeated or not.
// Errors: no vocabulary, a kind of tokenizer whose tokens this does not know how to find, an id out of range.
Result<std::vector<int32_t>> KeptTokens(const Metadata& tokenizer, const std::vector<int32_t>& used);

// The tokenizer of the tokens `kept`, in their order: what stood at kept[i] is token i. What of `kept` is
// beyond the vocabulary (rows that no token has) is an error.
Result<Metadata> TrimmedTokenizer(const Metadata& tokenizer, const std::vector<int32_t>& kept);

}  // namespace tern
