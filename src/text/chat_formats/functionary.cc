// Functionary 3.1, and Llama 3.1 where the system prompt asks for it:
//
//   <function=f>{"x": 1}</function>

#include "text/chat/named_calls.h"
#include "text/chat/tagged_parser.h"

namespace tern {
namespace {

chat::CallHeader ReadHeader(std::string_view header) {
  const size_t end = header.find('>');
  return end == header.npos ? chat::CallHeader() : chat::ReadPlainHeader(header.substr(0, end));
}

std::unique_ptr<ChatParser> Make(const ChatFormatOptions& options) {
  return chat::TaggedParser::Make<chat::NamedCalls>(
      options,
      chat::NamedCallTags{.open = {"<function="}, .close = {"</function>"}, .read_header = ReadHeader});
}

}  // namespace

extern const ChatFormatDesc k_chatformat_functionary;
const ChatFormatDesc k_chatformat_functionary = {
    .name = "functionary",
    .summary = "JSON in <function=NAME> tags",
    .mentions = {"<function="},
    .make = Make,
};

}  // namespace tern
