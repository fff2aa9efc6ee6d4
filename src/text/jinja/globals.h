#pragma once
// Functions that every template sees: range, dict, namespace, raise_exception, strftime_now.

#include <ctime>
#include <string>
#include <string_view>

#include "text/jinja/arguments.h"

namespace tern::jinja {

// Null if there is no such function.
const NamedBuiltin* FindGlobal(std::string_view name);

// What Python's strftime gives in the C locale for a local time without a zone.
std::string FormatTime(const std::tm& time, std::string_view format);

}  // namespace tern::jinja
