#include "cli/json_lines.h"

#include <boost/json/parse.hpp>

namespace tern {

namespace json = boost::json;

Result<std::string> JsonString(std::string_view line) {
  boost::system::error_code error;
  const json::value value = json::parse(line, error);
  if (error || !value.is_string()) return BadInput("expected a JSON string");
  return std::string(value.get_string());
}

Result<json::object> JsonObject(std::string_view line) {
  boost::system::error_code error;
  json::value value = json::parse(line, error);
  if (error || !value.is_object()) return BadInput("expected a JSON object");
  return std::move(value.get_object());
}

Result<std::string> StringMember(const json::object& object, std::string_view key) {
  const json::value* value = object.if_contains(key);
  if (value == nullptr || !value->is_string())
    return BadInput(std::string(key) + ": missing, expected a string");
  return std::string(value->get_string());
}

Result<std::vector<std::string>> StringsMember(const json::object& object, std::string_view key) {
  const json::value* value = object.if_contains(key);
  if (value == nullptr || !value->is_array()) {
    return BadInput(std::string(key) + ": missing, expected an array of strings");
  }
  std::vector<std::string> strings;
  for (const json::value& item : value->get_array()) {
    if (!item.is_string()) return BadInput(std::string(key) + ": expected strings only");
    strings.emplace_back(item.get_string());
  }
  return strings;
}

}  // namespace tern
