// DeepSeek V3.2, and V4 with its own word for the section:
//
//   <｜DSML｜function_calls>
//   <｜DSML｜invoke name="f">
//   <｜DSML｜parameter name="x" string="false">1</｜DSML｜parameter>
//   </｜DSML｜invoke>
//   </｜DSML｜function_calls>

#include "text/chat/tagged_parser.h"
#include "text/chat/xml_calls.h"

namespace tern {
namespace {

std::unique_ptr<ChatParser> Make(const ChatFormatOptions& options) {
  return chat::TaggedParser::Make<chat::XmlCalls>(
      options, chat::XmlCallTags{.open = {"<｜DSML｜function_calls>", "<｜DSML｜tool_calls>"},
                                 .close = {"</｜DSML｜function_calls>", "</｜DSML｜tool_calls>"},
                                 .function = "<｜DSML｜invoke name=",
                                 .function_name = ">",
                                 .function_end = "</｜DSML｜invoke>",
                                 .parameter = "<｜DSML｜parameter name=\"",
                                 .parameter_name = "\"",
                                 .value = ">",
                                 .value_end = "</｜DSML｜parameter>",
                                 .text_attribute = "string=\"true\"",
                                 .other_attribute = "string=\"false\""});
}

}  // namespace

extern const ChatFormatDesc k_chatformat_deepseek_v32;
const ChatFormatDesc k_chatformat_deepseek_v32 = {
    .name = "deepseek_v32",
    .summary = "<｜DSML｜invoke name=NAME> tags",
    .mentions = {"｜DSML｜"},
    .make = Make,
};

}  // namespace tern
