// Nemotron Nano 2:
//
//   <TOOLCALL>[{"name": "f", "arguments": {"x": 1}}]</TOOLCALL>

#include "text/chat/json_calls.h"
#include "text/chat/tagged_parser.h"

namespace tern {
namespace {

std::unique_ptr<ChatParser> Make(const ChatFormatOptions& options) {
  return chat::TaggedParser::Make<chat::JsonCalls>(
      options, chat::JsonCallTags{.open = {"<TOOLCALL>"}, .close = {"</TOOLCALL>"}});
}

}  // namespace

extern const ChatFormatDesc k_chatformat_nemotron;
const ChatFormatDesc k_chatformat_nemotron = {
    .name = "nemotron",
    .summary = "JSON in <TOOLCALL> tags",
    .mentions = {"<TOOLCALL>"},
    .make = Make,
    .call = CallShape{.open = "<TOOLCALL>", .in_list = true},
};

}  // namespace tern
