#include "server/answer.h"
#include "server/chat_fields.h"
#include "server/chat_request.h"
#include "server/sampling_fields.h"
#include "server/writers/chat_writer.h"

namespace tern {
namespace {

namespace json = boost::json;

constexpr FieldDesc kOwnFields[] = {
    {.name = "model", .kinds = kString, .help = "the model's id", .max_bytes = 1024},
    {.name = "n", .kinds = kInteger, .help = "how many answers", .min = 1, .max = 16, .fallback = "1"},
    {.name = "stream", .kinds = kBool, .help = "server-sent events as the answer comes", .fallback = "false"},
    {.name = "stream_options", .kinds = kObject, .object = &kStreamOptions},
    {.name = "logprobs", .kinds = kBool, .help = "say how likely each token was"},
    {.name = "top_logprobs", .kinds = kInteger, .help = "and the likeliest", .min = 0, .max = 20},
    {.name = "modalities", .kinds = kStrings, .only = R"(["text"])"},
    {.name = "audio", .kinds = kAnything, .only = "null"},
    {.name = "prediction", .kinds = kAnything, .only = "null"},
    {.name = "web_search_options", .kinds = kAnything, .only = "null"},
    {.name = "add_special_tokens", .kinds = kBool, .only = "false"},
    {.name = "functions", .kinds = kAnything, .only = "null"},
    {.name = "function_call", .kinds = kAnything, .only = "null"},
};
constexpr auto kFields = JoinFields(kChatFields, kOwnFields, kAnswerFormatFields, kSamplingFields,
                                    kIgnoredFields, kUnsupportedFields);
constexpr SchemaDesc kSchema{"ChatCompletionRequest", kFields};

Problem ReadLogprobs(const json::object& body, Generation* generation) {
  const json::value* top = body.if_contains("top_logprobs");
  if (IsSet(body, "logprobs")) {
    generation->logprobs = top != nullptr ? top->to_number<size_t>() : 0;
  } else if (top != nullptr && top->to_number<int>() > 0) {
    return Wrong("top_logprobs", "expected logprobs to be true");
  }
  return std::nullopt;
}

Problem Read(ServerContext& context, json::object& body, Generation* generation) {
  if (auto problem = CheckGenerates(context, body)) return problem;
  if (auto problem = ReadGeneration(context, body, generation)) return problem;
  if (auto problem = CheckStreamOptions(body)) return problem;
  if (auto problem = ReadLogprobs(body, generation)) return problem;
  ChatRequest chat;
  if (auto problem = ReadChat(body, &chat)) return problem;
  return PrepareChat(context, chat, generation);
}

void Handle(ServerContext& context, RouteRequest r) {
  Generation generation;
  if (const auto problem = Read(context, r.body, &generation)) return r.Refuse(*problem);
  auto writer = std::make_unique<ChatWriter>(ReadStreamOptions(r.body), generation.logprobs.has_value(),
                                             generation.forced_call);
  Answer::Respond(context, std::move(r), std::move(generation), std::move(writer));
}

}  // namespace

extern const RouteDesc k_route_chat_completions;
const RouteDesc k_route_chat_completions = {
    .method = "POST",
    .path = "/v1/chat/completions",
    .summary = "answers to a conversation",
    .body = &kSchema,
    .handle = Handle,
};

}  // namespace tern
