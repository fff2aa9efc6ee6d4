#pragma once
// JSON that a line of input holds, for commands with --jsonl.

#include <boost/json/object.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace tern {

Result<std::string> JsonString(std::string_view line);
Result<boost::json::object> JsonObject(std::string_view line);
// A member that must be a string, or an array of strings. The error names it.
Result<std::string> StringMember(const boost::json::object& object, std::string_view key);
Result<std::vector<std::string>> StringsMember(const boost::json::object& object, std::string_view key);

}  // namespace tern
