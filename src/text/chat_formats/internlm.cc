// InternLM 2 and 3:
//
//   <|action_start|><|plugin|>{"name": "f", "parameters": {"x": 1}}<|action_end|>

#include "text/chat/json_calls.h"
#include "text/chat/tagged_parser.h"

namespace tern {
namespace {

std::unique_ptr<ChatParser> Make(const ChatFormatOptions& options) {
  return chat::TaggedParser::Make<chat::JsonCalls>(
      options, chat::JsonCallTags{.open = {"<|action_start|><|plugin|>", "<|action_start|> <|plugin|>"},
                                  .close = {"<|action_end|>"}});
}

}  // namespace

extern const ChatFormatDesc k_chatformat_internlm;
const ChatFormatDesc k_chatformat_internlm = {
    .name = "internlm",
    .summary = "JSON after <|action_start|><|plugin|>",
    .mentions = {"<|action_start|>"},
    .make = Make,
    .call = CallShape{.open = "<|action_start|><|plugin|>", .arguments = "parameters"},
};

}  // namespace tern
