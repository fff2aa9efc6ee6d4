#include "server/answer.h"
#include "server/messages_request.h"
#include "server/sampling_fields.h"
#include "server/writers/messages_writer.h"

namespace tern {
namespace {

namespace json = boost::json;

constexpr FieldDesc kMetadataFields[] = {{.name = "user_id", .kinds = kString, .max_bytes = 256}};
constexpr SchemaDesc kMetadata{"Metadata", kMetadataFields};
constexpr std::string_view kTiers[] = {"auto", "standard_only"};
constexpr FieldDesc kOwnFields[] = {
    {.name = "max_tokens",
     .kinds = kInteger,
     .help = "longest answer, in tokens",
     .min = 1,
     .max = kManyTokens,
     .required = true},
    {.name = "stream", .kinds = kBool, .help = "server-sent events as the answer comes", .fallback = "false"},
    {.name = "stop_sequences",
     .kinds = kStrings,
     .help = "end the answer before these texts",
     .max_bytes = 256,
     .max_items = 16},
    {.name = "temperature", .kinds = kNumber, .help = "0: always the likeliest token", .min = 0, .max = 1},
    {.name = "metadata", .kinds = kObject, .help = "has no effect", .object = &kMetadata},
    {.name = "service_tier", .kinds = kString, .help = "has no effect", .choices = kTiers},
    {.name = "context_management", .kinds = kAnything, .only = "null"},
    {.name = "mcp_servers", .kinds = kAnything, .only = "[]"},
    {.name = "container", .kinds = kAnything, .only = "null"},
};
constexpr auto kFields = JoinFields(kMessagesPromptFields, kOwnFields, kSamplingFields, kUnsupportedFields);
constexpr SchemaDesc kSchema{"MessagesRequest", kFields};

Problem Read(ServerContext& context, json::object& body, Generation* generation) {
  if (auto problem = CheckGenerates(context, body)) return problem;
  Rename(body, "stop_sequences", "stop");
  if (auto problem = ReadGeneration(context, body, generation)) return problem;
  ChatRequest chat;
  if (auto problem = ReadMessages(body, &chat)) return problem;
  return PrepareChat(context, chat, generation);
}

void Handle(ServerContext& context, RouteRequest r) {
  Generation generation;
  if (const auto problem = Read(context, r.body, &generation)) return r.Refuse(*problem);
  auto writer = std::make_unique<MessagesWriter>(static_cast<int>(generation.prompts[0].size()));
  Answer::Respond(context, std::move(r), std::move(generation), std::move(writer));
}

}  // namespace

extern const RouteDesc k_route_messages;
const RouteDesc k_route_messages = {
    .method = "POST",
    .path = "/v1/messages",
    .summary = "answers to a conversation, in Anthropic's protocol",
    .errors = ErrorShape::kAnthropic,
    .body = &kSchema,
    .handle = Handle,
};

}  // namespace tern
