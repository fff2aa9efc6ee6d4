// Command R and R+:
//
//   Action:
//   ```json
//   [{"tool_name": "f", "parameters": {"x": 1}}]
//   ```

#include "text/chat/json_calls.h"
#include "text/chat/tagged_parser.h"

namespace tern {
namespace {

std::unique_ptr<ChatParser> Make(const ChatFormatOptions& options) {
  return chat::TaggedParser::Make<chat::JsonCalls>(
      options, chat::JsonCallTags{.open = {"Action:\n```json", "Action: ```json", "Action:```json"},
                                  .close = {"```"}});
}

}  // namespace

extern const ChatFormatDesc k_chatformat_command_r;
const ChatFormatDesc k_chatformat_command_r = {
    .name = "command_r",
    .summary = "a fenced JSON list after Action:",
    .mentions = {"Action:\\n```json", "Action:\n```json"},
    .make = Make,
    .call =
        CallShape{
            .open = "Action:\n```json\n", .name = "tool_name", .arguments = "parameters", .in_list = true},
};

}  // namespace tern
