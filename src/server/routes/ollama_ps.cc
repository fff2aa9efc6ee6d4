#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>

#include "server/model_json.h"

namespace tern {
namespace {

namespace json = boost::json;

void Handle(ServerContext& context, RouteRequest r) {
  r.exchange->Reply({.body = json::serialize(json::object{{"models", OllamaLoadedJson(context)}})});
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
