#include <fmt/format.h>

#include <boost/json/array.hpp>

#include "server/chat_answer.h"
#include "server/generation.h"

namespace tern {
namespace {

namespace json = boost::json;

constexpr FieldDesc kMessageFields[] = {
    {.name = "role",
     .kinds = kString,
     .help = "system, developer, user, assistant, tool",
     .max_bytes = 64,
     .required = true},
    {.name = "content", .kinds = kString | kObjects, .help = "a text, or parts of type text"},
    {.name = "name", .kinds = kString, .max_bytes = 256},
    {.name = "tool_call_id", .kinds = kString, .max_bytes = 256},
    {.name = "tool_calls", .kinds = kObjects, .max_items = 256},
    {.name = "reasoning_content", .kinds = kString},
};
constexpr SchemaDesc kMessage{"ChatMessage", kMessageFields};

constexpr std::string_view kFunctionType[] = {"function"};
constexpr FieldDesc kFunctionFields[] = {
    {.name = "name", .kinds = kString, .max_bytes = 256, .required = true},
    {.name = "description", .kinds = kString},
    {.name = "parameters", .kinds = kObject, .help = "JSON schema"},
    {.name = "strict", .kinds = kBool},
};
constexpr SchemaDesc kFunction{"Function", kFunctionFields};
constexpr FieldDesc kToolFields[] = {
    {.name = "type", .kinds = kString, .choices = kFunctionType, .required = true},
    {.name = "function", .kinds = kObject, .object = &kFunction, .required = true},
};
constexpr SchemaDesc kTool{"Tool", kToolFields};

constexpr FieldDesc kStreamFields[] = {
    {.name = "include_usage", .kinds = kBool, .help = "one more chunk, with the usage"}};
constexpr SchemaDesc kStreamOptions{"StreamOptions", kStreamFields};

constexpr std::string_view kFormats[] = {"text"};
constexpr FieldDesc kFormatFields[] = {
    {.name = "type", .kinds = kString, .choices = kFormats, .required = true}};
constexpr SchemaDesc kResponseFormat{"ResponseFormat", kFormatFields};

constexpr FieldDesc kFields[] = {
    {.name = "messages", .kinds = kObjects, .max_items = 65536, .object = &kMessage, .required = true},
    {.name = "model", .kinds = kString, .help = "the model's id", .max_bytes = 1024},
    {.name = "n", .kinds = kInteger, .help = "how many answers", .min = 1, .max = 16, .fallback = "1"},
    {.name = "stream", .kinds = kBool, .help = "server-sent events as the answer comes", .fallback = "false"},
    {.name = "stream_options", .kinds = kObject, .object = &kStreamOptions},
    {.name = "tools",
     .kinds = kObjects,
     .help = "functions the model may call",
     .max_items = 256,
     .object = &kTool},
    {.name = "tool_choice", .kinds = kString | kObject, .help = "auto or none"},
    {.name = "parallel_tool_calls", .kinds = kBool},
    {.name = "response_format", .kinds = kObject, .object = &kResponseFormat},
    {.name = "logprobs", .kinds = kBool},
    {.name = "top_logprobs", .kinds = kInteger, .min = 0, .max = 20},
    {.name = "chat_template_kwargs", .kinds = kObject, .help = "more variables of the chat template"},
    {.name = "user", .kinds = kString},
    {.name = "metadata", .kinds = kAnything},
    {.name = "store", .kinds = kBool},
    {.name = "service_tier", .kinds = kString},
};
const std::vector<FieldDesc> kAllFields = WithSamplingFields(kFields);
const SchemaDesc kSchema{"ChatCompletionRequest", kAllFields};

using Problem = std::optional<ApiError>;

Problem Wrong(std::string param, std::string_view what) {
  return InvalidField({param, fmt::format("{}: {}", param, what)});
}

bool Is(const json::object& body, std::string_view name) {
  const json::value* v = body.if_contains(name);
  return v != nullptr && v->is_bool() && v->get_bool();
}

// What is asked for and cannot be done is said, never left out in silence.
Problem CheckSupported(const json::object& body) {
  if (Is(body, "logprobs") || body.contains("top_logprobs")) return Wrong("logprobs", "not supported");
  if (const json::value* choice = body.if_contains("tool_choice")) {
    if (!choice->is_string() || (choice->get_string() != "auto" && choice->get_string() != "none")) {
      return Wrong("tool_choice", "expected auto or none");
    }
  }
  return std::nullopt;
}

// Parts other than text, and roles that no template knows, are named.
Problem CheckMessages(const json::array& messages) {
  if (messages.empty()) return Wrong("messages", "empty, expected at least one");
  constexpr std::string_view kRoles[] = {"system", "developer", "user", "assistant", "tool", "function"};
  for (size_t i = 0; i < messages.size(); ++i) {
    const json::object& message = messages[i].get_object();
    const std::string at = fmt::format("messages[{}]", i);
    const std::string_view role = message.at("role").get_string();
    if (std::ranges::find(kRoles, role) == std::end(kRoles)) {
      return Wrong(at + ".role", "expected one of system, developer, user, assistant, tool");
    }
    const json::value* content = message.if_contains("content");
    if (content == nullptr && role != "assistant") return Wrong(at + ".content", "required");
    if (content == nullptr || !content->is_array()) continue;
    for (size_t p = 0; p < content->get_array().size(); ++p) {
      const json::object& part = content->get_array()[p].get_object();
      const json::value* type = part.if_contains("type");
      const json::value* text = part.if_contains("text");
      if (type == nullptr || !type->is_string() || type->get_string() != "text") {
        return Wrong(fmt::format("{}.content[{}].type", at, p),
                     "expected text: other parts are not supported");
      }
      if (text == nullptr || !text->is_string())
        return Wrong(fmt::format("{}.content[{}].text", at, p), "expected a string");
    }
  }
  return std::nullopt;
}

// `developer` is what templates know as `system`.
Conversation MakeConversation(const ServedModel& model, json::object& body, const json::value& tools) {
  Conversation conversation;
  conversation.messages = std::move(body.at("messages").get_array());
  for (json::value& message : conversation.messages) {
    json::value& role = message.get_object().at("role");
    if (role.get_string() == "developer") role = "system";
  }
  conversation.tools = tools;
  const Tokenizer& tokenizer = *model.model->tokenizer;
  if (tokenizer.bos() >= 0) conversation.bos_token = tokenizer.Piece(tokenizer.bos(), true);
  if (tokenizer.eos() >= 0) conversation.eos_token = tokenizer.Piece(tokenizer.eos(), true);
  if (json::value* extra = body.if_contains("chat_template_kwargs")) {
    conversation.extra = std::move(extra->get_object());
  }
  return conversation;
}

Problem CheckRequest(const ServerContext& context, const json::object& body) {
  if (auto problem = CheckModel(context, body)) return problem;
  if (!context.model.chat_template) {
    return ApiError{.status = 400, .message = "the model has no chat template, expected /v1/completions"};
  }
  if (auto problem = CheckSupported(body)) return problem;
  return CheckMessages(body.at("messages").get_array());
}

void Handle(ServerContext& context, RouteRequest r) {
  const auto refuse = [&r](const ApiError& error) { r.exchange->Reply(ErrorResponse(error)); };
  if (const auto problem = CheckRequest(context, r.body)) return refuse(*problem);
  auto read = ReadGeneration(context, r.body);
  if (const auto* error = std::get_if<ApiError>(&read)) return refuse(*error);
  Request request = std::move(std::get<Request>(read));

  ChatAnswerOptions options{.stream = Is(r.body, "stream")};
  if (const json::value* v = r.body.if_contains("n")) options.choices = v->to_number<int>();
  if (const json::value* v = r.body.if_contains("stream_options")) {
    options.include_usage = Is(v->get_object(), "include_usage");
  }
  const json::value* choice = r.body.if_contains("tool_choice");
  const bool no_tools = choice != nullptr && choice->get_string() == "none";
  if (const json::value* tools = r.body.if_contains("tools"); tools != nullptr && !no_tools) {
    options.format.tools = *tools;
  }
  options.format.calls = options.format.tools.is_array();
  options.format.reasoning = context.model.reasoning;
  options.format.control_tokens = context.model.control_tokens;

  const Conversation conversation = MakeConversation(context.model, r.body, options.format.tools);
  const auto segments = RenderConversation(*context.model.chat_template, conversation);
  if (!segments.ok()) return refuse(*Wrong("messages", segments.error().what));
  options.format.begins_in_reasoning = OpensReasoning(segments.value(), context.model.reasoning);
  request.prompt = EncodeSegments(*context.model.model->tokenizer, segments.value());
  const int limit = context.host->context();
  if (request.prompt.size() >= static_cast<size_t>(limit)) {
    return refuse(
        {.status = 400,
         .message = fmt::format("the prompt has {} tokens; the model's maximum context length is {} tokens",
                                request.prompt.size(), limit),
         .param = "messages",
         .code = "context_length_exceeded"});
  }
  std::vector<Request> requests(static_cast<size_t>(options.choices), request);
  for (size_t i = 1; i < requests.size(); ++i) {
    if (request.sampling.seed != 0) requests[i].sampling.seed += i;
  }
  std::make_shared<ChatAnswer>(&context, std::move(r.exchange), std::move(options))
      ->Start(std::move(requests));
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
