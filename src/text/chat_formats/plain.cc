// No calls: an answer, with reasoning in front if the model shows any.

#include "text/chat/tagged_parser.h"

namespace tern {
namespace {

std::unique_ptr<ChatParser> Make(const ChatFormatOptions& options) {
  return chat::TaggedParser::MakePlain(options);
}

}  // namespace

extern const ChatFormatDesc k_chatformat_plain;
const ChatFormatDesc k_chatformat_plain = {
    .name = "plain",
    .summary = "text without calls",
    .make = Make,
};

}  // namespace tern
