#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>

#include "server/generation.h"
#include "server/model_json.h"

namespace tern {
namespace {

namespace json = boost::json;

constexpr FieldDesc kFields[] = {
    {.name = "model", .kinds = kString, .help = "the model's id", .max_bytes = 1024},
    {.name = "name", .kinds = kString, .help = "the same", .max_bytes = 1024},
    {.name = "verbose", .kinds = kBool, .help = "has no effect"},
};
constexpr SchemaDesc kSchema{"OllamaShowRequest", kFields};

// Numbers and short texts: vocabularies are long.
json::object Info(const Metadata& metadata) {
  json::object info;
  for (const auto& [key, value] : metadata.all()) {
    std::visit(
        [&, &name = key](const auto& v) {
          using Value = std::decay_t<decltype(v)>;
          if constexpr (std::is_arithmetic_v<Value>) info[name] = v;
          if constexpr (std::is_same_v<Value, std::string>) {
            if (v.size() <= 256) info[name] = v;
          }
        },
        value);
  }
  return info;
}

json::array Capabilities(const ServerContext& context) {
  if (context.host == nullptr) return {"embedding"};
  json::array can{"completion"};
  if (context.model.chat_template) can.push_back("tools");
  if (!context.model.reasoning.close.empty()) can.push_back("thinking");
  return can;
}

void Handle(ServerContext& context, RouteRequest r) {
  Rename(r.body, "name", "model");
  if (!r.body.contains("model")) return r.Refuse(Wrong("model", "required"));
  if (const auto problem = CheckModel(context, r.body)) return r.Refuse(*problem);
  const LoadedModel& model = *context.model.model;
  const json::object shown{{"modelfile", ""},
                           {"parameters", ""},
                           {"template", model.chat_template},
                           {"details", OllamaDetails(context.model)},
                           {"model_info", Info(model.checkpoint->metadata())},
                           {"capabilities", Capabilities(context)},
                           {"modified_at", Rfc3339(context.model.created)}};
  r.exchange->Reply({.body = json::serialize(shown)});
}

}  // namespace

extern const RouteDesc k_route_ollama_show;
const RouteDesc k_route_ollama_show = {
    .method = "POST",
    .path = "/api/show",
    .summary = "what a model is, in Ollama's protocol",
    .errors = ErrorShape::kOllama,
    .body = &kSchema,
    .handle = Handle,
};

}  // namespace tern
