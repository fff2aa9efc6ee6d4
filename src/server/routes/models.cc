#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>

#include "server/model_json.h"

namespace tern {
namespace {

namespace json = boost::json;

void Handle(ServerContext& context, RouteRequest r) {
  json::array models = ModelsJson(context);
  const json::value first = models.front().at("id"), last = models.back().at("id");
  const json::object list{{"object", "list"},
                          {"data", std::move(models)},
                          {"has_more", false},
                          {"first_id", first},
                          {"last_id", last}};
  r.exchange->Reply({.body = json::serialize(list)});
}

}  // namespace

extern const RouteDesc k_route_models;
const RouteDesc k_route_models = {
    .method = "GET",
    .path = "/v1/models",
    .summary = "the models that are served",
    .handle = Handle,
};

}  // namespace tern
