#include <boost/json/serialize.hpp>

#include "server/chat_fields.h"

namespace tern {
namespace {

namespace json = boost::json;

constexpr FieldDesc kOwnFields[] = {
    {.name = "model", .kinds = kString, .help = "the model's id", .max_bytes = 1024},
};
constexpr auto kFields = JoinFields(kChatFields, kAnswerFormatFields, kOwnFields);
constexpr SchemaDesc kSchema{"ChatInputTokensRequest", kFields};

void Handle(ServerContext& context, RouteRequest r) {
  if (const auto problem = CheckGenerates(context, r.body)) return r.Refuse(*problem);
  ChatRequest chat;
  if (const auto problem = ReadChat(r.body, &chat)) return r.Refuse(*problem);
  std::vector<int32_t> prompt;
  if (const auto problem = TokenizeChat(context, chat, &prompt)) return r.Refuse(*problem);
  const json::object counted{{"object", "response.input_tokens"}, {"input_tokens", prompt.size()}};
  r.exchange->Reply({.body = json::serialize(counted)});
}

}  // namespace

extern const RouteDesc k_route_chat_input_tokens;
const RouteDesc k_route_chat_input_tokens = {
    .method = "POST",
    .path = "/v1/chat/completions/input_tokens",
    .summary = "how many tokens a conversation's prompt has",
    .body = &kSchema,
    .handle = Handle,
};

}  // namespace tern
