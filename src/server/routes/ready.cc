// Whether to send requests here: what a load balancer asks.

#include "server/engine_figures.h"
#include "server/server_context.h"

namespace tern {
namespace {

void Handle(ServerContext& context, RouteRequest r) {
  if (context.draining) return r.Refuse(Draining());
  if (FiguresOf(context).hangs()) {
    return r.Refuse(
        {.status = 503, .message = "the engine does not answer", .code = "engine_hangs", .retry_after_s = 5});
  }
  r.exchange->Reply({.body = R"({"status":"ready"})"});
}

}  // namespace

extern const RouteDesc k_route_ready;
const RouteDesc k_route_ready = {
    .method = "GET",
    .path = "/ready",
    .summary = "whether the server takes requests: 503 while it drains, or its engine hangs",
    .is_probe = true,
    .handle = Handle,
};

}  // namespace tern
