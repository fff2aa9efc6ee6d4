#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace tern {

// The bytes that `text` encodes (RFC 4648, with or without padding); nothing if it is no base64.
std::optional<std::string> FromBase64(std::string_view text);

}  // namespace tern
