// Whether the process answers: what a supervisor restarts it by. Whether to send it requests, /ready says.
// While the model is being loaded, every endpoint is a 503 (Router).

#include "server/server_context.h"

namespace tern {
namespace {

void Handle(ServerContext&, RouteRequest r) { r.exchange->Reply({.body = R"({"status":"ok"})"}); }

constexpr std::string_view kAliases[] = {"/ping"};

}  // namespace

extern const RouteDesc k_route_health;
const RouteDesc k_route_health = {
    .method = "GET",
    .path = "/health",
    .summary = "whether the server answers",
    .access = Access::kOpen,
    .is_probe = true,
    .aliases = kAliases,
    .handle = Handle,
};

}  // namespace tern
