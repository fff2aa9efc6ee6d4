#include "server/metrics/all_metrics.h"
#include "server/server_context.h"

namespace tern {
namespace {

void Handle(ServerContext& context, RouteRequest r) {
  r.exchange->Reply({.body = ExposeMetrics(context),
                     .content_type = std::string(Exposition::kContentType),
                     .headers = {{"cache-control", "no-store"}}});
}

}  // namespace

extern const RouteDesc k_route_metrics;
const RouteDesc k_route_metrics = {
    .method = "GET",
    .path = "/metrics",
    .summary = "counts and times in Prometheus' text format",
    .is_probe = true,
    .handle = Handle,
};

}  // namespace tern
