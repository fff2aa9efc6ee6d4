#include <boost/json/serialize.hpp>

#include "server/model_host.h"
#include "server/model_json.h"
#include "server/server_context.h"

namespace tern {
namespace {

void Handle(ServerContext& context, RouteRequest r) {
  const auto found = FindModelJson(context, r.name);
  if (found) return r.exchange->Reply({.body = boost::json::serialize(*found)});
  r.Refuse(NoSuchModel(r.name, context.models != nullptr ? context.models->names() : context.model.id));
}

}  // namespace

extern const RouteDesc k_route_model;
const RouteDesc k_route_model = {
    .method = "GET",
    .path = "/v1/models/{name}",
    .summary = "one of the models that are served",
    .handle = Handle,
};

}  // namespace tern
