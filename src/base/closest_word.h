#pragma once
// For messages: which word somebody meant.

#include <string_view>
#include <vector>

namespace tern {

// The word in `words` that `typo` was meant to be (edit distance of at most about a third), or empty.
std::string_view ClosestWord(std::string_view typo, const std::vector<std::string_view>& words);

}  // namespace tern
