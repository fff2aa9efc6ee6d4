#include "server/writers/messages_writer.h"

#include <boost/json/parse.hpp>
#include <utility>

namespace tern {
namespace {

namespace json = boost::json;

json::object UsageJson(int input_tokens, int cached_tokens, int output_tokens) {
  return {{"input_tokens", input_tokens - cached_tokens},
          {"cache_creation_input_tokens", 0},
          {"cache_read_input_tokens", cached_tokens},
          {"output_tokens", output_tokens}};
}

json::object MessageJson(const AnswerState& state, json::array content, json::value stop_reason,
                         json::value stop_sequence, json::object usage) {
  return {{"id", "msg_" + state.id},
          {"type", "message"},
          {"role", "assistant"},
          {"model", state.model},
          {"content", std::move(content)},
          {"stop_reason", std::move(stop_reason)},
          {"stop_sequence", std::move(stop_sequence)},
          {"usage", std::move(usage)}};
}

std::string_view StopReason(const AnswerChoice& choice) {
  if (choice.end == AnswerEnd::kLength) return "max_tokens";
  if (choice.end == AnswerEnd::kCalls) return "tool_use";
  return choice.stop.empty() ? "end_turn" : "stop_sequence";
}

json::value StopSequence(const AnswerChoice& choice) {
  if (choice.stop.empty() || choice.end != AnswerEnd::kStop) return nullptr;
  return json::value(choice.stop);
}

// The input of a call, as an object whatever the model wrote.
json::value InputOf(const AnswerCall& call) {
  boost::system::error_code error;
  json::value input = json::parse(call.arguments, error);
  return !error && input.is_object() ? input : json::value(json::object());
}

}  // namespace

std::string MessagesWriter::Begin(const AnswerState& state) {
  json::object message = MessageJson(state, {}, nullptr, nullptr, UsageJson(prompt_tokens_, 0, 0));
  return SseEvent("message_start", json::object{{"type", "message_start"}, {"message", std::move(message)}}) +
         SseEvent("ping", json::object{{"type", "ping"}});
}

std::string MessagesWriter::OpenBlock(Block block, json::object content) {
  std::string closed = CloseBlock();
  open_ = block;
  return closed + SseEvent("content_block_start", json::object{{"type", "content_block_start"},
                                                               {"index", blocks_++},
                                                               {"content_block", std::move(content)}});
}

std::string MessagesWriter::CloseBlock() {
  if (open_ == Block::kNone) return "";
  std::string said;
  if (open_ == Block::kThinking) said = Delta({{"type", "signature_delta"}, {"signature", ""}});
  open_ = Block::kNone;
  return said +
         SseEvent("content_block_stop", json::object{{"type", "content_block_stop"}, {"index", blocks_ - 1}});
}

std::string MessagesWriter::Delta(json::object delta) const {
  return SseEvent(
      "content_block_delta",
      json::object{{"type", "content_block_delta"}, {"index", blocks_ - 1}, {"delta", std::move(delta)}});
}

std::string MessagesWriter::Event(const AnswerState&, size_t, const ChatEvent& event) {
  std::string said;
  switch (event.kind) {
    case ChatEvent::Kind::kContent:
      if (open_ != Block::kText) said = OpenBlock(Block::kText, {{"type", "text"}, {"text", ""}});
      return said + Delta({{"type", "text_delta"}, {"text", event.text}});
    case ChatEvent::Kind::kReasoning:
      if (open_ != Block::kThinking) {
        said = OpenBlock(Block::kThinking, {{"type", "thinking"}, {"thinking", ""}, {"signature", ""}});
      }
      return said + Delta({{"type", "thinking_delta"}, {"thinking", event.text}});
    case ChatEvent::Kind::kCallBegin:
      return OpenBlock(
          Block::kCall,
          {{"type", "tool_use"}, {"id", event.id}, {"name", event.text}, {"input", json::object()}});
    case ChatEvent::Kind::kCallArguments:
      return Delta({{"type", "input_json_delta"}, {"partial_json", event.text}});
    case ChatEvent::Kind::kCallEnd:
      return CloseBlock();
  }
  return said;
}

std::string MessagesWriter::EndChoice(const AnswerState& state, size_t choice) {
  const AnswerChoice& c = state.choices[choice];
  return CloseBlock() +
         SseEvent(
             "message_delta",
             json::object{
                 {"type", "message_delta"},
                 {"delta", {{"stop_reason", StopReason(c)}, {"stop_sequence", StopSequence(c)}}},
                 {"usage", UsageJson(state.prompt_tokens, state.cached_tokens, state.completion_tokens)}});
}

std::string MessagesWriter::End(const AnswerState&) {
  return SseEvent("message_stop", json::object{{"type", "message_stop"}});
}

std::string MessagesWriter::Error(const AnswerState&, const ApiError& error) {
  return "event: error\ndata: " + ErrorBody(error, errors()) + "\n\n";
}

json::object MessagesWriter::Whole(const AnswerState& state) {
  const AnswerChoice& c = state.choices[0];
  json::array content;
  if (!c.reasoning.empty()) {
    content.push_back(json::object{{"type", "thinking"}, {"thinking", c.reasoning}, {"signature", ""}});
  }
  if (!c.content.empty() || (c.calls.empty() && c.reasoning.empty())) {
    content.push_back(json::object{{"type", "text"}, {"text", c.content}});
  }
  for (const AnswerCall& call : c.calls) {
    content.push_back(
        json::object{{"type", "tool_use"}, {"id", call.id}, {"name", call.name}, {"input", InputOf(call)}});
  }
  return MessageJson(state, std::move(content), json::string(StopReason(c)), StopSequence(c),
                     UsageJson(state.prompt_tokens, state.cached_tokens, state.completion_tokens));
}

}  // namespace tern
