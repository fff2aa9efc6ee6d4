// LFM2:
//
//   <|tool_call_start|>[f(x=1)]<|tool_call_end|>

#include "text/chat/python_calls.h"
#include "text/chat/tagged_parser.h"

namespace tern {
namespace {

std::unique_ptr<ChatParser> Make(const ChatFormatOptions& options) {
  return chat::TaggedParser::Make<chat::PythonCalls>(
      options, chat::PythonCallTags{.open = {"<|tool_call_start|>"}, .close = {"<|tool_call_end|>"}});
}

}  // namespace

extern const ChatFormatDesc k_chatformat_lfm2;
const ChatFormatDesc k_chatformat_lfm2 = {
    .name = "lfm2",
    .summary = "Python calls in <|tool_call_start|> tokens",
    .mentions = {"<|tool_call_start|>"},
    .make = Make,
};

}  // namespace tern
