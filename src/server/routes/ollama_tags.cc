#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>

#include "server/model_json.h"

namespace tern {
namespace {

namespace json = boost::json;

void Handle(ServerContext& context, RouteRequest r) {
  const json::object list{{"models", OllamaModelsJson(context)}};
  r.exchange->Reply({.body = json::serialize(list)});
}

}  // namespace

extern const RouteDesc k_route_ollama_tags;
const RouteDesc k_route_ollama_tags = {
    .method = "GET",
    .path = "/api/tags",
    .summary = "the models that are served, in Ollama's protocol",
    .errors = ErrorShape::kOllama,
    .handle = Handle,
};

}  // namespace tern
