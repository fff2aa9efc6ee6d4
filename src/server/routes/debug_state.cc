// What the server does right now, for the page's dashboard (web/README.md describes the answer). It holds
// counts and sizes: nothing that anybody has asked or was answered.

#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>
#include <chrono>

#include "server/engine_figures.h"
#include "server/server_context.h"

namespace tern {
namespace {

namespace json = boost::json;

int64_t UnixSeconds() {
  using std::chrono::seconds;
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<seconds>(now).count();
}

json::array Pools(const EngineFigures& figures) {
  json::array pools;
  for (const MemoryPool& pool : figures.pools) pools.push_back({{"name", pool.name}, {"bytes", pool.bytes}});
  return pools;
}

void Handle(ServerContext& context, RouteRequest r) {
  const EngineFigures figures = FiguresOf(context);
  const ServerMeters& meters = context.meters;
  const auto ended = [&](FinishReason reason) {
    return meters.finished[static_cast<size_t>(reason)].value();
  };
  const json::object state{{"model", context.model.id},
                           {"context", context.longest_input()},
                           {"uptime_s", UnixSeconds() - context.model.created},
                           {"draining", context.draining.load()},
                           {"requests",
                            {{"waiting", figures.waiting},
                             {"running", figures.running},
                             {"finished", ended(FinishReason::kStop) + ended(FinishReason::kLength)},
                             {"cancelled", ended(FinishReason::kCancelled)},
                             {"refused", figures.refused},
                             {"failed", ended(FinishReason::kFailed)}}},
                           {"tokens",
                            {{"prompt", meters.prompt_tokens.value()},
                             {"cached", meters.prefix_hits.value()},
                             {"completion", meters.generation_tokens.value()}}},
                           {"ledger", {{"pools", Pools(figures)}}}};
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
