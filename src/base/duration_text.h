#pragma once
// Times as people write them.

#include <optional>
#include <string_view>

namespace tern {

// Seconds: "1h30m", "90s", "250ms", "-1m", as Go writes times; a number alone is seconds. Nothing: it is
// none.
std::optional<double> ParseDuration(std::string_view text);

}  // namespace tern
