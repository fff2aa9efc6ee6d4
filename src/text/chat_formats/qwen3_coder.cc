// Qwen3-Coder, Nemotron 3, StepFun 3.5:
//
//   <tool_call>
//   <function=f>
//   <parameter=x>
//   1
//   </parameter>
//   </function>
//   </tool_call>

#include "text/chat/tagged_parser.h"
#include "text/chat/xml_calls.h"

namespace tern {
namespace {

std::unique_ptr<ChatParser> Make(const ChatFormatOptions& options) {
  return chat::TaggedParser::Make<chat::XmlCalls>(options, chat::XmlCallTags{.open = {"<tool_call>"},
                                                                             .close = {"</tool_call>"},
                                                                             .function = "<function=",
                                                                             .function_name = ">",
                                                                             .function_end = "</function>",
                                                                             .parameter = "<parameter=",
                                                                             .parameter_name = ">",
                                                                             .value_end = "</parameter>",
                                                                             .lines = true});
}

}  // namespace

extern const ChatFormatDesc k_chatformat_qwen3_coder;
const ChatFormatDesc k_chatformat_qwen3_coder = {
    .name = "qwen3_coder",
    .summary = "<function=NAME> and <parameter=NAME> tags",
    .mentions = {"<parameter="},
    .make = Make,
};

}  // namespace tern
