#include <fmt/format.h>

#include <boost/json/serialize.hpp>

#include "server/encoding.h"
#include "server/prompts.h"

namespace tern {
namespace {

namespace json = boost::json;

constexpr std::string_view kEncodings[] = {"float", "base64"};
constexpr FieldDesc kFields[] = {
    {.name = "input",
     .kinds = kPromptKinds,
     .help = "texts, or their token ids",
     .max_bytes = 1 << 20,
     .required = true},
    {.name = "model", .kinds = kString, .help = "the model's id", .max_bytes = 1024},
    {.name = "encoding_format",
     .kinds = kString,
     .help = "base64: little-endian floats",
     .choices = kEncodings,
     .fallback = "\"float\""},
    {.name = "dimensions",
     .kinds = kInteger,
     .help = "keep the first so many, and make the length one again",
     .min = 1,
     .max = 1 << 20},
    {.name = "user", .kinds = kString, .help = "has no effect"},
};
constexpr SchemaDesc kSchema{"EmbeddingRequest", kFields};

struct Wanted {
  bool base64 = false;
  size_t dimensions = SIZE_MAX, tokens = 0;
};

std::string Body(const ServedModel& model, const Wanted& wanted, EncoderHost::Vectors vectors) {
  std::string data;
  for (size_t i = 0; i < vectors.size(); ++i) {
    Shorten(vectors[i], wanted.dimensions);
    const std::string vector =
        wanted.base64 ? "\"" + VectorBase64(vectors[i]) + "\"" : VectorText(vectors[i]);
    data += fmt::format("{}{{\"object\":\"embedding\",\"index\":{},\"embedding\":{}}}", i == 0 ? "" : ",", i,
                        vector);
  }
  return fmt::format(
      "{{\"object\":\"list\",\"data\":[{}],\"model\":{},\"usage\":{{\"prompt_tokens\":{},\"total_tokens\":{}}"
      "}}}",
      data, json::serialize(json::value(model.id)), wanted.tokens, wanted.tokens);
}

void Handle(ServerContext& context, RouteRequest r) {
  if (const auto problem = CheckEncodes(context, r.body)) return r.Refuse(*problem);
  if (const auto problem = CheckDimensions(r.body, context.model.model->hparams().width)) {
    return r.Refuse(*problem);
  }
  std::vector<EncoderText> texts;
  if (const auto problem = ReadTexts(context, r.body.at("input"), "input", false, &texts)) {
    return r.Refuse(*problem);
  }
  Wanted wanted{.tokens = CountTokens(context, texts)};
  if (const json::value* v = r.body.if_contains("encoding_format")) {
    wanted.base64 = v->get_string() == "base64";
  }
  if (const json::value* v = r.body.if_contains("dimensions")) wanted.dimensions = v->to_number<size_t>();
  const auto done = [&context, r, wanted](Result<EncoderHost::Vectors> vectors) {
    if (!vectors.ok()) return r.Refuse(FromEngine(vectors.error()));
    NoteEncoded(context, *r.exchange, wanted.tokens);
    r.exchange->Reply({.body = Body(context.model, wanted, std::move(vectors).value())});
  };
  const Status status = context.encoder->Embed(std::move(texts), done);
  if (!status.ok()) r.Refuse(FromEngine(status.error()));
}

}  // namespace

extern const RouteDesc k_route_embeddings;
const RouteDesc k_route_embeddings = {
    .method = "POST",
    .path = "/v1/embeddings",
    .summary = "vectors of texts",
    .body = &kSchema,
    .handle = Handle,
};

}  // namespace tern
