#include <boost/json/serialize.hpp>

#include "server/answer.h"
#include "server/chat_fields.h"
#include "server/ollama_request.h"
#include "server/writers/ollama_writer.h"

namespace tern {
namespace {

namespace json = boost::json;

constexpr FieldDesc kOwnFields[] = {
    {.name = "messages",
     .kinds = kObjects,
     .help = "none: only load the model",
     .max_items = 65536,
     .object = &kOllamaMessage},
    {.name = "tools",
     .kinds = kObjects,
     .help = "functions the model may call",
     .max_items = 256,
     .object = &kTool},
};
constexpr auto kFields = JoinFields(kOwnFields, kOllamaFields);
constexpr SchemaDesc kSchema{"OllamaChatRequest", kFields};

Problem Read(ServerContext& context, json::object& body, Generation* generation) {
  ChatRequest chat;
  if (auto problem = ReadOllama(context, body, generation, &chat)) return problem;
  const json::value* messages = body.if_contains("messages");
  if (messages == nullptr || messages->get_array().empty()) return std::nullopt;
  if (auto problem = ReadOllamaMessages(messages->get_array(), &chat.messages)) return problem;
  if (json::value* v = body.if_contains("tools")) chat.tools = std::move(v->get_array());
  return PrepareChat(context, chat, generation);
}

void Handle(ServerContext& context, RouteRequest r) {
  Generation generation;
  if (const auto problem = Read(context, r.body, &generation)) return r.Refuse(*problem);
  auto writer = std::make_unique<OllamaWriter>(OllamaWriter::Kind::kChat);
  if (generation.prompts.empty()) {
    return r.exchange->Reply(
        {.body = json::serialize(writer->Loaded(context.model.id, LetsGo(r.body))) + "\n"});
  }
  Answer::Respond(context, std::move(r), std::move(generation), std::move(writer));
}

}  // namespace

extern const RouteDesc k_route_ollama_chat;
const RouteDesc k_route_ollama_chat = {
    .method = "POST",
    .path = "/api/chat",
    .summary = "answers to a conversation, in Ollama's protocol",
    .errors = ErrorShape::kOllama,
    .body = &kSchema,
    .handle = Handle,
};

}  // namespace tern
