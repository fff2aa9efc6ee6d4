#include <fmt/format.h>

#include "server/encoding.h"

namespace tern {
namespace {

constexpr FieldDesc kFields[] = {
    {.name = "prompt", .kinds = kString, .help = "a text", .max_bytes = 1 << 20, .required = true},
    {.name = "model", .kinds = kString, .help = "the model's id", .max_bytes = 1024, .required = true},
    {.name = "options", .kinds = kObject, .help = "has no effect"},
    {.name = "keep_alive", .kinds = kString | kNumber, .help = "how long the model stays loaded when idle"},
};
constexpr SchemaDesc kSchema{"OllamaEmbeddingsRequest", kFields};

void Handle(ServerContext& context, RouteRequest r) {
  if (const auto problem = CheckEncodes(context, r.body)) return r.Refuse(*problem);
  std::vector<EncoderText> texts;
  if (const auto problem = ReadTexts(context, r.body.at("prompt"), "prompt", true, &texts)) {
    return r.Refuse(*problem);
  }
  const size_t tokens = CountTokens(context, texts);
  const auto done = [&context, r, tokens](Result<EncoderHost::Vectors> vectors) {
    if (!vectors.ok()) return r.Refuse(FromEngine(vectors.error()));
    NoteEncoded(context, *r.exchange, tokens);
    r.exchange->Reply({.body = fmt::format("{{\"embedding\":{}}}", VectorText(vectors.value()[0]))});
  };
  const Status status = context.encoder->Embed(std::move(texts), done);
  if (!status.ok()) r.Refuse(FromEngine(status.error()));
}

}  // namespace

extern const RouteDesc k_route_ollama_embeddings;
const RouteDesc k_route_ollama_embeddings = {
    .method = "POST",
    .path = "/api/embeddings",
    .summary = "the vector of one text, as Ollama's older protocol gives it",
    .errors = ErrorShape::kOllama,
    .body = &kSchema,
    .handle = Handle,
};

}  // namespace tern
