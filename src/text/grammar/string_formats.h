#pragma once
// The formats of strings that JSON schemas know, as regular expressions that whole strings match.

#include <optional>
#include <string>
#include <string_view>

namespace tern::grammar {

// Nothing: not known. On their own formats are drawn so that a model cannot go on for ever; `is_open`:
// without those bounds.
std::optional<std::string> PatternOfFormat(std::string_view format, bool is_open);
std::string FormatNames();  // "date, date-time, ..."
// Of JSON schema's own formats, known or not; others say nothing about values.
bool IsSpecifiedFormat(std::string_view format);

}  // namespace tern::grammar
