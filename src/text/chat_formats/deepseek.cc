// DeepSeek R1 and V3, then V3.1:
//
//   <｜tool▁calls▁begin｜><｜tool▁call▁begin｜>function<｜tool▁sep｜>f
//   ```json
//   {"x": 1}
//   ```<｜tool▁call▁end｜><｜tool▁calls▁end｜>
//
//   <｜tool▁calls▁begin｜><｜tool▁call▁begin｜>f<｜tool▁sep｜>{"x": 1}<｜tool▁call▁end｜><｜tool▁calls▁end｜>

#include "text/chat/named_calls.h"
#include "text/chat/tagged_parser.h"

namespace tern {
namespace {

chat::CallHeader ReadHeader(std::string_view header) {
  static constexpr std::string_view kSeparator = "<｜tool▁sep｜>", kFence = "```json";
  const size_t at = header.find(kSeparator);
  if (at == header.npos) return {};
  const std::string_view before = header.substr(0, at), behind = header.substr(at + kSeparator.size());
  const chat::CallHeader named = chat::ReadPlainHeader(behind.substr(0, behind.find(kFence)));
  return named.name.empty() ? chat::ReadPlainHeader(before) : named;
}

std::unique_ptr<ChatParser> Make(const ChatFormatOptions& options) {
  return chat::TaggedParser::Make<chat::NamedCalls>(
      options, chat::NamedCallTags{.open = {"<｜tool▁call▁begin｜>"},
                                   .section = {"<｜tool▁calls▁begin｜>"},
                                   .close = {"<｜tool▁call▁end｜>", "<｜tool▁calls▁end｜>", "```"},
                                   .read_header = ReadHeader});
}

}  // namespace

extern const ChatFormatDesc k_chatformat_deepseek;
const ChatFormatDesc k_chatformat_deepseek = {
    .name = "deepseek",
    .summary = "NAME<｜tool▁sep｜>JSON in <｜tool▁call...｜> tokens",
    .mentions = {"<｜tool▁call▁begin｜>"},
    .make = Make,
};

}  // namespace tern
