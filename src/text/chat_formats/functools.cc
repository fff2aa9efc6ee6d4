// Firefunction 2 and early Phi-4-mini:
//
//   functools[{"name": "f", "arguments": {"x": 1}}]

#include "text/chat/json_calls.h"
#include "text/chat/tagged_parser.h"

namespace tern {
namespace {

std::unique_ptr<ChatParser> Make(const ChatFormatOptions& options) {
  return chat::TaggedParser::Make<chat::JsonCalls>(options, chat::JsonCallTags{.open = {"functools"}});
}

}  // namespace

extern const ChatFormatDesc k_chatformat_functools;
const ChatFormatDesc k_chatformat_functools = {
    .name = "functools",
    .summary = "a JSON list after functools",
    .mentions = {"functools["},
    .make = Make,
    .call = CallShape{.open = "functools", .in_list = true},
};

}  // namespace tern
