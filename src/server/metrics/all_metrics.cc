#include "server/metrics/all_metrics.h"

#include <fmt/format.h>

#include "server/model_host.h"
#include "server/server_context.h"

namespace tern {
namespace {

using Kind = MetricKind;
using Source = MetricSource;
using Out = Exposition;

void WriteFinished(const Source& s, Out& out) {
  constexpr std::string_view kReasons[] = {"stop", "length", "abort", "error"};  // by FinishReason
  const auto& finished = s.meters.finished;
  for (size_t i = 0; i < finished.size(); ++i) out.Sample(finished[i], {{"finished_reason", kReasons[i]}});
}

void WriteCacheConfig(const Source& s, Out& out) {
  const std::string block = std::to_string(s.engine.kv_block_tokens);
  const std::string blocks = std::to_string(s.engine.kv_blocks);
  out.Sample(1, {{"block_size", block}, {"num_gpu_blocks", blocks}});
}

void WriteBlocks(const Source& s, Out& out) {
  const EngineFigures& e = s.engine;
  out.Sample(e.kv_used_blocks, {{"state", "used"}});
  out.Sample(e.kv_cached_blocks, {{"state", "cached"}});
  out.Sample(e.kv_blocks - e.kv_used_blocks - e.kv_cached_blocks, {{"state", "free"}});
}

void WritePools(const Source& s, Out& out) {
  for (const MemoryPool& pool : s.engine.pools) {
    out.Sample(static_cast<double>(pool.bytes), {{"pool", pool.name}});
  }
}

void WriteDiskBlocks(const Source& s, Out& out) {
  const DiskCounts counts = s.engine.disk.value_or(DiskPrefixCounts()).tier;
  const std::pair<std::string_view, uint64_t> events[] = {{"written", counts.written},
                                                          {"read", counts.read},
                                                          {"evicted", counts.evicted},
                                                          {"dropped", counts.dropped},
                                                          {"damaged", counts.damaged}};
  for (const auto& [event, count] : events) out.Sample(static_cast<double>(count), {{"event", event}});
}

void WriteDiskErrors(const Source& s, Out& out) {
  const DiskCounts counts = s.engine.disk.value_or(DiskPrefixCounts()).tier;
  out.Sample(static_cast<double>(counts.read_errors), {{"op", "read"}});
  out.Sample(static_cast<double>(counts.write_errors), {{"op", "write"}});
}

void WriteAliases(const Source& s, Out& out) {
  if (s.context.models == nullptr) return;
  for (const Canary& alias : s.context.models->aliases()) {
    for (const Canary::Target& target : alias.targets()) {
      out.Sample(target.share, {{"alias", alias.name()}, {"target", target.model}});
    }
  }
}

KvLinkCounts LinkOf(const Source& s) { return s.engine.link.value_or(KvLinkCounts()); }

void WriteLinkBlocks(const Source& s, Out& out) {
  out.Sample(static_cast<double>(LinkOf(s).blocks_in), {{"direction", "in"}});
  out.Sample(static_cast<double>(LinkOf(s).blocks_out), {{"direction", "out"}});
}

void WriteLinkBytes(const Source& s, Out& out) {
  out.Sample(static_cast<double>(LinkOf(s).bytes_in), {{"direction", "in"}});
  out.Sample(static_cast<double>(LinkOf(s).bytes_out), {{"direction", "out"}});
}

void WriteLinkMisses(const Source& s, Out& out) {
  const KvLinkCounts link = LinkOf(s);
  for (size_t i = 0; i < link.misses.size(); ++i) {
    out.Sample(static_cast<double>(link.misses[i]), {{"reason", kKvMissNames[i]}});
  }
}

void WriteHttp(const Source& s, Out& out) {
  for (const HttpMeters::Row& row : s.context.meters.http.rows()) {
    const std::string status = row.status == 0 ? "other" : std::to_string(row.status);
    out.Sample(static_cast<double>(row.requests), {{"method", row.route ? row.route->method : "none"},
                                                   {"handler", row.route ? row.route->path : "none"},
                                                   {"status", status}});
  }
}

// Names that start with vllm: mean what they mean in vLLM 0.10 and later, so that dashboards and autoscalers
// work as they are; what it has no name for starts with tern:.
constexpr MetricDesc kAll[] = {
    {"vllm:num_requests_running", Kind::kGauge, "answers that are being computed",
     [](const Source& s, Out& out) { out.Sample(s.engine.running); }},
    {"vllm:num_requests_waiting", Kind::kGauge, "answers that wait for a place",
     [](const Source& s, Out& out) { out.Sample(s.engine.waiting); }},
    {"vllm:kv_cache_usage_perc", Kind::kGauge, "KV blocks that requests hold, as a share from 0 to 1",
     [](const Source& s, Out& out) { out.Sample(s.engine.kv_usage()); }},
    {"vllm:cache_config_info", Kind::kGauge,
     "always 1; labels say how many KV blocks there are, of how many tokens", WriteCacheConfig},
    {"vllm:num_preemptions_total", Kind::kCounter, "answers that had to give their KV back and wait again",
     [](const Source& s, Out& out) { out.Sample(static_cast<double>(s.engine.preemptions)); }},
    {"vllm:spec_decode_num_drafts_total", Kind::kCounter,
     "steps of an answer that computed drafts of its next tokens, too",
     [](const Source& s, Out& out) { out.Sample(static_cast<double>(s.engine.drafts)); }},
    {"vllm:spec_decode_num_draft_tokens_total", Kind::kCounter, "tokens of these drafts",
     [](const Source& s, Out& out) { out.Sample(static_cast<double>(s.engine.draft_tokens)); }},
    {"vllm:spec_decode_num_accepted_tokens_total", Kind::kCounter, "of these, tokens that were said",
     [](const Source& s, Out& out) { out.Sample(static_cast<double>(s.engine.accepted_tokens)); }},
    {"vllm:prefix_cache_queries_total", Kind::kCounter,
     "prompt tokens that were looked up in the prefix cache",
     [](const Source& s, Out& out) { out.Sample(s.meters.prefix_queries); }},
    {"vllm:prefix_cache_hits_total", Kind::kCounter, "of these, tokens that it had",
     [](const Source& s, Out& out) { out.Sample(s.meters.prefix_hits); }},
    {"vllm:prompt_tokens_total", Kind::kCounter, "prompt tokens read",
     [](const Source& s, Out& out) { out.Sample(s.meters.prompt_tokens); }},
    {"vllm:generation_tokens_total", Kind::kCounter, "tokens generated",
     [](const Source& s, Out& out) { out.Sample(s.meters.generation_tokens); }},
    {"vllm:request_success_total", Kind::kCounter,
     "answers that ended, by finished_reason: stop, length, abort (the client went), error", WriteFinished},
    {"vllm:time_to_first_token_seconds", Kind::kHistogram, "from submission to the first token",
     [](const Source& s, Out& out) { out.Sample(s.meters.first_token); }},
    {"vllm:inter_token_latency_seconds", Kind::kHistogram, "from each token to the next",
     [](const Source& s, Out& out) { out.Sample(s.meters.next_token); }},
    {"vllm:time_per_output_token_seconds", Kind::kHistogram, "the same under its older name",
     [](const Source& s, Out& out) { out.Sample(s.meters.next_token); }},
    {"vllm:request_time_per_output_token_seconds", Kind::kHistogram,
     "between tokens, the mean of each answer",
     [](const Source& s, Out& out) { out.Sample(s.meters.mean_token); }},
    {"vllm:e2e_request_latency_seconds", Kind::kHistogram, "from submission to the end",
     [](const Source& s, Out& out) { out.Sample(s.meters.end_to_end); }},
    {"vllm:request_queue_time_seconds", Kind::kHistogram, "from submission until the first step",
     [](const Source& s, Out& out) { out.Sample(s.meters.queue); }},
    {"vllm:request_inference_time_seconds", Kind::kHistogram, "from the first step to the end",
     [](const Source& s, Out& out) { out.Sample(s.meters.inference); }},
    {"vllm:request_prefill_time_seconds", Kind::kHistogram, "from the first step to the first token",
     [](const Source& s, Out& out) { out.Sample(s.meters.prefill); }},
    {"vllm:request_decode_time_seconds", Kind::kHistogram, "from the first token to the last",
     [](const Source& s, Out& out) { out.Sample(s.meters.decode); }},
    {"vllm:request_prompt_tokens", Kind::kHistogram, "tokens of each prompt",
     [](const Source& s, Out& out) { out.Sample(s.meters.prompt_sizes); }},
    {"vllm:request_generation_tokens", Kind::kHistogram, "tokens of each answer",
     [](const Source& s, Out& out) { out.Sample(s.meters.answer_sizes); }},
    {"vllm:request_params_max_tokens", Kind::kHistogram,
     "most tokens that each answer may have: max_tokens, or what the context leaves",
     [](const Source& s, Out& out) { out.Sample(s.meters.answer_limits); }},
    {"vllm:request_params_n", Kind::kHistogram, "answers that are asked for to each prompt (n)",
     [](const Source& s, Out& out) { out.Sample(s.meters.choices); }},
    {"vllm:request_max_num_generation_tokens", Kind::kHistogram,
     "tokens of the longest answer to each prompt",
     [](const Source& s, Out& out) { out.Sample(s.meters.longest_choice); }},
    {"vllm:iteration_tokens_total", Kind::kHistogram,
     "tokens of each step of the engine, of prompts and answers",
     [](const Source& s, Out& out) { out.Sample(s.meters.step_tokens); }},
    {"tern:ready", Kind::kGauge, "1 where /ready is 200",
     [](const Source& s, Out& out) { out.Sample(s.context.draining || s.engine.hangs() ? 0 : 1); }},
    {"tern:engine_step_age_seconds", Kind::kGauge, "how long the engine has been at one step; 0: it is idle",
     [](const Source& s, Out& out) { out.Sample(s.engine.stuck_s); }},
    {"tern:max_requests_running", Kind::kGauge, "most answers at once (--parallel)",
     [](const Source& s, Out& out) { out.Sample(s.engine.most_running); }},
    {"tern:requests_refused_total", Kind::kCounter,
     "answers that were refused: too many wait, or one cannot fit",
     [](const Source& s, Out& out) { out.Sample(static_cast<double>(s.engine.refused)); }},
    {"tern:num_requests_paused", Kind::kGauge, "answers that pause, as their clients do not read them",
     [](const Source& s, Out& out) { out.Sample(s.engine.paused); }},
    {"tern:slow_clients_total", Kind::kCounter, "answers that ended, as their clients took nothing of them",
     [](const Source& s, Out& out) { out.Sample(s.meters.slow_clients); }},
    {"tern:kv_blocks", Kind::kGauge, "KV blocks by state: used, cached (kept for prompts to come), free",
     WriteBlocks},
    {"tern:kv_disk_bytes", Kind::kGauge, "what KV on disk takes (--kv-disk)",
     [](const Source& s, Out& out) {
       out.Sample(static_cast<double>(s.engine.disk.value_or(DiskPrefixCounts()).tier.bytes));
     }},
    {"tern:kv_disk_queried_tokens_total", Kind::kCounter,
     "tokens that memory had no KV of, and that were looked for on disk",
     [](const Source& s, Out& out) {
       out.Sample(static_cast<double>(s.engine.disk.value_or(DiskPrefixCounts()).queried_tokens));
     }},
    {"tern:kv_disk_hit_tokens_total", Kind::kCounter, "of these, tokens whose KV came from there in time",
     [](const Source& s, Out& out) {
       out.Sample(static_cast<double>(s.engine.disk.value_or(DiskPrefixCounts()).hit_tokens));
     }},
    {"tern:kv_disk_late_loads_total", Kind::kCounter, "answers that gave up waiting for the disk",
     [](const Source& s, Out& out) {
       out.Sample(static_cast<double>(s.engine.disk.value_or(DiskPrefixCounts()).late_loads));
     }},
    {"tern:kv_disk_blocks_total", Kind::kCounter,
     "KV blocks on disk by event: written, read, evicted, dropped (not written), damaged (not taken)",
     WriteDiskBlocks},
    {"tern:kv_disk_errors_total", Kind::kCounter, "errors of the disk by op: read, write", WriteDiskErrors},
    {"tern:kv_link_up", Kind::kGauge, "1 where the other process of a pair is there (--role)",
     [](const Source& s, Out& out) { out.Sample(LinkOf(s).is_linked ? 1 : 0); }},
    {"tern:kv_link_asked_tokens_total", Kind::kCounter,
     "tokens that memory had no KV of, and that the prefill process was to compute",
     [](const Source& s, Out& out) { out.Sample(static_cast<double>(LinkOf(s).asked_tokens)); }},
    {"tern:kv_link_hit_tokens_total", Kind::kCounter, "of these, tokens whose KV came from there in time",
     [](const Source& s, Out& out) { out.Sample(static_cast<double>(LinkOf(s).hit_tokens)); }},
    {"tern:kv_link_blocks_total", Kind::kCounter, "KV blocks over the link by direction: in, out",
     WriteLinkBlocks},
    {"tern:kv_link_bytes_total", Kind::kCounter, "their bytes by direction", WriteLinkBytes},
    {"tern:kv_link_misses_total", Kind::kCounter,
     "prompts computed here after all, by reason: unlinked, refused, late, damaged, lost, no_room",
     WriteLinkMisses},
    {"tern:kv_link_wait_seconds_total", Kind::kCounter, "what answers have waited for KV over the link",
     [](const Source& s, Out& out) { out.Sample(LinkOf(s).waited_s); }},
    {"tern:ledger_bytes", Kind::kGauge, "memory by pool", WritePools},
    {"tern:model_loaded", Kind::kGauge, "1 where the model is loaded",
     [](const Source& s, Out& out) { out.Sample(s.view == nullptr || s.view->context != nullptr ? 1 : 0); }},
    {"tern:model_bytes", Kind::kGauge,
     "what the model takes of the memory for models: packed weights, KV, activations",
     [](const Source& s, Out& out) {
       out.Sample(s.view == nullptr ? 0 : static_cast<double>(s.view->bytes));
     }},
    {"tern:model_requests_waiting", Kind::kGauge, "requests that wait until the model is loaded",
     [](const Source& s, Out& out) {
       out.Sample(s.view == nullptr ? 0 : static_cast<double>(s.view->waiting));
     }},
    {"tern:model_loads_total", Kind::kCounter, "how often the model was loaded",
     [](const Source& s, Out& out) {
       out.Sample(s.view == nullptr ? 1 : static_cast<double>(s.view->loads));
     }},
    {"tern:model_load_seconds", Kind::kGauge, "how long that took the last time",
     [](const Source& s, Out& out) { out.Sample(s.view == nullptr ? 0 : s.view->load_s); }},
    {"tern:model_evictions_total", Kind::kCounter,
     "how often the model was let go, for others or as it was idle",
     [](const Source& s,
        Out& out) { out.Sample(s.view == nullptr ? 0 : static_cast<double>(s.view->evictions)); }},
    {"tern:alias_percent", Kind::kGauge,
     "share of the requests by an alias that a model gets; 0: it lost it, as it failed or was slow",
     WriteAliases, false},
    {"http_requests_total", Kind::kCounter, "HTTP requests by method, handler (route) and status", WriteHttp,
     false},
    {"tern:http_connections", Kind::kGauge, "open connections",
     [](const Source& s, Out& out) { out.Sample(static_cast<double>(s.http.connections)); }, false},
    {"tern:http_exchanges", Kind::kGauge, "HTTP requests that are being answered",
     [](const Source& s, Out& out) { out.Sample(static_cast<double>(s.http.exchanges)); }, false},
    {"tern:http_malformed_total", Kind::kCounter, "requests that were not HTTP, or beyond a limit",
     [](const Source& s, Out& out) { out.Sample(static_cast<double>(s.http.refused)); }, false},
    {"tern:log_lines_dropped_total", Kind::kCounter, "lines of the log that nobody took in time",
     [](const Source& s, Out& out) { out.Sample(static_cast<double>(s.context.log.dropped())); }, false},
    {"tern:spans_dropped_total", Kind::kCounter, "spans of traces that the collector did not take",
     [](const Source& s, Out& out) {
       out.Sample(s.context.traces == nullptr ? 0 : static_cast<double>(s.context.traces->dropped()));
     },
     false},
    {"tern:build_info", Kind::kGauge, "always 1; the label says which version",
     [](const Source& s, Out& out) {
       out.Sample(1, {{"version", s.context.version}});
     },
     false},
    {"process_cpu_seconds_total", Kind::kCounter, "CPU time of all threads",
     [](const Source& s, Out& out) { out.Sample(s.process.cpu_s); }, false},
    {"process_resident_memory_bytes", Kind::kGauge, "memory that is in RAM",
     [](const Source& s, Out& out) { out.Sample(static_cast<double>(s.process.resident_bytes)); }, false},
    {"process_virtual_memory_bytes", Kind::kGauge, "address space",
     [](const Source& s, Out& out) { out.Sample(static_cast<double>(s.process.virtual_bytes)); }, false},
    {"process_start_time_seconds", Kind::kGauge, "when the process began, Unix time",
     [](const Source& s, Out& out) { out.Sample(s.process.start_unix_s); }, false},
    {"process_open_fds", Kind::kGauge, "open file descriptors",
     [](const Source& s, Out& out) { out.Sample(s.process.open_files); }, false},
    {"process_max_fds", Kind::kGauge, "most file descriptors",
     [](const Source& s, Out& out) { out.Sample(s.process.most_files); }, false},
    {"process_threads", Kind::kGauge, "threads",
     [](const Source& s, Out& out) { out.Sample(s.process.threads); }, false},
};

}  // namespace

std::span<const MetricDesc> AllMetrics() { return kAll; }

std::string ExposeMetrics(const ServerContext& context) {
  const ProcessUsage process = ReadProcessUsage();
  const HttpCounts http = context.tally->counts();
  std::vector<ModelView> views;
  if (context.models != nullptr) views = context.models->views();
  std::vector<MetricSource> sources;
  for (const ModelView& view : views) {
    const EngineFigures engine = view.context != nullptr ? FiguresOf(*view.context) : EngineFigures{};
    sources.push_back({context, *view.meters, engine, process, http, &view});
  }
  if (views.empty()) sources.push_back({context, context.meters, FiguresOf(context), process, http, nullptr});
  Exposition out;
  for (const MetricDesc& metric : kAll) {
    out.Begin(metric.name, metric.kind, metric.help, {});
    for (const MetricSource& source : sources) {
      const std::string& name = source.view != nullptr ? source.view->name : context.model.id;
      if (metric.of_model) out.Relabel({{"model_name", name}, {"engine", "0"}});
      metric.write(source, out);
      if (!metric.of_model) break;
    }
  }
  return out.Take();
}

}  // namespace tern
