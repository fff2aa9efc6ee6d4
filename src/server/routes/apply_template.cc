#include <boost/json/serialize.hpp>

#include "server/chat_fields.h"
#include "server/chat_request.h"

namespace tern {
namespace {

namespace json = boost::json;

constexpr FieldDesc kOwnFields[] = {
    {.name = "model", .kinds = kString, .help = "the model's id", .max_bytes = 1024},
};
constexpr auto kFields = JoinFields(kChatFields, kOwnFields);
constexpr SchemaDesc kSchema{"ApplyTemplateRequest", kFields};

void Handle(ServerContext& context, RouteRequest r) {
  if (const auto problem = CheckModel(context, r.body)) return r.Refuse(*problem);
  ChatRequest chat;
  if (const auto problem = ReadChat(r.body, &chat)) return r.Refuse(*problem);
  Generation generation;
  std::vector<TextSegment> segments;
  if (const auto problem = RenderChat(context, chat, &generation, &segments)) return r.Refuse(*problem);
  std::string text;
  for (const TextSegment& segment : segments) text += segment.text;
  r.exchange->Reply({.body = json::serialize(json::object{{"prompt", text}})});
}

}  // namespace

extern const RouteDesc k_route_apply_template;
const RouteDesc k_route_apply_template = {
    .method = "POST",
    .path = "/apply-template",
    .summary = "the prompt that the chat template makes of a conversation",
    .body = &kSchema,
    .handle = Handle,
};

}  // namespace tern
