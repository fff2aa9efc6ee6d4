#include <fmt/format.h>

#include <algorithm>

#include "server/answer.h"
#include "server/answer_format.h"
#include "server/prompts.h"
#include "server/sampling_fields.h"
#include "server/writers/completion_writer.h"

namespace tern {
namespace {

namespace json = boost::json;

constexpr std::string_view kLengthFields[] = {"max_tokens", "max_completion_tokens", "n_predict"};

constexpr FieldDesc kOwnFields[] = {
    {.name = "prompt",
     .kinds = kPromptKinds,
     .help = "texts, or their token ids; special tokens in texts count",
     .required = true},
    {.name = "model", .kinds = kString, .help = "the model's id", .max_bytes = 1024},
    {.name = "max_tokens",
     .kinds = kInteger,
     .help = "longest answer, in tokens",
     .min = 0,
     .max = kManyTokens,
     .fallback = "16"},
    {.name = "n", .kinds = kInteger, .help = "answers per prompt", .min = 1, .max = 16, .fallback = "1"},
    {.name = "stream", .kinds = kBool, .help = "server-sent events as the answer comes", .fallback = "false"},
    {.name = "stream_options", .kinds = kObject, .object = &kStreamOptions},
    {.name = "add_special_tokens", .kinds = kBool, .only = "true"},
    {.name = "echo", .kinds = kBool, .help = "begin with the prompt", .fallback = "false"},
    {.name = "logprobs",
     .kinds = kInteger,
     .help = "say how likely each token was, and so many of the likeliest",
     .min = 0,
     .max = 20},
};
constexpr auto kFields =
    JoinFields(kOwnFields, kAnswerFormatFields, kSamplingFields, kIgnoredFields, kUnsupportedFields);
constexpr SchemaDesc kSchema{"CompletionRequest", kFields};

Problem CheckTexts(const ServerContext& context, const json::value& prompt) {
  if (prompt.is_string()) return CheckBytes(context, prompt.get_string().size(), "prompt");
  for (const json::value& text : prompt.get_array()) {
    if (!text.is_string()) continue;
    if (auto problem = CheckBytes(context, text.get_string().size(), "prompt")) return problem;
  }
  return std::nullopt;
}

// Together with n.
Problem CheckCount(const ServerContext& context, const json::value& prompt, int n) {
  const bool several = prompt.is_array() && !prompt.get_array().empty() && !prompt.get_array()[0].is_number();
  const size_t prompts = several ? prompt.get_array().size() : 1;
  const size_t most = context.host->most_answers() / static_cast<size_t>(n);
  if (prompts <= most) return std::nullopt;
  return Wrong("prompt", fmt::format("{} of them, expected at most {}: one request may ask for {} answers",
                                     prompts, most, context.host->most_answers()));
}

Problem ReadPrompts(const ServerContext& context, const json::object& body, Generation* generation) {
  const json::value& prompt = body.at("prompt");
  if (auto problem = CheckCount(context, prompt, generation->choices)) return problem;
  if (auto problem = CheckTexts(context, prompt)) return problem;
  if (auto problem = ReadPrompts(*context.model.model->tokenizer, prompt, "prompt",
                                 context.host->most_answers(), &generation->prompts)) {
    return problem;
  }
  for (const std::vector<int32_t>& ids : generation->prompts) {
    if (auto problem = CheckLength(context, ids.size(), "prompt")) return problem;
  }
  return std::nullopt;
}

Problem Read(ServerContext& context, const json::object& body, Generation* generation) {
  if (auto problem = CheckGenerates(context, body)) return problem;
  if (auto problem = ReadGeneration(context, body, generation)) return problem;
  if (auto problem = CheckStreamOptions(body)) return problem;
  const auto said = [&body](std::string_view name) { return body.contains(name); };
  if (std::ranges::none_of(kLengthFields, said)) generation->request.max_tokens = 16;
  if (const json::value* v = body.if_contains("logprobs")) generation->logprobs = v->to_number<size_t>();
  generation->prompt_logprobs = generation->logprobs && IsSet(body, "echo");
  if (auto problem = ReadPrompts(context, body, generation)) return problem;
  AnswerFormat format;
  if (auto problem = ReadAnswerFormat(body, &format)) return problem;
  return CompileAnswerFormat(context.grammars, format, &generation->request.grammar);
}

void Handle(ServerContext& context, RouteRequest r) {
  Generation generation;
  if (const auto problem = Read(context, r.body, &generation)) return r.Refuse(*problem);
  CompletionShape shape{.stream = ReadStreamOptions(r.body),
                        .logprobs = generation.logprobs.has_value(),
                        .scores_prompt = generation.prompt_logprobs};
  if (IsSet(r.body, "echo")) {
    for (const std::vector<int32_t>& prompt : generation.prompts) {
      shape.echoes.insert(shape.echoes.end(), static_cast<size_t>(generation.choices),
                          TextOf(*context.model.model->tokenizer, prompt, false));
    }
  }
  Answer::Respond(context, std::move(r), std::move(generation),
                  std::make_unique<CompletionWriter>(std::move(shape)));
}

}  // namespace

extern const RouteDesc k_route_completions;
const RouteDesc k_route_completions = {
    .method = "POST",
    .path = "/v1/completions",
    .summary = "texts that go on from prompts",
    .body = &kSchema,
    .handle = Handle,
};

}  // namespace tern
