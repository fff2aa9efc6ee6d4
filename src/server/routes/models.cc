#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>

#include "server/server_context.h"

namespace tern {
namespace {

namespace json = boost::json;

void Handle(ServerContext& context, RouteRequest r) {
  const ServedModel& m = context.model;
  const json::object model{{"id", m.id},
                           {"object", "model"},
                           {"created", m.created},
                           {"owned_by", "tern"},
                           {"max_model_len", context.host->context()}};
  r.exchange->Reply(
      {.body = json::serialize(json::object{{"object", "list"}, {"data", json::array{model}}})});
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
