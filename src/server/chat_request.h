#pragma once
// ChatRequest: a conversation to be answered, whatever protocol it came in, made into a prompt.

#include <boost/json/array.hpp>

#include "server/answer_format.h"
#include "server/generation.h"

namespace tern {

// How much a model shall think, where it can be told.
inline constexpr std::string_view kEfforts[] = {"none", "minimal", "low", "medium", "high", "xhigh", "max"};

struct ToolChoice {
  enum class Kind : uint8_t { kAuto, kNone, kRequired };
  Kind kind = Kind::kAuto;
  std::string name{};  // of the function that is required; empty: any
};

struct ChatRequest {
  boost::json::array messages{};  // as OpenAI's API has them
  boost::json::array tools{};     // the same
  ToolChoice tool_choice{};
  bool parallel_calls = true;
  bool begins_turn = true;          // of the assistant
  bool continues_last = false;      // the last message is the beginning of the answer
  boost::json::object variables{};  // more of the chat template's
  AnswerFormat format{};
  // What errors call the messages, and where in a tool its name and schema stand.
  std::string_view place = "messages", tool_place = ".function", schema_place = ".parameters";
};

// Of a body that was checked against kChatFields and kAnswerFormatFields; the body's parts are moved.
// Messages without content get an empty one, as templates expect, but for those that call tools: there it is
// null.
Problem ReadChat(boost::json::object& body, ChatRequest* chat);
// "auto", "none", "required" or {"type": "function", "function": {"name": ...}}.
Problem ReadToolChoice(const boost::json::value& v, ToolChoice* choice);
// Roles that no template knows, and parts other than text, are named.
Problem CheckMessages(const boost::json::array& messages);

// The conversation as the model's template writes it, and what it leaves to the answer's reader.
Problem RenderChat(const ServerContext& context, const ChatRequest& chat, Generation* generation,
                   std::vector<TextSegment>* segments);
// How many bytes of text are tokenized for who only asks for tokens: a worker is busy with them for a second
// or two.
inline constexpr size_t kMostTokenizedBytes = size_t{1} << 20;
// The conversation's prompt, whether or not it fits the context; of kMostTokenizedBytes at most.
Problem TokenizeChat(const ServerContext& context, const ChatRequest& chat, std::vector<int32_t>* ids);
// The conversation as the prompt of `generation`, whose grammar, format and reading are set, too.
Problem PrepareChat(ServerContext& context, const ChatRequest& chat, Generation* generation);

}  // namespace tern
