#include <boost/json/serialize.hpp>

#include "server/generation.h"
#include "server/model_json.h"

namespace tern {
namespace {

void Handle(ServerContext& context, RouteRequest r) {
  if (const auto problem = CheckModel(context, {{"model", r.name}})) return r.Refuse(*problem);
  r.exchange->Reply({.body = boost::json::serialize(ModelJson(context))});
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
