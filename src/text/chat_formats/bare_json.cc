// An answer that is a call, without anything around it: what a model is made to write that has no JSON format
// of its own.
//
//   {"name": "f", "arguments": {"x": 1}}

#include "text/chat/json_calls.h"
#include "text/chat/tagged_parser.h"

namespace tern {
namespace {

std::unique_ptr<ChatParser> Make(const ChatFormatOptions& options) {
  return chat::TaggedParser::Make<chat::JsonCalls>(options, chat::JsonCallTags{.open = {}, .bare = true});
}

}  // namespace

extern const ChatFormatDesc k_chatformat_bare_json;
const ChatFormatDesc k_chatformat_bare_json = {
    .name = "bare_json",
    .summary = "an answer that is a call in JSON",
    .make = Make,
    .call = CallShape{},
};

}  // namespace tern
