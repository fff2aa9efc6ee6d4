#include "server/responses_request.h"

#include <fmt/format.h>

#include <boost/json/serialize.hpp>

#include "text/chat_messages.h"

namespace tern {
namespace {

namespace json = boost::json;

// Which part of a list lacks its text. A refusal's is what it says.
Problem CheckTexts(const json::object& item, const std::string& at) {
  for (const std::string_view list : {"content", "output", "summary"}) {
    const json::value* parts = item.if_contains(list);
    if (parts == nullptr || !parts->is_array()) continue;
    for (size_t i = 0; i < parts->get_array().size(); ++i) {
      const json::object& part = parts->get_array()[i].get_object();
      const std::string_view name = part.at("type") == "refusal" ? "refusal" : "text";
      if (auto problem = Need(part, name, fmt::format("{}.{}[{}]", at, list, i))) return problem;
    }
  }
  return std::nullopt;
}

std::string TextAt(const json::object& item, std::string_view name) {
  const json::value* v = item.if_contains(name);
  if (v == nullptr) return "";
  if (!v->is_array()) return MessageText({{"content", *v}});
  std::string text;
  for (const json::value& part : v->get_array()) {
    text += part.at(part.at("type") == "refusal" ? "refusal" : "text").get_string();
  }
  return text;
}

// What an assistant says in one turn comes in several items: reasoning, a message, calls.
class ItemReader {
 public:
  explicit ItemReader(json::array* messages) : messages_(messages) {}

  Problem Take(const json::object& item, const std::string& at) {
    if (auto problem = CheckTexts(item, at)) return problem;
    const json::value* named = item.if_contains("type");
    const std::string_view type = named != nullptr ? std::string_view(named->get_string()) : "message";
    if (type == "message") return TakeMessage(item, at);
    if (type == "function_call") return TakeCall(item, at);
    if (type == "function_call_output") return TakeOutput(item, at);
    const std::string text = TextAt(item, "content");
    reasoning_ += text.empty() ? TextAt(item, "summary") : text;
    return std::nullopt;
  }

 private:
  json::object& Turn() {
    const bool goes_on = !messages_->empty() && messages_->back().at("role") == "assistant";
    if (!goes_on) messages_->push_back(json::object{{"role", "assistant"}, {"content", ""}});
    json::object& turn = messages_->back().get_object();
    if (!reasoning_.empty()) turn["reasoning_content"] = std::exchange(reasoning_, {});
    return turn;
  }
  Problem TakeMessage(const json::object& item, const std::string& at) {
    for (const std::string_view name : {"role", "content"}) {
      if (auto problem = Need(item, name, at)) return problem;
    }
    const std::string text = TextAt(item, "content");
    if (item.at("role") == "assistant" && !reasoning_.empty()) {
      Turn()["content"] = text;
    } else {
      messages_->push_back(json::object{{"role", item.at("role")}, {"content", text}});
    }
    return std::nullopt;
  }
  Problem TakeCall(const json::object& item, const std::string& at) {
    for (const std::string_view name : {"call_id", "name", "arguments"}) {
      if (auto problem = Need(item, name, at)) return problem;
    }
    json::value& calls = Turn()["tool_calls"];
    if (!calls.is_array()) calls = json::array();
    calls.get_array().push_back(
        json::object{{"id", item.at("call_id")},
                     {"type", "function"},
                     {"function", {{"name", item.at("name")}, {"arguments", item.at("arguments")}}}});
    return std::nullopt;
  }
  Problem TakeOutput(const json::object& item, const std::string& at) {
    for (const std::string_view name : {"call_id", "output"}) {
      if (auto problem = Need(item, name, at)) return problem;
    }
    messages_->push_back(json::object{
        {"role", "tool"}, {"tool_call_id", item.at("call_id")}, {"content", TextAt(item, "output")}});
    return std::nullopt;
  }

  json::array* messages_;
  std::string reasoning_;  // of the turn that follows
};

json::object NestedTool(const json::object& tool) {
  json::object function;
  for (const std::string_view name : {"name", "description", "parameters", "strict"}) {
    if (const json::value* v = tool.if_contains(name)) function[name] = *v;
  }
  return {{"type", "function"}, {"function", std::move(function)}};
}

Problem ReadTextFormat(const json::object& format, AnswerFormat* answer) {
  for (const std::string_view needed : {"name", "schema"}) {
    if (format.at("type") != "json_schema" || format.contains(needed)) continue;
    return Wrong(fmt::format("text.format.{}", needed), "required");
  }
  json::object asked{{"type", format.at("type")}};
  if (const json::value* schema = format.if_contains("schema")) asked["schema"] = *schema;
  auto problem = ReadAnswerFormat({{"response_format", asked}}, answer);
  if (!answer->param.empty())
    answer->param = format.contains("schema") ? "text.format.schema" : "text.format";
  return problem;
}

Problem ReadOptions(const json::object& body, ChatRequest* chat) {
  if (const json::value* v = body.if_contains("tool_choice")) {
    json::value choice = *v;
    if (choice.is_object()) {  // the name is not nested
      json::object flat = std::exchange(choice, json::object()).get_object();
      if (const json::value* type = flat.if_contains("type")) choice.get_object()["type"] = *type;
      choice.get_object()["function"] = std::move(flat);
    }
    if (auto problem = ReadToolChoice(choice, &chat->tool_choice)) return problem;
  }
  if (const json::value* v = body.if_contains("parallel_tool_calls")) chat->parallel_calls = v->get_bool();
  if (const json::value* v = body.if_contains("chat_template_kwargs")) chat->variables = v->get_object();
  if (const json::value* v = body.if_contains("reasoning")) {
    const json::value* effort = v->get_object().if_contains("effort");
    if (effort != nullptr) chat->variables["reasoning_effort"] = *effort;
  }
  const json::value* text = body.if_contains("text");
  const json::value* format = text != nullptr ? text->get_object().if_contains("format") : nullptr;
  return format != nullptr ? ReadTextFormat(format->get_object(), &chat->format) : std::nullopt;
}

}  // namespace

Problem ReadResponses(const json::object& body, ChatRequest* chat) {
  chat->place = "input";
  chat->tool_place = "";
  if (const json::value* v = body.if_contains("instructions"); v != nullptr && !v->get_string().empty()) {
    chat->messages.push_back(json::object{{"role", "system"}, {"content", *v}});
  }
  const json::value& input = body.at("input");
  if (input.is_string()) {
    chat->messages.push_back(json::object{{"role", "user"}, {"content", input}});
  } else if (input.get_array().empty()) {
    return Wrong("input", "empty, expected at least one item");
  } else {
    ItemReader reader(&chat->messages);
    for (size_t i = 0; i < input.get_array().size(); ++i) {
      const json::object& item = input.get_array()[i].get_object();
      if (auto problem = reader.Take(item, fmt::format("input[{}]", i))) return problem;
    }
  }
  if (const json::value* tools = body.if_contains("tools")) {
    for (const json::value& tool : tools->get_array()) chat->tools.push_back(NestedTool(tool.get_object()));
  }
  return ReadOptions(body, chat);
}

}  // namespace tern
