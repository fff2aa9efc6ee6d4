// The same answer in every protocol: some reasoning, a text, two calls.

#include <gtest/gtest.h>

#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "server/writers/chat_writer.h"
#include "server/writers/messages_writer.h"
#include "server/writers/ollama_writer.h"
#include "server/writers/responses_writer.h"

namespace tern {
namespace {

namespace json = boost::json;
using Kind = ChatEvent::Kind;

const ChatEvent kEvents[] = {{.kind = Kind::kReasoning, .text = "Hm"},
                             {.kind = Kind::kReasoning, .text = "m."},
                             {.kind = Kind::kContent, .text = "So: "},
                             {.kind = Kind::kCallBegin, .text = "f", .call = 0, .id = "c0"},
                             {.kind = Kind::kCallArguments, .text = "{\"x\":", .call = 0},
                             {.kind = Kind::kCallArguments, .text = "1}", .call = 0},
                             {.kind = Kind::kCallEnd, .call = 0},
                             {.kind = Kind::kCallBegin, .text = "g", .call = 1, .id = "c1"},
                             {.kind = Kind::kCallArguments, .text = "{}", .call = 1},
                             {.kind = Kind::kCallEnd, .call = 1}};

AnswerState NewState() {
  AnswerState state{.id = "1", .created = 2, .model = "m"};
  state.choices.resize(1);
  return state;
}

void Follow(const ChatEvent& event, AnswerChoice* choice) {
  if (event.kind == Kind::kReasoning) choice->reasoning += event.text;
  if (event.kind == Kind::kContent) choice->content += event.text;
  if (event.kind == Kind::kCallBegin) choice->calls.push_back({event.id, event.text, ""});
  if (event.kind == Kind::kCallArguments) choice->calls.back().arguments += event.text;
}

AnswerState WholeState() {
  AnswerState state = NewState();
  for (const ChatEvent& event : kEvents) Follow(event, &state.choices[0]);
  state.choices[0].end = AnswerEnd::kCalls;
  return state;
}

// The JSON of each event of a stream, in order.
std::vector<json::value> Stream(AnswerWriter& writer) {
  AnswerState state = NewState();
  std::string said = writer.Begin(state);
  for (const ChatEvent& event : kEvents) {
    Follow(event, &state.choices[0]);
    said += writer.Event(state, 0, event);
  }
  state.choices[0].end = AnswerEnd::kCalls;
  said += writer.EndChoice(state, 0);
  said += writer.End(state);
  std::vector<json::value> events;
  for (size_t at = 0; at < said.size();) {
    const size_t end = said.find('\n', at);
    std::string_view line = std::string_view(said).substr(at, end - at);
    at = end + 1;
    if (line.starts_with("data: ")) line.remove_prefix(6);
    if (line.starts_with('{')) events.push_back(json::parse(line));
  }
  return events;
}

std::string Joined(const std::vector<json::value>& events,
                   const std::function<json::value(const json::value&)>& f) {
  std::string text;
  for (const json::value& event : events) {
    const json::value found = f(event);
    if (!found.is_null()) text += (text.empty() ? "" : " ") + json::serialize(found);
  }
  return text;
}

TEST(Writers, ChatChunksJoinToTheMessage) {
  ChatWriter writer({}, false);
  EXPECT_EQ(
      Joined(Stream(writer),
             [](const json::value& event) {
               json::object delta = event.at("choices").at(0).at("delta").get_object();
               const json::value& reason = event.at("choices").at(0).at("finish_reason");
               return reason.is_null() ? json::value(delta) : reason;
             }),
      R"({"role":"assistant","content":""} {"reasoning_content":"Hm"} {"reasoning_content":"m."} {"content":"So: "} )"
      R"({"tool_calls":[{"index":0,"id":"c0","type":"function","function":{"name":"f","arguments":""}}]} )"
      R"({"tool_calls":[{"index":0,"function":{"arguments":"{\"x\":"}}]} )"
      R"({"tool_calls":[{"index":0,"function":{"arguments":"1}"}}]} )"
      R"({"tool_calls":[{"index":1,"id":"c1","type":"function","function":{"name":"g","arguments":""}}]} )"
      R"({"tool_calls":[{"index":1,"function":{"arguments":"{}"}}]} "tool_calls")");
  EXPECT_EQ(json::serialize(ChatWriter({}, false).Whole(WholeState()).at("choices").at(0).at("message")),
            R"({"role":"assistant","content":"So: ","refusal":null,"reasoning_content":"Hmm.","tool_calls":[)"
            R"({"id":"c0","type":"function","function":{"name":"f","arguments":"{\"x\":1}"}},)"
            R"({"id":"c1","type":"function","function":{"name":"g","arguments":"{}"}}]})");
}

TEST(Writers, MessagesComeInBlocksOneAfterTheOther) {
  MessagesWriter writer(0);
  EXPECT_EQ(Joined(Stream(writer),
                   [](const json::value& event) -> json::value {
                     const json::object& e = event.get_object();
                     if (e.contains("content_block")) return e.at("content_block").at("type");
                     if (e.at("type") == "message_delta") return e.at("delta").at("stop_reason");
                     return e.contains("delta") ? e.at("index") : json::value(nullptr);
                   }),
            R"("thinking" 0 0 0 "text" 1 "tool_use" 2 2 "tool_use" 3 "tool_use")");
  EXPECT_EQ(
      json::serialize(MessagesWriter(0).Whole(WholeState()).at("content")),
      R"([{"type":"thinking","thinking":"Hmm.","signature":""},{"type":"text","text":"So: "},)"
      R"({"type":"tool_use","id":"c0","name":"f","input":{"x":1}},{"type":"tool_use","id":"c1","name":"g","input":{}}])");
}

TEST(Writers, ResponsesNumberTheirEventsAndEndWithTheWhole) {
  ResponsesWriter writer({}, false);
  const std::vector<json::value> events = Stream(writer);
  for (size_t i = 0; i < events.size(); ++i) {
    EXPECT_EQ(events[i].at("sequence_number").to_number<size_t>(), i);
  }
  EXPECT_EQ(Joined(events,
                   [](const json::value& event) -> json::value {
                     const std::string_view type = event.at("type").get_string();
                     if (type == "response.output_item.added") return event.at("item").at("type");
                     return type.ends_with("item.done") ? event.at("output_index") : json::value(nullptr);
                   }),
            R"("reasoning" 0 "message" 1 "function_call" 2 "function_call" 3)");
  EXPECT_EQ(events.back().at("type"), "response.completed");
  ResponsesWriter whole({}, false);
  EXPECT_EQ(events.back().at("response"), json::value(whole.Whole(WholeState())));
  EXPECT_EQ(
      json::serialize(events.back().at("response").at("output").at(2)),
      R"({"id":"fc_12","type":"function_call","status":"completed","call_id":"c0","name":"f","arguments":"{\"x\":1}"})");
}

TEST(Writers, OllamaSaysCallsWhole) {
  OllamaWriter writer(OllamaWriter::Kind::kChat);
  EXPECT_EQ(Joined(Stream(writer),
                   [](const json::value& event) -> json::value {
                     const json::object& message = event.at("message").get_object();
                     if (message.contains("thinking")) return message.at("thinking");
                     return message.contains("tool_calls") ? message.at("tool_calls") : message.at("content");
                   }),
            R"("Hm" "m." "So: " [{"id":"c0","function":{"name":"f","arguments":{"x":1}}}] )"
            R"([{"id":"c1","function":{"name":"g","arguments":{}}}] "")");
}

TEST(Writers, AnErrorInAStreamIsOneThatClientsSee) {
  const ApiError error{.status = 500, .message = "internal error", .code = "internal_error"};
  EXPECT_EQ(
      ChatWriter({}, false).Error(NewState(), error),
      "data: {\"error\":{\"message\":\"internal error\",\"type\":\"server_error\",\"param\":null,\"code\":"
      "\"internal_error\"}}\n\n");
  EXPECT_EQ(MessagesWriter(0).Error(NewState(), error),
            "event: error\ndata: {\"type\":\"error\",\"error\":{\"message\":\"internal "
            "error\",\"type\":\"api_error\","
            "\"param\":null,\"code\":\"internal_error\"}}\n\n");
  EXPECT_EQ(OllamaWriter(OllamaWriter::Kind::kChat).Error(NewState(), error),
            "{\"error\":\"internal error\"}\n");
}

}  // namespace
}  // namespace tern
