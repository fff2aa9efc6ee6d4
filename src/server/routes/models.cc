#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>

#include "server/model_json.h"

namespace tern {
namespace {

namespace json = boost::json;

void Handle(ServerContext& context, RouteRequest r) {
  const std::string& id = context.model.id;
  const json::object list{{"object", "list"},
                          {"data", json::array{ModelJson(context)}},
                          {"has_more", false},
                          {"first_id", id},
                          {"last_id", id}};
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
