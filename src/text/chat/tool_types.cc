#include "text/chat/tool_types.h"

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include "text/chat/json_scanner.h"
#include "text/chat/python_scanner.h"
#include "text/chat/space.h"

namespace tern::chat {
namespace {

namespace json = boost::json;

const json::value* Member(const json::value* value, std::string_view key) {
  return value && value->is_object() ? value->get_object().if_contains(key) : nullptr;
}

bool IsText(const json::value& value, std::string_view text) {
  return value.is_string() && std::string_view(value.get_string()) == text;
}

// Whether a schema allows strings and nothing else but null.
bool AllowsOnlyText(const json::value& schema) {
  const json::value* type = Member(&schema, "type");
  if (type && type->is_array()) {
    const auto& types = type->get_array();
    return std::all_of(types.begin(), types.end(),
                       [](const json::value& t) { return IsText(t, "string") || IsText(t, "null"); });
  }
  if (type) return IsText(*type, "string");
  const json::value* choices = Member(&schema, "enum");
  if (!choices || !choices->is_array()) return false;
  return std::all_of(choices->get_array().begin(), choices->get_array().end(),
                     [](const json::value& choice) { return choice.is_string(); });
}

}  // namespace

ValueType TypeOf(const json::value& tools, std::string_view function, std::string_view parameter) {
  if (!tools.is_array()) return ValueType::kUnknown;
  for (const json::value& tool : tools.get_array()) {
    const json::value* described = Member(&tool, "function");
    if (!described) described = &tool;
    const json::value* name = Member(described, "name");
    if (!name || !IsText(*name, function)) continue;
    const json::value* schema = Member(Member(Member(described, "parameters"), "properties"), parameter);
    if (!schema) return ValueType::kUnknown;
    if (AllowsOnlyText(*schema)) return ValueType::kText;
    return Member(schema, "type") ? ValueType::kOther : ValueType::kUnknown;
  }
  return ValueType::kUnknown;
}

std::string JsonOfValue(std::string_view text, ValueType type) {
  const size_t begin = std::min(text.find_first_not_of(kSpace), text.size());
  const std::string_view trimmed = text.substr(begin, text.find_last_not_of(kSpace) + 1 - begin);
  std::string made;
  JsonScanner scanner;
  if (type != ValueType::kText && scanner.Read(trimmed, &made) == trimmed.size() && scanner.Finish())
    return made;
  made.clear();
  PythonScanner python;
  if (type == ValueType::kOther && python.Read(trimmed, &made) == trimmed.size() && python.Finish(&made))
    return made;
  made = '"';
  AppendJsonEscaped(text, &made);
  return made + '"';
}

}  // namespace tern::chat
