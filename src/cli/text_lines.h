#pragma once
// --jsonl of the commands that encode texts: a JSON string per line of standard input, a line of output for
// each.

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "engine/text_encoder.h"

namespace tern {

// Texts as they were given; none: standard input is one.
std::vector<EncoderText> TextsOf(const std::vector<std::string>& arguments);
// Calls `answer` with the texts that are there, at most 1024 at a time: lines are waited for only while none
// is left to answer, so a program may wait for each answer before it asks again, and a long file takes little
// memory. An error names the line, after the answers to those before it.
Status MapTextLines(
    const std::function<Result<std::vector<std::string>>(std::span<const EncoderText>)>& answer);

}  // namespace tern
