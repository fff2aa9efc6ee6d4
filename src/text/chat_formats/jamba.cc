// Jamba, Apriel, Hunyuan, MiniMax M1:
//
//   <tool_calls>[{"name": "f", "arguments": {"x": 1}}]</tool_calls>

#include "text/chat/json_calls.h"
#include "text/chat/tagged_parser.h"

namespace tern {
namespace {

std::unique_ptr<ChatParser> Make(const ChatFormatOptions& options) {
  return chat::TaggedParser::Make<chat::JsonCalls>(
      options, chat::JsonCallTags{.open = {"<tool_calls>"}, .close = {"</tool_calls>"}});
}

}  // namespace

extern const ChatFormatDesc k_chatformat_jamba;
const ChatFormatDesc k_chatformat_jamba = {
    .name = "jamba",
    .summary = "JSON in <tool_calls> tags",
    .mentions = {"<tool_calls>"},
    .make = Make,
    .call = CallShape{.open = "<tool_calls>", .in_list = true},
};

}  // namespace tern
