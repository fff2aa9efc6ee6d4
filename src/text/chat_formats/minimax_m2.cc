// MiniMax M2:
//
//   <minimax:tool_call>
//   <invoke name="f">
//   <parameter name="x">1</parameter>
//   </invoke>
//   </minimax:tool_call>

#include "text/chat/tagged_parser.h"
#include "text/chat/xml_calls.h"

namespace tern {
namespace {

std::unique_ptr<ChatParser> Make(const ChatFormatOptions& options) {
  return chat::TaggedParser::Make<chat::XmlCalls>(options,
                                                  chat::XmlCallTags{.open = {"<minimax:tool_call>"},
                                                                    .close = {"</minimax:tool_call>"},
                                                                    .function = "<invoke name=",
                                                                    .function_name = ">",
                                                                    .function_end = "</invoke>",
                                                                    .parameter = "<parameter name=",
                                                                    .parameter_name = ">",
                                                                    .value_end = "</parameter>"});
}

}  // namespace

extern const ChatFormatDesc k_chatformat_minimax_m2;
const ChatFormatDesc k_chatformat_minimax_m2 = {
    .name = "minimax_m2",
    .summary = "<invoke name=NAME> in <minimax:tool_call> tags",
    .mentions = {"<minimax:tool_call>"},
    .make = Make,
};

}  // namespace tern
