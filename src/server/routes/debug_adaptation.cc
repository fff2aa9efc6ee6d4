// What the engine's knobs are set to, what was tried, and every move with its reason.

#include <boost/json/serialize.hpp>

#include "server/adaptation_json.h"
#include "server/server_context.h"

namespace tern {
namespace {

void Handle(ServerContext& context, RouteRequest r) {
  if (context.host == nullptr) {
    return r.Refuse({.status = 404,
                     .message = "the model generates no text: nothing is adapted",
                     .code = "no_adaptation"});
  }
  r.exchange->Reply({.body = boost::json::serialize(JsonOf(context.host->adaptation())),
                     .headers = {{"cache-control", "no-store"}}});
}

}  // namespace

extern const RouteDesc k_route_debug_adaptation;
const RouteDesc k_route_debug_adaptation = {
    .method = "GET",
    .path = "/debug/adaptation",
    .summary = "what the engine is set to by what its steps take, and why",
    .is_probe = true,
    .shows_model = true,
    .handle = Handle,
};

}  // namespace tern
