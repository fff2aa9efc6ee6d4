#include "server/messages_request.h"

#include <fmt/format.h>

#include <boost/json/serialize.hpp>

#include "text/chat_messages.h"

namespace tern {
namespace {

namespace json = boost::json;

json::object Call(const json::object& block) {
  return {{"id", block.at("id")},
          {"type", "function"},
          {"function", {{"name", block.at("name")}, {"arguments", json::serialize(block.at("input"))}}}};
}

// One turn of several blocks becomes a message, and one more for each result of a tool, in front of it.
class TurnReader {
 public:
  TurnReader(std::string_view role, json::array* messages) : role_(role), messages_(messages) {}

  Problem Take(const json::object& block, const std::string& at) {
    const std::string_view type = block.at("type").get_string();
    if (type == "redacted_thinking") return std::nullopt;
    if (type == "tool_use") return TakeCall(block, at);
    if (type == "tool_result") return TakeResult(block, at);
    if (type == "document") return TakeDocument(block, at);
    if (auto problem = Need(block, type, at)) return problem;  // their text goes by the name of their type
    (type == "text" ? text_ : thinking_) += block.at(type).get_string();
    has_text_ |= type == "text";
    return std::nullopt;
  }

  void Finish() {
    if (!has_text_ && calls_.empty() && has_results_) return;
    json::object message{{"role", role_}, {"content", text_}};
    if (!thinking_.empty()) message["reasoning_content"] = thinking_;
    if (!calls_.empty()) message["tool_calls"] = std::move(calls_);
    messages_->push_back(std::move(message));
  }

 private:
  Problem TakeCall(const json::object& block, const std::string& at) {
    for (const std::string_view name : {"id", "name", "input"}) {
      if (auto problem = Need(block, name, at)) return problem;
    }
    calls_.push_back(Call(block));
    return std::nullopt;
  }
  Problem TakeResult(const json::object& block, const std::string& at) {
    if (auto problem = Need(block, "tool_use_id", at)) return problem;
    has_results_ = true;
    messages_->push_back(json::object{
        {"role", "tool"}, {"tool_call_id", block.at("tool_use_id")}, {"content", MessageText(block)}});
    return std::nullopt;
  }

  // A text of its own: what it is called, what is said of it, and a blank line behind it.
  Problem TakeDocument(const json::object& block, const std::string& at) {
    if (auto problem = Need(block, "source", at)) return problem;
    const json::object& source = block.at("source").get_object();
    const bool is_text = source.at("type") == "text";
    if (auto problem = Need(source, is_text ? "data" : "content", at + ".source")) return problem;
    for (const char* name : {"title", "context"}) {
      if (const json::value* v = block.if_contains(name)) text_.append(v->get_string()).append("\n");
    }
    text_ += (is_text ? std::string(source.at("data").get_string()) : MessageText(source)) + "\n\n";
    has_text_ = true;
    return std::nullopt;
  }

  std::string_view role_;
  json::array* messages_;
  std::string text_, thinking_;
  json::array calls_;
  bool has_text_ = false, has_results_ = false;
};

Problem ReadTurns(const json::array& turns, json::array* messages) {
  for (size_t i = 0; i < turns.size(); ++i) {
    const json::object& turn = turns[i].get_object();
    const json::value& content = turn.at("content");
    if (content.is_string()) {
      messages->push_back(turn);
      continue;
    }
    TurnReader reader(turn.at("role").get_string(), messages);
    for (size_t b = 0; b < content.get_array().size(); ++b) {
      const std::string at = fmt::format("messages[{}].content[{}]", i, b);
      if (auto problem = reader.Take(content.get_array()[b].get_object(), at)) return problem;
    }
    reader.Finish();
  }
  return std::nullopt;
}

Problem ReadChoice(const json::object& v, ChatRequest* chat) {
  using Kind = ToolChoice::Kind;
  const std::string_view type = v.at("type").get_string();
  chat->tool_choice.kind = type == "auto" ? Kind::kAuto : type == "none" ? Kind::kNone : Kind::kRequired;
  if (type == "tool") {
    if (auto problem = Need(v, "name", "tool_choice")) return problem;
    chat->tool_choice.name = v.at("name").get_string();
  }
  chat->parallel_calls = !IsSet(v, "disable_parallel_tool_use");
  return std::nullopt;
}

json::object FunctionTool(const json::object& tool) {
  json::object function{{"name", tool.at("name")}};
  if (const json::value* text = tool.if_contains("description")) function["description"] = *text;
  if (const json::value* strict = tool.if_contains("strict")) function["strict"] = *strict;
  function["parameters"] = tool.at("input_schema");
  return {{"type", "function"}, {"function", std::move(function)}};
}

void ReadFormat(const json::object& body, AnswerFormat* format) {
  const json::value* found = body.if_contains("output_format");
  if (const json::value* config = body.if_contains("output_config")) {
    if (const json::value* v = config->get_object().if_contains("format")) found = v;
  }
  if (found == nullptr) return;
  const std::string param =
      body.contains("output_config") ? "output_config.format.schema" : "output_format.schema";
  *format = {.param = param, .form = "json_schema", .source = json::serialize(found->at("schema"))};
}

}  // namespace

Problem ReadMessages(json::object& body, ChatRequest* chat) {
  chat->tool_place = "";
  chat->schema_place = ".input_schema";
  const json::array turns = std::move(body.at("messages").get_array());
  if (turns.empty()) return Wrong("messages", "empty, expected at least one");
  if (const json::value* system = body.if_contains("system")) {
    const std::string text = MessageText({{"content", *system}});
    if (!text.empty()) chat->messages.push_back(json::object{{"role", "system"}, {"content", text}});
  }
  if (auto problem = ReadTurns(turns, &chat->messages)) return problem;
  if (const json::value* tools = body.if_contains("tools")) {
    for (const json::value& tool : tools->get_array()) chat->tools.push_back(FunctionTool(tool.get_object()));
  }
  if (const json::value* v = body.if_contains("tool_choice")) {
    if (auto problem = ReadChoice(v->get_object(), chat)) return problem;
  }
  if (const json::value* v = body.if_contains("thinking")) {
    const json::object& thinking = v->get_object();
    if (thinking.at("type") == "enabled") {
      if (auto problem = Need(thinking, "budget_tokens", "thinking")) return problem;
    }
    chat->variables["enable_thinking"] = v->at("type").get_string() != "disabled";
  }
  ReadFormat(body, &chat->format);
  chat->continues_last = turns.back().at("role") == "assistant" && !chat->messages.empty() &&
                         chat->messages.back().at("role") == "assistant";
  return std::nullopt;
}

}  // namespace tern
