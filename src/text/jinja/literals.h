#pragma once
// Numbers and strings as they stand in source and in the arguments of int() and float().

#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "text/jinja/value.h"

namespace tern::jinja {

// Where the float or integer literal at `pos` ends; `pos` if there is none. Digits may be grouped by "_".
size_t FloatEnd(std::string_view s, size_t pos);
size_t IntegerEnd(std::string_view s, size_t pos);

double ParseFloat(std::string_view literal);
// Decimal, or 0x, 0o, 0b.
Result<Int> ParseIntegerLiteral(std::string_view literal);

// What Python's int(text, base) and float(text) accept; nothing if they would raise ValueError.
std::optional<Int> TextToInteger(std::string_view text, int base);
std::optional<double> TextToFloat(std::string_view text);

// Resolves the escapes of the inside of a string literal as Python does; unknown ones stay as they are.
Result<std::string> UnescapeString(std::string_view inside);

}  // namespace tern::jinja
