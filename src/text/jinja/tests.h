#pragma once
// Tests by name: `value is name(arguments)`. The value is `self`; the result is a boolean.

#include <string_view>

#include "text/jinja/arguments.h"

namespace tern::jinja {

// Null if there is no such test.
Builtin FindTest(std::string_view name);

}  // namespace tern::jinja
