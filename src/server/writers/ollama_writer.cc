#include "server/writers/ollama_writer.h"

#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "server/model_json.h"
#include "server/writers/openai.h"

namespace tern {
namespace {

namespace json = boost::json;

json::array CallsJson(std::span<const AnswerCall* const> calls) {
  json::array list;
  for (const AnswerCall* call : calls) {
    boost::system::error_code error;
    json::value arguments = json::parse(call->arguments, error);
    if (error || !arguments.is_object()) arguments = json::object();
    list.push_back(json::object{{"id", call->id},
                                {"function", {{"name", call->name}, {"arguments", std::move(arguments)}}}});
  }
  return list;
}

int64_t Nanoseconds(double seconds) { return static_cast<int64_t>(seconds * 1e9); }

}  // namespace

json::object OllamaWriter::Line(const std::string& model, const Said& said) const {
  json::object line{{"model", model}, {"created_at", Rfc3339()}};
  if (kind_ == Kind::kGenerate) {
    line["response"] = said.text;
    if (!said.thinking.empty()) line["thinking"] = said.thinking;
  } else {
    json::object message{{"role", "assistant"}, {"content", said.text}};
    if (!said.thinking.empty()) message["thinking"] = said.thinking;
    if (!said.calls.empty()) message["tool_calls"] = CallsJson(said.calls);
    line["message"] = std::move(message);
  }
  line["done"] = false;
  return line;
}

// Of the tokens that were not said before; none where nobody asked.
void OllamaWriter::PutLogprobs(const AnswerState& state, json::object* line) const {
  json::array list = LogprobsJson(state, 0, 0);
  if (!list.empty()) (*line)["logprobs"] = std::move(list);
}

void OllamaWriter::PutEnd(const AnswerState& state, json::object* line) const {
  const std::chrono::nanoseconds total = std::chrono::steady_clock::now() - begun_;
  (*line)["done"] = true;
  (*line)["done_reason"] = state.choices[0].end == AnswerEnd::kLength ? "length" : "stop";
  (*line)["total_duration"] = total.count();
  (*line)["load_duration"] = 0;
  (*line)["prompt_eval_count"] = state.prompt_tokens;
  (*line)["prompt_eval_duration"] = Nanoseconds(state.first_token_s);
  (*line)["eval_count"] = state.completion_tokens;
  (*line)["eval_duration"] = Nanoseconds(state.decode_s);
}

std::string OllamaWriter::Event(const AnswerState& state, size_t choice, const ChatEvent& event) {
  Said said;
  switch (event.kind) {
    case ChatEvent::Kind::kContent:
      said.text = event.text;
      break;
    case ChatEvent::Kind::kReasoning:
      said.thinking = event.text;
      break;
    case ChatEvent::Kind::kCallBegin:
    case ChatEvent::Kind::kCallArguments:
      return "";  // calls are said whole
    case ChatEvent::Kind::kCallEnd:
      said.calls.push_back(&state.choices[choice].calls.back());
      break;
  }
  json::object line = Line(state.model, said);
  PutLogprobs(state, &line);
  return json::serialize(line) + "\n";
}

std::string OllamaWriter::EndChoice(const AnswerState& state, size_t) {
  json::object line = Line(state.model, {});
  PutLogprobs(state, &line);
  PutEnd(state, &line);
  return json::serialize(line) + "\n";
}

std::string OllamaWriter::Error(const AnswerState&, const ApiError& error) {
  return ErrorBody(error, errors()) + "\n";
}

json::object OllamaWriter::Whole(const AnswerState& state) {
  const AnswerChoice& c = state.choices[0];
  Said said{.text = c.content, .thinking = c.reasoning};
  for (const AnswerCall& call : c.calls) said.calls.push_back(&call);
  json::object line = Line(state.model, said);
  PutLogprobs(state, &line);
  PutEnd(state, &line);
  return line;
}

json::object OllamaWriter::Loaded(const std::string& model, bool lets_go) const {
  json::object line = Line(model, {});
  line["done"] = true;
  line["done_reason"] = lets_go ? "unload" : "load";
  return line;
}

}  // namespace tern
