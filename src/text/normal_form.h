#pragma once
// Unicode normalization forms. Pure functions; any thread. Time is n log n even for thousands of combining
// marks.

#include <string>
#include <string_view>

namespace tern {

enum class NormalForm { kC, kD, kKC, kKD };

// `text` is valid UTF-8.
std::string Normalize(NormalForm form, std::string_view text);

}  // namespace tern
