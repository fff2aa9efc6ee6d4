// Hermes, Qwen 2.5 and 3, Granite 4, SmolLM3, EXAONE 4, ERNIE 4.5 and many others:
//
//   <tool_call>
//   {"name": "f", "arguments": {"x": 1}}
//   </tool_call>

#include "text/chat/json_calls.h"
#include "text/chat/tagged_parser.h"

namespace tern {
namespace {

std::unique_ptr<ChatParser> Make(const ChatFormatOptions& options) {
  return chat::TaggedParser::Make<chat::JsonCalls>(
      options, chat::JsonCallTags{.open = {"<tool_call>"}, .close = {"</tool_call>"}});
}

}  // namespace

extern const ChatFormatDesc k_chatformat_hermes;
const ChatFormatDesc k_chatformat_hermes = {
    .name = "hermes",
    .summary = "JSON in <tool_call> tags",
    .mentions = {"<tool_call>"},
    .make = Make,
    .call = CallShape{.open = "<tool_call>\n"},
};

}  // namespace tern
