#pragma once
// Prompts as OpenAI's older protocols take them: a text, token ids, or a list of either.

#include <boost/json/value.hpp>

#include "server/errors.h"
#include "text/tokenizer.h"

namespace tern {

inline constexpr uint32_t kPromptKinds = kString | kStrings | kIntegers | kIntegerLists;

// Prompts by their ids; at most `most`. A text is all of its prompt: it may spell special tokens, and gets
// what the tokenizer puts in front. The error names what is wrong of `param`.
Problem ReadPrompts(const Tokenizer& tokenizer, const boost::json::value& prompts, const std::string& param,
                    size_t most, std::vector<std::vector<int32_t>>* ids);
std::string TextOf(const Tokenizer& tokenizer, std::span<const int32_t> ids, bool with_special);

}  // namespace tern
