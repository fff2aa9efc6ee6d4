#pragma once
// ToolTypes: the types that a request's tools give their parameters, for formats that write values without.

#include <boost/json/value.hpp>
#include <string>
#include <string_view>

namespace tern::chat {

enum class ValueType { kUnknown, kText, kOther };

// What the tools say of a parameter. `tools`: as OpenAI describes them.
ValueType TypeOf(const boost::json::value& tools, std::string_view function, std::string_view parameter);

// A value as JSON: read as it is written where it is JSON, or, with kOther, Python; else, and always with
// kText, a string.
std::string JsonOfValue(std::string_view text, ValueType type);

}  // namespace tern::chat
