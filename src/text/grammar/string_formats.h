#pragma once
// The formats of strings that JSON schemas know, as regular expressions that whole strings match.

#include <optional>
#include <string>
#include <string_view>

namespace tern::grammar {

// Nothing: not known.
std::optional<std::string> PatternOfFormat(std::string_view format);
std::string FormatNames();  // "date, date-time, ..."

}  // namespace tern::grammar
