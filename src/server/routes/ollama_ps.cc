#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>

#include "server/model_json.h"

namespace tern {
namespace {

namespace json = boost::json;

constexpr int64_t kNever = 4102444800;  // 2100-01-01

void Handle(ServerContext& context, RouteRequest r) {
  json::object model = OllamaModelJson(context);
  model["expires_at"] = Rfc3339(kNever);
  model["size_vram"] = 0;
  model["context_length"] = context.longest_input();
  r.exchange->Reply({.body = json::serialize(json::object{{"models", json::array{std::move(model)}}})});
}

}  // namespace

extern const RouteDesc k_route_ollama_ps;
const RouteDesc k_route_ollama_ps = {
    .method = "GET",
    .path = "/api/ps",
    .summary = "the models in memory, in Ollama's protocol",
    .errors = ErrorShape::kOllama,
    .handle = Handle,
};

}  // namespace tern
