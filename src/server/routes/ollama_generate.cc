#include <boost/json/serialize.hpp>

#include "server/answer.h"
#include "server/ollama_request.h"
#include "server/prompts.h"
#include "server/writers/ollama_writer.h"

namespace tern {
namespace {

namespace json = boost::json;

constexpr FieldDesc kOwnFields[] = {
    {.name = "prompt", .kinds = kString, .help = "none: only load the model"},
    {.name = "system", .kinds = kString, .help = "a system message in front"},
    {.name = "raw", .kinds = kBool, .help = "no chat template; special tokens in the prompt count"},
    {.name = "suffix", .kinds = kString, .only = "\"\""},
    {.name = "template", .kinds = kString, .only = "\"\""},
    {.name = "images", .kinds = kAnything, .only = "[]"},
    {.name = "context", .kinds = kAnything, .only = "[]"},
};
constexpr auto kFields = JoinFields(kOwnFields, kOllamaFields);
constexpr SchemaDesc kSchema{"OllamaGenerateRequest", kFields};

Problem ReadRaw(ServerContext& context, const json::value& prompt, const AnswerFormat& format,
                Generation* generation) {
  const Tokenizer& tokenizer = *context.model.model->tokenizer;
  if (auto problem = ReadPrompts(tokenizer, prompt, "prompt", 1, &generation->prompts)) return problem;
  if (auto problem = CompileAnswerFormat(context.grammars, format, &generation->request.grammar))
    return problem;
  return CheckLength(context, generation->prompts[0].size(), "prompt");
}

Problem Read(ServerContext& context, const json::object& body, Generation* generation) {
  ChatRequest chat;
  if (auto problem = ReadOllama(context, body, generation, &chat)) return problem;
  const json::value* prompt = body.if_contains("prompt");
  if (prompt == nullptr || prompt->get_string().empty()) return std::nullopt;
  if (IsSet(body, "raw") || !context.model.chat_template) {
    return ReadRaw(context, *prompt, chat.format, generation);
  }
  if (const json::value* v = body.if_contains("system"); v != nullptr && !v->get_string().empty()) {
    chat.messages.push_back(json::object{{"role", "system"}, {"content", *v}});
  }
  chat.messages.push_back(json::object{{"role", "user"}, {"content", *prompt}});
  return PrepareChat(context, chat, generation);
}

void Handle(ServerContext& context, RouteRequest r) {
  Generation generation;
  if (const auto problem = Read(context, r.body, &generation)) return r.Refuse(*problem);
  auto writer = std::make_unique<OllamaWriter>(OllamaWriter::Kind::kGenerate);
  if (generation.prompts.empty()) {
    return r.exchange->Reply(
        {.body = json::serialize(writer->Loaded(context.model.id, LetsGo(r.body))) + "\n"});
  }
  Answer::Respond(context, std::move(r), std::move(generation), std::move(writer));
}

}  // namespace

extern const RouteDesc k_route_ollama_generate;
const RouteDesc k_route_ollama_generate = {
    .method = "POST",
    .path = "/api/generate",
    .summary = "an answer to a text, in Ollama's protocol",
    .errors = ErrorShape::kOllama,
    .body = &kSchema,
    .handle = Handle,
};

}  // namespace tern
