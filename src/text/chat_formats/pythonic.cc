// Llama 4, and Llama 3.2 and Gemma 3 where the system prompt asks for it: an answer that is a list of calls.
//
//   [f(x=1), g()]

#include "text/chat/python_calls.h"
#include "text/chat/tagged_parser.h"

namespace tern {
namespace {

std::unique_ptr<ChatParser> Make(const ChatFormatOptions& options) {
  return chat::TaggedParser::Make<chat::PythonCalls>(
      options, chat::PythonCallTags{.open = {"<|python_start|>"}, .close = {"<|python_end|>"}, .bare = true});
}

}  // namespace

extern const ChatFormatDesc k_chatformat_pythonic;
const ChatFormatDesc k_chatformat_pythonic = {
    .name = "pythonic",
    .summary = "an answer that is a list of Python calls",
    .mentions = {"<|python_start|>"},
    .make = Make,
};

}  // namespace tern
