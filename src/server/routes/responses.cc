#include <algorithm>

#include "server/answer.h"
#include "server/responses_request.h"
#include "server/sampling_fields.h"
#include "server/writers/responses_writer.h"

namespace tern {
namespace {

namespace json = boost::json;

constexpr std::string_view kIncludes[] = {
    "code_interpreter_call.outputs",  "computer_call_output.output.image_url",
    "file_search_call.results",       "message.input_image.image_url",
    "message.output_text.logprobs",   "reasoning.encrypted_content",
    "web_search_call.action.sources", "web_search_call.results"};
constexpr FieldDesc kOwnFields[] = {
    {.name = "model", .kinds = kString, .help = "the model's id", .max_bytes = 1024},
    {.name = "max_output_tokens",
     .kinds = kInteger,
     .help = "longest answer, in tokens",
     .min = 1,
     .max = kManyTokens},
    {.name = "stream", .kinds = kBool, .help = "server-sent events as the answer comes", .fallback = "false"},
    {.name = "stream_options", .kinds = kObject, .object = &kStreamOptions},
    {.name = "top_logprobs",
     .kinds = kInteger,
     .help = "say how likely each token was, and so many of the likeliest",
     .min = 0,
     .max = 20},
    {.name = "include",
     .kinds = kStrings,
     .help = "message.output_text.logprobs; others have no effect",
     .max_items = 32,
     .choices = kIncludes},
    {.name = "previous_response_id", .kinds = kString, .only = "null"},
    {.name = "conversation", .kinds = kAnything, .only = "null"},
    {.name = "prompt", .kinds = kAnything, .only = "null"},
    {.name = "background", .kinds = kBool, .only = "false"},
    {.name = "truncation", .kinds = kString, .only = "\"disabled\""},
    {.name = "max_tool_calls", .kinds = kInteger, .help = "has no effect: no tool runs here", .min = 1},
};
constexpr auto kFields =
    JoinFields(kResponsesChatFields, kOwnFields, kSamplingFields, kIgnoredFields, kUnsupportedFields);
constexpr SchemaDesc kSchema{"ResponsesRequest", kFields};

void ReadLogprobs(const json::object& body, Generation* generation) {
  const json::value* top = body.if_contains("top_logprobs");
  if (top != nullptr) generation->logprobs = top->to_number<size_t>();
  const json::value* include = body.if_contains("include");
  if (top != nullptr || include == nullptr) return;
  const json::array& names = include->get_array();
  if (std::ranges::find(names, json::value("message.output_text.logprobs")) != names.end()) {
    generation->logprobs = 0;
  }
}

Problem Read(ServerContext& context, json::object& body, Generation* generation) {
  if (auto problem = CheckGenerates(context, body)) return problem;
  if (auto problem = CheckStreamOptions(body)) return problem;
  ChatRequest chat;
  if (auto problem = ReadResponses(body, &chat)) return problem;
  json::object sampling = body;
  Rename(sampling, "max_output_tokens", "max_tokens");
  if (auto problem = ReadGeneration(context, sampling, generation)) return problem;
  ReadLogprobs(body, generation);
  return PrepareChat(context, chat, generation);
}

// What every response says of its request, asked for or not.
json::object Settings(const json::object& body, const Generation& generation) {
  const SamplingOptions& sampling = generation.request.sampling;
  json::object settings{{"instructions", nullptr},
                        {"max_output_tokens", nullptr},
                        {"metadata", json::object()},
                        {"parallel_tool_calls", true},
                        {"previous_response_id", nullptr},
                        {"reasoning", {{"effort", nullptr}, {"summary", nullptr}}},
                        {"service_tier", "default"},
                        {"store", false},
                        {"temperature", ShortNumber(sampling.temperature)},
                        {"text", {{"format", {{"type", "text"}}}}},
                        {"tool_choice", "auto"},
                        {"tools", json::array()},
                        {"top_logprobs", generation.logprobs.value_or(0)},
                        {"top_p", ShortNumber(sampling.top_p)},
                        {"truncation", "disabled"},
                        {"user", nullptr}};
  for (const char* name : {"instructions", "max_output_tokens", "metadata", "parallel_tool_calls",
                           "reasoning", "temperature", "text", "tool_choice", "tools", "top_p", "user"}) {
    if (const json::value* v = body.if_contains(name)) settings[name] = *v;
  }
  return settings;
}

void Handle(ServerContext& context, RouteRequest r) {
  Generation generation;
  if (const auto problem = Read(context, r.body, &generation)) return r.Refuse(*problem);
  auto writer =
      std::make_unique<ResponsesWriter>(Settings(r.body, generation), generation.logprobs.has_value());
  Answer::Respond(context, std::move(r), std::move(generation), std::move(writer));
}

}  // namespace

extern const RouteDesc k_route_responses;
const RouteDesc k_route_responses = {
    .method = "POST",
    .path = "/v1/responses",
    .summary = "answers to a conversation, in OpenAI's newer protocol; nothing is stored",
    .body = &kSchema,
    .handle = Handle,
};

}  // namespace tern
