#pragma once
// Texts that tell tokenizers apart: every kind of character beside every other, the words and numbers that
// published patterns single out. Always the same.

#include <string>
#include <vector>

namespace tern {

std::vector<std::string> ProbeTexts();

}  // namespace tern
