// GLM 4.5 to 4.7:
//
//   <tool_call>f
//   <arg_key>x</arg_key>
//   <arg_value>1</arg_value>
//   </tool_call>

#include "text/chat/tagged_parser.h"
#include "text/chat/xml_calls.h"

namespace tern {
namespace {

std::unique_ptr<ChatParser> Make(const ChatFormatOptions& options) {
  return chat::TaggedParser::Make<chat::XmlCalls>(options, chat::XmlCallTags{.open = {"<tool_call>"},
                                                                             .close = {"</tool_call>"},
                                                                             .parameter = "<arg_key>",
                                                                             .parameter_name = "</arg_key>",
                                                                             .value = "<arg_value>",
                                                                             .value_end = "</arg_value>"});
}

}  // namespace

extern const ChatFormatDesc k_chatformat_glm;
const ChatFormatDesc k_chatformat_glm = {
    .name = "glm",
    .summary = "<arg_key> and <arg_value> in <tool_call> tags",
    .mentions = {"<arg_key>"},
    .make = Make,
};

}  // namespace tern
