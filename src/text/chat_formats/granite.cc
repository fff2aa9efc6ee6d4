// Granite 3; Phi-4-mini, which also closes what it opens:
//
//   <|tool_call|>[{"name": "f", "arguments": {"x": 1}}]<|/tool_call|>

#include "text/chat/json_calls.h"
#include "text/chat/tagged_parser.h"

namespace tern {
namespace {

std::unique_ptr<ChatParser> Make(const ChatFormatOptions& options) {
  return chat::TaggedParser::Make<chat::JsonCalls>(
      options, chat::JsonCallTags{.open = {"<|tool_call|>"}, .close = {"<|/tool_call|>"}});
}

}  // namespace

extern const ChatFormatDesc k_chatformat_granite;
const ChatFormatDesc k_chatformat_granite = {
    .name = "granite",
    .summary = "a JSON list after <|tool_call|>",
    .mentions = {"<|tool_call|>"},
    .make = Make,
    .call = CallShape{.open = "<|tool_call|>", .in_list = true},
};

}  // namespace tern
