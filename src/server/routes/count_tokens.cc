#include <boost/json/serialize.hpp>

#include "server/messages_request.h"

namespace tern {
namespace {

namespace json = boost::json;

constexpr SchemaDesc kSchema{"CountTokensRequest", kMessagesPromptFields};

void Handle(ServerContext& context, RouteRequest r) {
  if (const auto problem = CheckGenerates(context, r.body)) return r.Refuse(*problem);
  ChatRequest chat;
  if (const auto problem = ReadMessages(r.body, &chat)) return r.Refuse(*problem);
  std::vector<int32_t> prompt;
  if (const auto problem = TokenizeChat(context, chat, &prompt)) return r.Refuse(*problem);
  const json::object counted{{"input_tokens", prompt.size()}};
  r.exchange->Reply({.body = json::serialize(counted)});
}

}  // namespace

extern const RouteDesc k_route_count_tokens;
const RouteDesc k_route_count_tokens = {
    .method = "POST",
    .path = "/v1/messages/count_tokens",
    .summary = "how many tokens a conversation's prompt has, in Anthropic's protocol",
    .errors = ErrorShape::kAnthropic,
    .body = &kSchema,
    .handle = Handle,
};

}  // namespace tern
