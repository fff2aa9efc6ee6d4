#include "server/writers/chat_writer.h"

#include <utility>

namespace tern {
namespace {

namespace json = boost::json;

json::object Head(const AnswerState& state, std::string_view object) {
  return {
      {"id", "chatcmpl-" + state.id}, {"object", object}, {"created", state.created}, {"model", state.model}};
}

json::object CallJson(const AnswerCall& call) {
  return {{"id", call.id},
          {"type", "function"},
          {"function", {{"name", call.name}, {"arguments", call.arguments}}}};
}

json::object MessageJson(const AnswerChoice& choice) {
  json::object message{{"role", "assistant"}, {"content", choice.content}, {"refusal", nullptr}};
  if (!choice.reasoning.empty()) message["reasoning_content"] = choice.reasoning;
  if (choice.calls.empty()) return message;
  if (choice.content.empty()) message["content"] = nullptr;
  json::array calls;
  for (const AnswerCall& call : choice.calls) calls.push_back(CallJson(call));
  message["tool_calls"] = std::move(calls);
  return message;
}

json::object CallsDelta(json::object call) { return {{"tool_calls", json::array{std::move(call)}}}; }

}  // namespace

// Each choice's role, once, and before there is anything to say: a client that waits hears that it is heard.
std::string ChatWriter::Begin(const AnswerState& state) {
  std::string said;
  for (size_t i = 0; i < state.choices.size(); ++i) {
    const json::value content = forced_call_ ? json::value() : json::value("");
    said += Delta(state, i, {{"role", "assistant"}, {"content", content}}, nullptr);
  }
  return said;
}

std::string ChatWriter::Event(const AnswerState& state, size_t choice, const ChatEvent& event) {
  json::object delta;
  switch (event.kind) {
    case ChatEvent::Kind::kContent:
      delta["content"] = event.text;
      break;
    case ChatEvent::Kind::kReasoning:
      delta["reasoning_content"] = event.text;
      break;
    case ChatEvent::Kind::kCallBegin:
      delta = CallsDelta({{"index", event.call},
                          {"id", event.id},
                          {"type", "function"},
                          {"function", {{"name", event.text}, {"arguments", ""}}}});
      break;
    case ChatEvent::Kind::kCallArguments:
      delta = CallsDelta({{"index", event.call}, {"function", {{"arguments", event.text}}}});
      break;
    case ChatEvent::Kind::kCallEnd:
      return "";
  }
  return Delta(state, choice, std::move(delta), nullptr);
}

json::value ChatWriter::NewLogprobs(const AnswerState& state, size_t choice) const {
  if (!logprobs_) return nullptr;
  json::array list = LogprobsJson(state, choice, 0);
  if (list.empty()) return nullptr;
  return json::object{{"content", std::move(list)}, {"refusal", nullptr}};
}

std::string ChatWriter::Delta(const AnswerState& state, size_t choice, json::object delta,
                              json::value finish_reason) const {
  const json::value usage = options_.continuous_usage ? json::value(UsageJson(state)) : json::value();
  return Chunk(state,
               {json::object{{"index", choice},
                             {"delta", std::move(delta)},
                             {"logprobs", NewLogprobs(state, choice)},
                             {"finish_reason", std::move(finish_reason)}}},
               usage);
}

std::string ChatWriter::Chunk(const AnswerState& state, json::array choices, json::value usage) const {
  json::object chunk = Head(state, "chat.completion.chunk");
  chunk["choices"] = std::move(choices);
  if (options_.include_usage || options_.continuous_usage) chunk["usage"] = std::move(usage);
  return SseData(chunk);
}

std::string ChatWriter::EndChoice(const AnswerState& state, size_t choice) {
  return Delta(state, choice, {}, json::string(FinishReasonOf(state.choices[choice].end)));
}

std::string ChatWriter::End(const AnswerState& state) {
  const std::string usage = options_.include_usage ? Chunk(state, {}, UsageJson(state)) : "";
  return usage + "data: [DONE]\n\n";
}

json::object ChatWriter::Whole(const AnswerState& state) {
  json::object body = Head(state, "chat.completion");
  json::array choices;
  for (size_t i = 0; i < state.choices.size(); ++i) {
    const AnswerChoice& choice = state.choices[i];
    json::value logprobs;
    if (logprobs_) logprobs = json::object{{"content", LogprobsJson(state, i, 0)}, {"refusal", nullptr}};
    choices.push_back(json::object{{"index", i},
                                   {"message", MessageJson(choice)},
                                   {"logprobs", std::move(logprobs)},
                                   {"finish_reason", FinishReasonOf(choice.end)}});
  }
  body["choices"] = std::move(choices);
  body["usage"] = UsageJson(state);
  return body;
}

}  // namespace tern
