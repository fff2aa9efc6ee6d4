#pragma once
// Sizes in bytes, as people write them.

#include <cstdint>
#include <string_view>

#include "base/result.h"

namespace tern {

// "90M" and "90MB" are 90,000,000 bytes; "90MiB" 94,371,840; k, M, G, T and their binary forms; a plain
// number is bytes.
Result<int64_t> ParseSize(std::string_view text);

}  // namespace tern
