// What the server does right now, for the page's dashboard (web/README.md describes the answer). It holds
// counts and sizes: nothing that anybody has asked or was answered.

#include <fmt/format.h>

#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>
#include <chrono>

#include "server/engine_figures.h"
#include "server/http/wire.h"
#include "server/model_host.h"
#include "server/model_json.h"
#include "server/server_context.h"

namespace tern {
namespace {

namespace json = boost::json;

int64_t UnixSeconds() {
  using std::chrono::seconds;
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<seconds>(now).count();
}

json::object Ledger(const ServerContext& context, const EngineFigures& figures) {
  json::array pools;
  for (const MemoryPool& pool : figures.pools) {
    if (!pool.name.empty()) pools.push_back({{"name", pool.name}, {"bytes", pool.bytes}});
  }
  return {{"limit_bytes", context.memory_bytes}, {"pools", std::move(pools)}};
}

json::value Milliseconds(const RecentTimes& times) {
  const auto quantiles = times.Now();
  if (!quantiles) return nullptr;
  return {{"p50", 1e3 * quantiles->p50}, {"p99", 1e3 * quantiles->p99}};
}

json::object Batch(const EngineFigures& figures) {
  return {{"running", figures.running},
          {"prefilling", figures.prefilling},
          {"capacity", figures.most_running},
          {"tokens", figures.running > 0 ? figures.step_tokens : 0}};
}

json::object Kv(const CacheView& cache) {
  json::object counts;
  int blocks = 0;
  for (size_t i = 0; i < cache.blocks.size(); ++i) {
    counts[CacheView::kLetters.substr(i, 1)] = cache.blocks[i];
    blocks += cache.blocks[i];
  }
  return {{"block_tokens", kKvBlockTokens},
          {"blocks", blocks},
          {"states", cache.states},
          {"counts", std::move(counts)}};
}

json::value Disk(const EngineFigures& figures) {
  if (!figures.disk) return nullptr;
  const DiskPrefixCounts& disk = *figures.disk;
  return {{"bytes", disk.tier.bytes},
          {"limit_bytes", disk.tier.most_bytes},
          {"blocks", disk.tier.blocks},
          {"tokens", {{"queried", disk.queried_tokens}, {"hit", disk.hit_tokens}}},
          {"late_loads", disk.late_loads},
          {"written", disk.tier.written},
          {"read", disk.tier.read},
          {"evicted", disk.tier.evicted},
          {"dropped", disk.tier.dropped},
          {"damaged", disk.tier.damaged},
          {"read_errors", disk.tier.read_errors},
          {"write_errors", disk.tier.write_errors}};
}

json::value Link(const EngineFigures& figures) {
  if (!figures.link) return nullptr;
  const KvLinkCounts& link = *figures.link;
  json::object misses;
  for (size_t i = 0; i < link.misses.size(); ++i) misses[kKvMissNames[i]] = link.misses[i];
  return {{"linked", link.is_linked},
          {"state", link.state},
          {"links", link.links},
          {"in", {{"blocks", link.blocks_in}, {"bytes", link.bytes_in}}},
          {"out", {{"blocks", link.blocks_out}, {"bytes", link.bytes_out}}},
          {"asks", link.asks},
          {"tokens", {{"asked", link.asked_tokens}, {"hit", link.hit_tokens}}},
          {"misses", std::move(misses)},
          {"waited_s", link.waited_s}};
}

// Names, lengths and counts: of what the tokens are, nothing.
json::array Prefixes(const CacheView& cache) {
  using std::chrono::nanoseconds, std::chrono::steady_clock;
  const nanoseconds now = steady_clock::now().time_since_epoch();
  json::array prefixes;
  for (const HotPrefix& prefix : cache.prefixes) {
    const double age_s = 1e-9 * static_cast<double>((now - nanoseconds(prefix.last_hit_ns)).count());
    prefixes.push_back({{"id", fmt::format("{:016x}", prefix.id)},
                        {"tokens", prefix.tokens},
                        {"hits", prefix.hits},
                        {"age_s", age_s}});
  }
  return prefixes;
}

// Of one model.
json::object StateOf(const ServerContext& context) {
  const EngineFigures figures = FiguresOf(context);
  const ServerMeters& meters = context.meters;
  const auto ended = [&](FinishReason reason) {
    return meters.finished[static_cast<size_t>(reason)].value();
  };
  json::object state{{"model", context.model.id},
                     {"context", context.longest_input()},
                     {"uptime_s", UnixSeconds() - context.model.created},
                     {"requests",
                      {{"waiting", figures.waiting},
                       {"running", figures.running},
                       {"prefilling", figures.prefilling},
                       {"finished", ended(FinishReason::kStop) + ended(FinishReason::kLength)},
                       {"cancelled", ended(FinishReason::kCancelled)},
                       {"refused", figures.refused},
                       {"failed", ended(FinishReason::kFailed)}}},
                     {"tokens",
                      {{"prompt", meters.prompt_tokens.value()},
                       {"cached", meters.prefix_hits.value()},
                       {"completion", meters.generation_tokens.value()}}},
                     {"ledger", Ledger(context, figures)}};
  if (context.host != nullptr) {
    const CacheView cache = context.host->cache();
    state["ttft_ms"] = Milliseconds(meters.recent_first_token);
    state["itl_ms"] = Milliseconds(meters.recent_next_token);
    state["batch"] = Batch(figures);
    state["kv"] = Kv(cache);
    state["speculation"] = {{"drafts", figures.drafts},
                            {"draft_tokens", figures.draft_tokens},
                            {"accepted_tokens", figures.accepted_tokens}};
    state["kv_disk"] = Disk(figures);
    state["kv_link"] = Link(figures);
    state["prefixes"] = Prefixes(cache);
  }
  return state;
}

void Handle(ServerContext& context, RouteRequest r) {
  json::object state;
  if (context.models == nullptr) {
    state = StateOf(context);
  } else {
    const std::string name = QueryMember(r.exchange->request().query, "model");
    const auto model = context.models->Look(name);
    if (model != nullptr) state = StateOf(*model);
    AddModelStates(context, &state);
  }
  state["draining"] = context.draining.load();
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
