#pragma once
// JSON of files that come from elsewhere: one parse with a depth limit, whose error says where it stopped.

#include <boost/json/value.hpp>
#include <string_view>

#include "base/result.h"

namespace tern {

// `name` stands in front of the error: "config.json: byte 17: syntax error, expected JSON".
Result<boost::json::value> ParseJson(std::string_view text, std::string_view name, size_t max_depth);

// A key that the object `text`, which parses, has more than once, as it is written there; "": none. Of such
// keys the parser keeps the last. Keys inside its values do not count.
std::string_view RepeatedKey(std::string_view text);

}  // namespace tern
