#include "text/chat_messages.h"

#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <string>
#include <string_view>

namespace tern {
namespace {

namespace json = boost::json;

constexpr std::string_view kReasoning[] = {"reasoning_content", "thinking", "reasoning"};

bool IsText(const json::value* value, std::string_view text) {
  return value && value->is_string() && std::string_view(value->get_string()) == text;
}

void NameReasoning(json::object* message) {
  for (const std::string_view name : kReasoning) {
    const json::value* found = message->if_contains(name);
    if (!found) continue;
    const json::value reasoning = *found;
    (*message)["reasoning_content"] = reasoning;
    if (!message->contains("thinking")) (*message)["thinking"] = reasoning;
    return;
  }
}

void ShapeArguments(json::value* arguments, bool as_object) {
  if (as_object && arguments->is_string()) {
    json::error_code error;
    const json::value parsed = json::parse(arguments->get_string(), error);
    if (!error && parsed.is_object()) *arguments = parsed;
  } else if (!as_object && !arguments->is_string()) {
    *arguments = json::serialize(*arguments);
  }
}

void ShapeCalls(json::value* calls, bool as_objects) {
  if (!calls || !calls->is_array()) return;
  for (json::value& call : calls->get_array()) {
    json::value* function = call.is_object() ? call.get_object().if_contains("function") : nullptr;
    json::value* arguments =
        function && function->is_object() ? function->get_object().if_contains("arguments") : nullptr;
    if (arguments) ShapeArguments(arguments, as_objects);
  }
}

// Only where all parts are texts: others are the template's business.
void JoinParts(json::value* content) {
  if (!content || !content->is_array()) return;
  std::string text;
  for (const json::value& part : content->get_array()) {
    const json::object* object = part.if_object();
    const json::value* said = object ? object->if_contains("text") : nullptr;
    if (!said || !said->is_string() || !IsText(object->if_contains("type"), "text")) return;
    text += std::string_view(said->get_string());
  }
  *content = text;
}

}  // namespace

json::array ShapeMessages(const json::array& messages, const MessageShape& shape) {
  json::array shaped;
  for (const json::value& message : messages) {
    if (!message.is_object()) {
      shaped.push_back(message);
      continue;
    }
    json::object kept;
    for (const auto& member : message.get_object()) {
      if (!member.value().is_null()) kept[member.key()] = member.value();
    }
    NameReasoning(&kept);
    ShapeCalls(kept.if_contains("tool_calls"), shape.arguments_as_objects);
    if (shape.joins_parts) JoinParts(kept.if_contains("content"));
    shaped.push_back(std::move(kept));
  }
  return shaped;
}

std::string MessageText(const json::object& message) {
  const json::value* content = message.if_contains("content");
  if (content == nullptr) return "";
  if (content->is_string()) return std::string(content->get_string());
  std::string text;
  if (!content->is_array()) return text;
  for (const json::value& part : content->get_array()) {
    const json::value* said = part.is_object() ? part.get_object().if_contains("text") : nullptr;
    if (said != nullptr && said->is_string()) text += std::string_view(said->get_string());
  }
  return text;
}

}  // namespace tern
