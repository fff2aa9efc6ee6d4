#pragma once
#include <string_view>

namespace tern::chat {

// What JSON takes for space, and models put around calls.
inline constexpr std::string_view kSpace = " \t\r\n";
inline bool IsSpace(char c) { return kSpace.find(c) != kSpace.npos; }

}  // namespace tern::chat
