#pragma once
// Token ids as commands read them: "1,2,3" or a file with a JSON array.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace tern {

Result<std::vector<int32_t>> ParseTokens(const std::string& text);
Result<std::vector<int32_t>> ParseTokensJson(std::string_view text);
Result<std::vector<int32_t>> ReadTokensFile(const std::string& path);

}  // namespace tern
