#include "server/chat_request.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json/serialize.hpp>
#include <functional>

#include "server/forced_call.h"
#include "server/told_tools.h"
#include "text/chat_messages.h"

namespace tern {
namespace {

namespace json = boost::json;

constexpr size_t kMostToolBytes = 512 << 10;

std::string_view NameOf(const json::value& tool) { return tool.at("function").at("name").get_string(); }

// Parts other than text.
Problem CheckParts(const json::array& parts, const std::string& at) {
  for (size_t p = 0; p < parts.size(); ++p) {
    const json::object& part = parts[p].get_object();
    const json::value* type = part.if_contains("type");
    const json::value* text = part.if_contains("text");
    const std::string where = fmt::format("{}[{}]", at, p);
    if (type == nullptr || !type->is_string() || type->get_string() != "text") {
      return Wrong(where + ".type", "expected text: other parts are not supported");
    }
    if (text == nullptr || !text->is_string()) return Wrong(where + ".text", "expected a string");
  }
  return std::nullopt;
}

Problem CheckMessage(const json::object& message, const std::string& at) {
  constexpr std::string_view kRoles[] = {"system", "developer", "user", "assistant", "tool", "function"};
  const std::string_view role = message.at("role").get_string();
  if (std::ranges::find(kRoles, role) == std::end(kRoles)) {
    return Wrong(at + ".role", "expected one of system, developer, user, assistant, tool");
  }
  const json::value* content = message.if_contains("content");
  if (content == nullptr || !content->is_array()) return std::nullopt;
  return CheckParts(content->get_array(), at + ".content");
}

// Names are how calls tell tools apart, and arguments are objects.
Problem CheckTool(const ChatRequest& chat, size_t i) {
  const std::string at = fmt::format("tools[{}]{}", i, chat.tool_place);
  const auto same = [&](const json::value& tool) { return NameOf(tool) == NameOf(chat.tools[i]); };
  if (std::any_of(chat.tools.begin(), chat.tools.begin() + static_cast<ptrdiff_t>(i), same)) {
    return Wrong(at + ".name", "given twice, expected a name of its own");
  }
  const json::value* parameters = chat.tools[i].at("function").get_object().if_contains("parameters");
  const json::value* type = parameters != nullptr ? parameters->get_object().if_contains("type") : nullptr;
  if (type == nullptr || *type == "object") return std::nullopt;
  return Wrong(fmt::format("{}{}.type", at, chat.schema_place), "expected object");
}

Problem CheckTools(const ChatRequest& chat) {
  if (json::serialize(chat.tools).size() > kMostToolBytes) {
    return Wrong("tools", fmt::format("expected at most {} bytes of them", kMostToolBytes));
  }
  for (size_t i = 0; i < chat.tools.size(); ++i) {
    if (auto problem = CheckTool(chat, i)) return problem;
  }
  const ToolChoice& choice = chat.tool_choice;
  if (choice.kind == ToolChoice::Kind::kRequired && chat.tools.empty()) {
    return Wrong("tool_choice", "asks for a call, expected tools");
  }
  const bool known =
      std::ranges::any_of(chat.tools, [&](const json::value& tool) { return NameOf(tool) == choice.name; });
  if (!choice.name.empty() && !known) return Wrong("tool_choice", "names a function that is not in tools");
  return std::nullopt;
}

// `developer` is what templates know as `system`.
json::array RenamedRoles(json::array messages) {
  for (json::value& message : messages) {
    json::value& role = message.get_object().at("role");
    if (role.get_string() == "developer") role = "system";
  }
  return messages;
}

Conversation MakeConversation(const ServedModel& model, const ChatRequest& chat, const json::array& tools) {
  Conversation conversation;
  conversation.messages = RenamedRoles(chat.messages);
  if (chat.continues_last) conversation.messages.pop_back();
  if (model.template_knows_tools) {
    if (!tools.empty()) conversation.tools = tools;
  } else {
    conversation.messages = TellTools(conversation.messages, tools);
  }
  conversation.add_generation_prompt = chat.begins_turn || chat.continues_last;
  const Tokenizer& tokenizer = *model.model->tokenizer;
  if (tokenizer.bos() >= 0) conversation.bos_token = tokenizer.Piece(tokenizer.bos(), true);
  if (tokenizer.eos() >= 0) conversation.eos_token = tokenizer.Piece(tokenizer.eos(), true);
  conversation.extra = chat.variables;
  return conversation;
}

// Of tools that ask for it, those whose schema no call could be held to.
Problem CheckStrict(GrammarCache& cache, const ChatRequest& chat) {
  for (size_t i = 0; i < chat.tools.size(); ++i) {
    const json::object& function = chat.tools[i].at("function").get_object();
    const json::value* parameters = function.if_contains("parameters");
    if (!IsSet(function, "strict") || parameters == nullptr) continue;
    const AnswerFormat format{.param = fmt::format("tools[{}]{}{}", i, chat.tool_place, chat.schema_place),
                              .form = "json_schema",
                              .source = json::serialize(*parameters)};
    std::shared_ptr<const Grammar> grammar;
    if (auto problem = CompileAnswerFormat(cache, format, &grammar)) return problem;
  }
  return std::nullopt;
}

// What the assistant said, where it refused, is text to a template.
void MakeRefusalsText(json::array& messages) {
  for (json::value& message : messages) {
    json::value* content = message.get_object().if_contains("content");
    if (message.at("role") != "assistant" || content == nullptr || !content->is_array()) continue;
    for (json::value& each : content->get_array()) {
      json::object& part = each.get_object();
      const json::value* type = part.if_contains("type");
      const json::value* refusal = part.if_contains("refusal");
      if (type == nullptr || *type != "refusal" || refusal == nullptr || !refusal->is_string()) continue;
      part = {{"type", "text"}, {"text", *refusal}};
    }
  }
}

// Of a conversation in OpenAI's own protocol.
Problem FillMessages(json::array& messages) {
  for (size_t i = 0; i < messages.size(); ++i) {
    json::object& message = messages[i].get_object();
    if (message.at("role") == "tool" && !message.contains("tool_call_id")) {
      return Wrong(fmt::format("messages[{}].tool_call_id", i), "required");
    }
    if (!message.contains("content") && !message.contains("tool_calls")) message["content"] = "";
  }
  return std::nullopt;
}

// What the answer has to be a call of.
std::vector<const json::value*> ForcedTools(const ChatRequest& chat) {
  std::vector<const json::value*> tools;
  for (const json::value& tool : chat.tools) {
    const bool named = chat.tool_choice.name.empty() || NameOf(tool) == chat.tool_choice.name;
    if (named) tools.push_back(&tool);
  }
  return tools;
}

// Whether a call could be held to these parameters.
bool CanHold(GrammarCache& cache, const json::value& parameters) {
  return cache.Get(*FindGrammarForm("json_schema").value(), json::serialize(parameters)).ok();
}

// The tools with any object for arguments, where a call could not be held to what they are said to be.
json::array LoosenedTools(GrammarCache& cache, std::span<const json::value* const> tools) {
  json::array loosened;
  for (const json::value* tool : tools) {
    json::object& function = loosened.emplace_back(*tool).at("function").get_object();
    json::value* parameters = function.if_contains("parameters");
    if (parameters == nullptr || IsSet(function, "strict") || CanHold(cache, *parameters)) continue;
    *parameters = {{"type", "object"}, {"additionalProperties", true}};
  }
  return loosened;
}

using MakeGrammar = std::function<Result<std::shared_ptr<const Grammar>>(const std::string& calls)>;

// `make` of the schema of a call of one of the tools; of tools that do not ask to be strict, without the
// parameters that are not supported.
Problem CompileCall(GrammarCache& cache, const ChatRequest& chat, const CallShape& shape,
                    const MakeGrammar& make, std::shared_ptr<const Grammar>* grammar) {
  const std::vector<const json::value*> tools = ForcedTools(chat);
  auto made = make(json::serialize(ForcedCallSchema(tools, shape)));
  if (!made.ok()) {
    const json::array loosened = LoosenedTools(cache, tools);
    std::vector<const json::value*> all;
    for (const json::value& tool : loosened) all.push_back(&tool);
    made = make(json::serialize(ForcedCallSchema(all, shape)));
  }
  if (!made.ok()) return Wrong("tools", made.error().what);
  *grammar = std::move(made).value();
  return std::nullopt;
}

// What the answer has to be: what its format says, a call, or, where it has a format and may be a call, one
// of the two.
Problem CompileAnswer(GrammarCache& cache, const ServedModel& model, const ChatRequest& chat,
                      Generation* generation) {
  auto* grammar = &generation->request.grammar;
  if (!generation->forced_call) {
    if (auto problem = CompileAnswerFormat(cache, chat.format, grammar)) return problem;
    if (!generation->reading.calls || chat.format.param.empty()) return std::nullopt;
    if (!CanBeText(generation->format->call, model.control_tokens)) {
      return Wrong(chat.format.param,
                   "beside tools not supported with this model, but with tool_choice none");
    }
  }
  const CallShape& shape = *generation->format->call;
  const MakeGrammar make = [&](const std::string& calls) {
    if (generation->forced_call) return cache.Get(*FindGrammarForm("json_schema").value(), calls);
    return cache.Get(AnswerOrCall(), AnswerOrCallSource(chat.format, shape.open, calls));
  };
  return CompileCall(cache, chat, shape, make, grammar);
}

}  // namespace

Problem ReadToolChoice(const json::value& v, ToolChoice* choice) {
  using Kind = ToolChoice::Kind;
  constexpr std::string_view kExpected = "expected auto, none, required or a function by its name";
  if (v.is_string()) {
    const std::string_view text = v.get_string();
    if (text != "auto" && text != "none" && text != "required") return Wrong("tool_choice", kExpected);
    choice->kind = text == "auto" ? Kind::kAuto : text == "none" ? Kind::kNone : Kind::kRequired;
    return std::nullopt;
  }
  const json::value* type = v.get_object().if_contains("type");
  if (type != nullptr && *type != "function") return Wrong("tool_choice.type", "expected function");
  const json::value* function = v.get_object().if_contains("function");
  const json::value* name =
      function != nullptr && function->is_object() ? function->get_object().if_contains("name") : nullptr;
  if (name == nullptr || !name->is_string()) return Wrong("tool_choice", kExpected);
  *choice = {.kind = Kind::kRequired, .name = std::string(name->get_string())};
  return std::nullopt;
}

Problem CheckMessages(const json::array& messages) {
  if (messages.empty()) return Wrong("messages", "empty, expected at least one");
  for (size_t i = 0; i < messages.size(); ++i) {
    if (auto problem = CheckMessage(messages[i].get_object(), fmt::format("messages[{}]", i))) return problem;
  }
  return std::nullopt;
}

Problem ReadChat(json::object& body, ChatRequest* chat) {
  chat->messages = std::move(body.at("messages").get_array());
  if (json::value* v = body.if_contains("tools")) chat->tools = std::move(v->get_array());
  if (const json::value* v = body.if_contains("tool_choice")) {
    if (auto problem = ReadToolChoice(*v, &chat->tool_choice)) return problem;
  }
  if (const json::value* v = body.if_contains("parallel_tool_calls")) chat->parallel_calls = v->get_bool();
  if (json::value* v = body.if_contains("chat_template_kwargs")) chat->variables = std::move(v->get_object());
  if (const json::value* v = body.if_contains("reasoning_effort")) chat->variables["reasoning_effort"] = *v;
  if (const json::value* v = body.if_contains("add_generation_prompt")) chat->begins_turn = v->get_bool();
  chat->continues_last = IsSet(body, "continue_final_message");
  if (chat->continues_last && IsSet(body, "add_generation_prompt")) {
    return Wrong("continue_final_message", "not beside add_generation_prompt, expected one of them");
  }
  if (auto problem = ReadAnswerFormat(body, &chat->format)) return problem;
  MakeRefusalsText(chat->messages);
  if (auto problem = CheckMessages(chat->messages)) return problem;
  return FillMessages(chat->messages);
}

Problem RenderChat(const ServerContext& context, const ChatRequest& chat, Generation* generation,
                   std::vector<TextSegment>* segments) {
  const ServedModel& model = context.model;
  if (!model.chat_template) {
    return Wrong(std::string(chat.place), "the model has no chat template, expected /v1/completions");
  }
  if (chat.continues_last && chat.messages.back().at("role") != "assistant") {
    return Wrong("continue_final_message", "expected a last message of the assistant");
  }
  if (auto problem = CheckTools(chat)) return problem;
  const bool forced = generation->forced_call = chat.tool_choice.kind == ToolChoice::Kind::kRequired;
  const bool calls = !chat.tools.empty() && chat.tool_choice.kind != ToolChoice::Kind::kNone;
  const json::array tools = calls ? chat.tools : json::array();
  auto rendered = RenderConversation(*model.chat_template, MakeConversation(model, chat, tools));
  if (!rendered.ok()) {
    return Wrong(std::string(chat.place),
                 "the model's template does not take them: " + rendered.error().what);
  }
  *segments = std::move(rendered).value();

  generation->format = !model.template_knows_tools && calls ? model.told_format : model.format;
  ChatFormatOptions& reading = generation->reading;
  reading.calls = calls;
  if (calls) reading.tools = tools;
  reading.reasoning = model.reasoning;
  reading.control_tokens = model.control_tokens;
  reading.begins_in_reasoning = OpensReasoning(*segments, model.reasoning);
  if (reading.begins_in_reasoning && (forced || !chat.format.param.empty() || chat.continues_last)) {
    // An answer that is held to a grammar, or was begun, has no room for it.
    segments->push_back({std::string(model.reasoning.close) + "\n\n", true});
    reading.begins_in_reasoning = false;
  }
  if (chat.continues_last) segments->push_back({MessageText(chat.messages.back().get_object()), false});
  if (!forced) return std::nullopt;
  if (!generation->format->call) generation->format = model.bare_format;
  generation->opener = generation->format->call->open;
  if (!generation->opener.empty()) segments->push_back({generation->opener, true});
  return std::nullopt;
}

namespace {

size_t BytesOf(const std::vector<TextSegment>& segments) {
  size_t bytes = 0;
  for (const TextSegment& segment : segments) bytes += segment.text.size();
  return bytes;
}

}  // namespace

Problem TokenizeChat(const ServerContext& context, const ChatRequest& chat, std::vector<int32_t>* ids) {
  Generation generation;
  std::vector<TextSegment> segments;
  if (auto problem = RenderChat(context, chat, &generation, &segments)) return problem;
  if (const size_t bytes = BytesOf(segments); bytes > kMostTokenizedBytes) {
    return Wrong(std::string(chat.place),
                 fmt::format("{} bytes, expected at most {}", bytes, kMostTokenizedBytes));
  }
  *ids = EncodeSegments(*context.model.model->tokenizer, segments);
  return std::nullopt;
}

Problem PrepareChat(ServerContext& context, const ChatRequest& chat, Generation* generation) {
  std::vector<TextSegment> segments;
  if (auto problem = RenderChat(context, chat, generation, &segments)) return problem;
  if (auto problem = CheckStrict(context.grammars, chat)) return problem;
  if (auto problem = CompileAnswer(context.grammars, context.model, chat, generation)) return problem;
  generation->parallel_calls = chat.parallel_calls;
  if (auto problem = CheckBytes(context, BytesOf(segments), "messages")) return problem;
  generation->prompts = {EncodeSegments(*context.model.model->tokenizer, segments)};
  return CheckLength(context, generation->prompts[0].size(), std::string(chat.place));
}

}  // namespace tern
