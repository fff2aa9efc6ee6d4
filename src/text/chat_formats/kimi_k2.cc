// Kimi K2, which counts calls in their names:
//
//   <|tool_calls_section_begin|><|tool_call_begin|>functions.f:0<|tool_call_argument_begin|>{"x":
//   1}<|tool_call_end|>
//   <|tool_calls_section_end|>

#include "text/chat/named_calls.h"
#include "text/chat/tagged_parser.h"

namespace tern {
namespace {

// The whole is the call's id, under which the model looks for its result.
chat::CallHeader ReadHeader(std::string_view header) {
  std::string_view id = header.substr(0, header.find("<|tool_call_argument_begin|>"));
  chat::CallHeader made = chat::ReadPlainHeader(id);
  made.id = made.name;
  made.name.resize(std::min(made.name.find(':'), made.name.size()));
  if (made.name.starts_with("functions.")) made.name.erase(0, 10);
  return made;
}

std::unique_ptr<ChatParser> Make(const ChatFormatOptions& options) {
  return chat::TaggedParser::Make<chat::NamedCalls>(
      options, chat::NamedCallTags{.open = {"<|tool_call_begin|>"},
                                   .section = {"<|tool_calls_section_begin|>"},
                                   .close = {"<|tool_call_end|>", "<|tool_calls_section_end|>"},
                                   .read_header = ReadHeader});
}

}  // namespace

extern const ChatFormatDesc k_chatformat_kimi_k2;
const ChatFormatDesc k_chatformat_kimi_k2 = {
    .name = "kimi_k2",
    .summary = "functions.NAME:N and JSON in <|tool_call...|> tokens",
    .mentions = {"<|tool_call_begin|>"},
    .make = Make,
};

}  // namespace tern
