// Seed-OSS, which has Qwen3-Coder's tags in its own:
//
//   <seed:tool_call><function=f><parameter=x>1</parameter></function></seed:tool_call>

#include "text/chat/tagged_parser.h"
#include "text/chat/xml_calls.h"

namespace tern {
namespace {

std::unique_ptr<ChatParser> Make(const ChatFormatOptions& options) {
  return chat::TaggedParser::Make<chat::XmlCalls>(options, chat::XmlCallTags{.open = {"<seed:tool_call>"},
                                                                             .close = {"</seed:tool_call>"},
                                                                             .function = "<function=",
                                                                             .function_name = ">",
                                                                             .function_end = "</function>",
                                                                             .parameter = "<parameter=",
                                                                             .parameter_name = ">",
                                                                             .value_end = "</parameter>",
                                                                             .lines = true});
}

}  // namespace

extern const ChatFormatDesc k_chatformat_seed_oss;
const ChatFormatDesc k_chatformat_seed_oss = {
    .name = "seed_oss",
    .summary = "<function=NAME> in <seed:tool_call> tags",
    .mentions = {"<seed:tool_call>"},
    .make = Make,
};

}  // namespace tern
