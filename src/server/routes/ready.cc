// Whether to send requests here: what a load balancer asks.

#include <algorithm>

#include "server/engine_figures.h"
#include "server/model_host.h"
#include "server/server_context.h"

namespace tern {
namespace {

bool AnyHangs(ServerContext& context) {
  if (context.models == nullptr) return FiguresOf(context).hangs();
  return std::ranges::any_of(context.models->views(), [](const ModelView& view) {
    return view.context != nullptr && FiguresOf(*view.context).hangs();
  });
}

void Handle(ServerContext& context, RouteRequest r) {
  if (context.draining) return r.Refuse(Draining());
  if (AnyHangs(context)) {
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
