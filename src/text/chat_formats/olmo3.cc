// OLMo 3:
//
//   <function_calls>
//   f(x=1)
//   g()
//   </function_calls>

#include "text/chat/python_calls.h"
#include "text/chat/tagged_parser.h"

namespace tern {
namespace {

std::unique_ptr<ChatParser> Make(const ChatFormatOptions& options) {
  return chat::TaggedParser::Make<chat::PythonCalls>(
      options, chat::PythonCallTags{.open = {"<function_calls>"}, .close = {"</function_calls>"}});
}

}  // namespace

extern const ChatFormatDesc k_chatformat_olmo3;
const ChatFormatDesc k_chatformat_olmo3 = {
    .name = "olmo3",
    .summary = "Python calls in <function_calls> tags",
    .mentions = {"<function_calls>"},
    .make = Make,
};

}  // namespace tern
