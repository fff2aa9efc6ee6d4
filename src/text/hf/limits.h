#pragma once
// What tokenizer files may ask for, whatever their form.

#include <cstdint>

namespace tern {

// Ids of a vocabulary: no vocabulary has half as many, and a file that names only the last one makes us
// allocate all of them.
inline constexpr int32_t kMostTokens = 1 << 21;

}  // namespace tern
