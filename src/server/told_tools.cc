#include "server/told_tools.h"

#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <string>

#include "text/chat_messages.h"

namespace tern {
namespace {

namespace json = boost::json;

std::string DescribeTools(const json::array& tools) {
  std::string text = "These functions can be called. Each line describes one of them.\n<tools>\n";
  for (const json::value& tool : tools) text += json::serialize(tool.at("function")) + "\n";
  return text +
         "</tools>\nTo call one, write its name and its arguments as a JSON object between tags:\n"
         "<tool_call>\n{\"name\": \"NAME\", \"arguments\": {\"ARGUMENT\": VALUE}}\n</tool_call>";
}

void Append(const std::string& more, std::string* text) {
  if (!text->empty()) *text += "\n\n";
  *text += more;
}

std::string WrittenCalls(const json::array& calls) {
  std::string text;
  for (const json::value& call : calls) {
    const json::object& function = call.at("function").get_object();
    const json::value* arguments = function.if_contains("arguments");
    std::string written = "{}";
    if (arguments != nullptr) {
      written = arguments->is_string() ? std::string(arguments->get_string()) : json::serialize(*arguments);
    }
    text += (text.empty() ? "" : "\n") + std::string("<tool_call>\n{\"name\": ") +
            json::serialize(function.at("name")) + ", \"arguments\": " + written + "}\n</tool_call>";
  }
  return text;
}

json::object Told(const json::object& message) {
  const std::string_view role = message.at("role").get_string();
  std::string text = MessageText(message);
  if (role == "tool" || role == "function") {
    return {{"role", "user"}, {"content", "<tool_response>\n" + text + "\n</tool_response>"}};
  }
  const json::value* calls = message.if_contains("tool_calls");
  if (calls == nullptr) return message;
  Append(WrittenCalls(calls->get_array()), &text);
  return {{"role", role}, {"content", text}};
}

}  // namespace

json::array TellTools(const json::array& messages, const json::array& tools) {
  json::array told;
  std::string system;
  size_t first = 0;
  if (!messages.empty() && messages[0].at("role") == "system") {
    system = MessageText(messages[0].get_object());
    first = 1;
  }
  if (!tools.empty()) Append(DescribeTools(tools), &system);
  if (!system.empty()) told.push_back(json::object{{"role", "system"}, {"content", system}});
  for (size_t i = first; i < messages.size(); ++i) told.push_back(Told(messages[i].get_object()));
  return told;
}

}  // namespace tern
