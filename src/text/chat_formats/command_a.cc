// Command R7B and A:
//
//   <|START_ACTION|>[{"tool_call_id": "0", "tool_name": "f", "parameters": {"x": 1}}]<|END_ACTION|>

#include "text/chat/json_calls.h"
#include "text/chat/tagged_parser.h"

namespace tern {
namespace {

std::unique_ptr<ChatParser> Make(const ChatFormatOptions& options) {
  return chat::TaggedParser::Make<chat::JsonCalls>(
      options, chat::JsonCallTags{.open = {"<|START_ACTION|>"}, .close = {"<|END_ACTION|>"}});
}

}  // namespace

extern const ChatFormatDesc k_chatformat_command_a;
const ChatFormatDesc k_chatformat_command_a = {
    .name = "command_a",
    .summary = "a JSON list in <|START_ACTION|> tokens",
    .mentions = {"<|START_ACTION|>"},
    .make = Make,
    .call =
        CallShape{
            .open = "<|START_ACTION|>", .name = "tool_name", .arguments = "parameters", .in_list = true},
};

}  // namespace tern
