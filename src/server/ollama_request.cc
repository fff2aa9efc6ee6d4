#include "server/ollama_request.h"

#include <fmt/format.h>

#include <boost/json/serialize.hpp>

#include "base/duration_text.h"

namespace tern {
namespace {

namespace json = boost::json;

Problem ReadFormat(const json::value& v, AnswerFormat* format) {
  if (v.is_object()) {
    *format = {.param = "format", .form = "json_schema", .source = json::serialize(v)};
  } else if (v.get_string() == "json") {
    *format = {.param = "format", .form = "json", .source = ""};
  } else if (!v.get_string().empty()) {
    return Wrong("format", "expected json, or a JSON schema");
  }
  return std::nullopt;
}

void ReadThink(const json::value& v, json::object* variables) {
  (*variables)["enable_thinking"] = v.is_string() || v.get_bool();
  if (v.is_string()) (*variables)["reasoning_effort"] = v;
}

Problem ReadLogprobs(const json::object& body, Generation* generation) {
  const json::value* top = body.if_contains("top_logprobs");
  const size_t count = top != nullptr ? top->to_number<size_t>() : 0;
  if (IsSet(body, "logprobs")) generation->logprobs = count;
  if (count == 0 || generation->logprobs) return std::nullopt;
  return Wrong("top_logprobs", "expected logprobs to be true");
}

json::array Calls(const json::array& calls, size_t message) {
  json::array made;
  for (size_t i = 0; i < calls.size(); ++i) {
    const json::object& function = calls[i].at("function").get_object();
    const json::value* arguments = function.if_contains("arguments");
    made.push_back(json::object{
        {"id", fmt::format("call_{}_{}", message, i)},
        {"type", "function"},
        {"function",
         {{"name", function.at("name")},
          {"arguments", arguments != nullptr ? json::serialize(*arguments) : std::string("{}")}}}});
  }
  return made;
}

}  // namespace

Problem ReadOllama(const ServerContext& context, const json::object& body, Generation* generation,
                   ChatRequest* chat) {
  if (auto problem = CheckGenerates(context, body)) return problem;
  json::object options;
  if (const json::value* v = body.if_contains("options")) options = v->get_object();
  Rename(options, "num_predict", "max_tokens");
  if (const json::value* v = options.if_contains("max_tokens"); v != nullptr && v->to_number<int>() <= 0) {
    options.erase("max_tokens");
  }
  if (auto problem = ReadGeneration(context, options, generation)) return problem;
  if (auto problem = ReadLogprobs(body, generation)) return problem;
  generation->stream = !body.contains("stream") || IsSet(body, "stream");
  if (const json::value* v = body.if_contains("think")) ReadThink(*v, &chat->variables);
  if (const json::value* v = body.if_contains("format")) return ReadFormat(*v, &chat->format);
  return std::nullopt;
}

Problem ReadKeepAlive(const json::object& body, std::optional<double>* keep_s) {
  const json::value* v = body.if_contains("keep_alive");
  if (v == nullptr) return std::nullopt;
  *keep_s = v->is_number() ? v->to_number<double>() : ParseDuration(v->get_string());
  if (*keep_s) return std::nullopt;
  return Wrong("keep_alive", "expected a time as 10m or 90s, or seconds");
}

bool LetsGo(const json::object& body) {
  std::optional<double> keep_s;
  return !ReadKeepAlive(body, &keep_s) && keep_s == 0;
}

Problem ReadOllamaMessages(const json::array& messages, json::array* made) {
  for (size_t i = 0; i < messages.size(); ++i) {
    const json::object& message = messages[i].get_object();
    json::object m{{"role", message.at("role")}, {"content", ""}};
    if (const json::value* v = message.if_contains("content")) m["content"] = *v;
    if (const json::value* v = message.if_contains("thinking")) m["reasoning_content"] = *v;
    if (const json::value* v = message.if_contains("tool_calls")) m["tool_calls"] = Calls(v->get_array(), i);
    if (const json::value* v = message.if_contains("tool_name")) m["name"] = *v;
    if (const json::value* v = message.if_contains("tool_call_id")) m["tool_call_id"] = *v;
    made->push_back(std::move(m));
  }
  return CheckMessages(*made);
}

}  // namespace tern
