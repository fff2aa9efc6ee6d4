#pragma once

#include <string_view>

namespace tern {

// Well-formed UTF-8 by table 3-7 of the Unicode standard: no overlong forms, no surrogates, at most U+10FFFF.
bool IsUtf8(std::string_view text);

}  // namespace tern
