// What the server does right now, for the page's dashboard (web/README.md describes the answer). It holds
// counts and sizes: nothing that anybody has asked or was answered.

#include <boost/json/serialize.hpp>
#include <chrono>

#include "server/server_context.h"

namespace tern {
namespace {

namespace json = boost::json;

int64_t UnixSeconds() {
  using std::chrono::seconds;
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<seconds>(now).count();
}

void Handle(ServerContext& context, RouteRequest r) {
  // An encoder has no queue that is counted.
  const HostCounts counts = context.host != nullptr ? context.host->counts() : HostCounts{};
  const json::object state{
      {"model", context.model.id},
      {"context", context.longest_input()},
      {"uptime_s", UnixSeconds() - context.model.created},
      {"draining", context.draining.load()},
      {"requests",
       {{"waiting", counts.waiting},
        {"running", counts.running},
        {"finished", counts.finished},
        {"refused", counts.refused}}},
      {"tokens", {{"prompt", counts.prompt_tokens}, {"completion", counts.completion_tokens}}}};
  r.exchange->Reply({.body = json::serialize(state), .headers = {{"cache-control", "no-store"}}});
}

}  // namespace

extern const RouteDesc k_route_debug_state;
const RouteDesc k_route_debug_state = {
    .method = "GET",
    .path = "/debug/state",
    .summary = "what the server does right now, as the dashboard shows it",
    .is_probe = true,
    .handle = Handle,
};

}  // namespace tern
