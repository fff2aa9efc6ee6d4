#include <fmt/format.h>

#include <boost/json/serialize.hpp>
#include <chrono>

#include "server/encoding.h"

namespace tern {
namespace {

namespace json = boost::json;

constexpr FieldDesc kFields[] = {
    {.name = "input", .kinds = kString | kStrings, .help = "texts", .max_bytes = 1 << 20, .required = true},
    {.name = "model", .kinds = kString, .help = "the model's id", .max_bytes = 1024, .required = true},
    {.name = "truncate", .kinds = kBool, .help = "cut what is too long", .fallback = "true"},
    {.name = "dimensions", .kinds = kInteger, .help = "keep the first so many", .min = 1, .max = 1 << 20},
    {.name = "options", .kinds = kObject, .help = "has no effect"},
    {.name = "keep_alive", .kinds = kString | kNumber, .help = "how long the model stays loaded when idle"},
};
constexpr SchemaDesc kSchema{"OllamaEmbedRequest", kFields};

void Handle(ServerContext& context, RouteRequest r) {
  const auto begun = std::chrono::steady_clock::now();
  if (const auto problem = CheckEncodes(context, r.body)) return r.Refuse(*problem);
  if (const auto problem = CheckDimensions(r.body, context.model.model->hparams().width)) {
    return r.Refuse(*problem);
  }
  const json::value* truncate = r.body.if_contains("truncate");
  const json::value* dimensions = r.body.if_contains("dimensions");
  const size_t kept = dimensions != nullptr ? dimensions->to_number<size_t>() : SIZE_MAX;
  std::vector<EncoderText> texts;
  if (const auto problem = ReadTexts(context, r.body.at("input"), "input",
                                     truncate == nullptr || truncate->get_bool(), &texts)) {
    return r.Refuse(*problem);
  }
  const size_t tokens = CountTokens(context, texts);
  const auto done = [&context, r, kept, tokens, begun](Result<EncoderHost::Vectors> vectors) {
    if (!vectors.ok()) return r.Refuse(FromEngine(vectors.error()));
    std::string data;
    for (std::vector<float>& vector : vectors.value()) {
      Shorten(vector, kept);
      data += (data.empty() ? "" : ",") + VectorText(vector);
    }
    NoteEncoded(context, *r.exchange, tokens);
    const std::chrono::nanoseconds spent = std::chrono::steady_clock::now() - begun;
    r.exchange->Reply(
        {.body = fmt::format("{{\"model\":{},\"embeddings\":[{}],\"total_duration\":{},"
                             "\"load_duration\":0,\"prompt_eval_count\":{}}}",
                             json::serialize(json::value(context.model.id)), data, spent.count(), tokens)});
  };
  const Status status = context.encoder->Embed(std::move(texts), done);
  if (!status.ok()) r.Refuse(FromEngine(status.error()));
}

}  // namespace

extern const RouteDesc k_route_ollama_embed;
const RouteDesc k_route_ollama_embed = {
    .method = "POST",
    .path = "/api/embed",
    .summary = "vectors of texts, in Ollama's protocol",
    .errors = ErrorShape::kOllama,
    .body = &kSchema,
    .handle = Handle,
};

}  // namespace tern
