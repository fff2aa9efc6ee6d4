#include <boost/json/serialize.hpp>

#include "server/generation.h"
#include "server/prompts.h"

namespace tern {
namespace {

namespace json = boost::json;

constexpr FieldDesc kFields[] = {
    {.name = "tokens", .kinds = kIntegers, .help = "token ids", .required = true},
    {.name = "model", .kinds = kString, .help = "the model's id", .max_bytes = 1024},
};
constexpr SchemaDesc kSchema{"DetokenizeRequest", kFields};

void Handle(ServerContext& context, RouteRequest r) {
  if (const auto problem = CheckModel(context, r.body)) return r.Refuse(*problem);
  const Tokenizer& tokenizer = *context.model.model->tokenizer;
  std::string text;
  if (!r.body.at("tokens").get_array().empty()) {
    std::vector<std::vector<int32_t>> ids;
    if (const auto problem = ReadPrompts(tokenizer, r.body.at("tokens"), "tokens", 1, &ids)) {
      return r.Refuse(*problem);
    }
    text = TextOf(tokenizer, ids[0], true);
  }
  r.exchange->Reply({.body = json::serialize(json::object{{"content", text}, {"prompt", text}})});
}

}  // namespace

extern const RouteDesc k_route_detokenize;
const RouteDesc k_route_detokenize = {
    .method = "POST",
    .path = "/detokenize",
    .summary = "the text of token ids",
    .body = &kSchema,
    .handle = Handle,
};

}  // namespace tern
