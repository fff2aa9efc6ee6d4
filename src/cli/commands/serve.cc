#include <fmt/format.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <boost/json/serialize.hpp>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <optional>
#include <thread>

#include "base/byte_size.h"
#include "base/cgroup.h"
#include "base/duration_text.h"
#include "cli/adaptation_flags.h"
#include "cli/command.h"
#include "cli/encoder_flags.h"
#include "cli/explain_tuning.h"
#include "cli/interrupt.h"
#include "cli/model_flags.h"
#include "cli/role_flags.h"
#include "cli/sampling_flags.h"
#include "cli/served_models.h"
#include "cli/slow_note.h"
#include "cli/speculation_flags.h"
#include "cli/terminal.h"
#include "engine/kv_choice.h"
#include "engine/kv_fingerprint.h"
#include "io/http.h"
#include "server/adaptation_json.h"
#include "server/http/http_server.h"
#include "server/http/wire.h"
#include "server/model_host.h"
#include "server/router.h"
#include "server/server_context.h"

namespace tern {
namespace {

// What the models of a server have in common.
struct Shared {
  std::shared_ptr<StepTurn> turn = std::make_shared<StepTurn>();
  std::shared_ptr<Quotas> quotas{};
  std::shared_ptr<DiskTier> disk{};  // null: KV is kept in memory alone
  std::shared_ptr<Role> role{};      // null: both
};

struct Options {
  ModelFlags model;
  std::vector<std::string> models, named;  // MODEL..., --model
  std::string models_dir, memory = "auto", idle_unload;
  std::vector<ConfigTable> model_tables, alias_tables;
  std::vector<std::string> admin_keys;
  double load_timeout_s = 60;
  // Of one of several models:
  size_t memory_bytes = 0, most_kv_bytes = 0;  // as in RunnerOptions
  std::shared_ptr<Shared> shared = std::make_shared<Shared>();
  SamplingOptions sampling;
  SpeculationFlags speculation;
  AdaptationFlags adaptation;
  bool explains_adaptation = false;
  RoleFlags role;
  HttpServerOptions http;
  std::string name, key_file, log = "text", traces;
  std::vector<std::string> keys, origins;
  std::optional<int> port;
  int parallel = 32, kv_tokens = 0, drain_timeout_s = 30;
  int step_tokens = RunnerOptions().step_tokens;
  std::string policy = "auto", slo_ttft, slo_itl, optimize = "balanced", key_limits;
  int batch = SchedulerOptions().batch;
  double batch_window_s = 1e-9 * static_cast<double>(SchedulerOptions().batch_window_ns);
  size_t clients = 0;  // API keys
  int queue = QueueLimits().requests;
  std::string kv_disk, kv_disk_bytes = "4G";
  double deadline_s = 0, stall_s = 30;
  bool only_checks = false;
};

// One is loaded at once, and there for good; of several each when it is asked for.
bool IsLone(const Options& o) {
  return o.models_dir.empty() && o.model_tables.empty() && o.models.size() + o.named.size() <= 1;
}

constexpr int kUsualPort = 8080;
// Rows of a step whose logits say how likely a prompt was; each costs a float per word of the vocabulary.
constexpr int kScoredRows = 32;

// Whether anybody reads it or not, where fmt::print would throw.
void Say(const std::string& text) { std::fputs((text + "\n").c_str(), stderr); }

// A decoder is one, too, where its checkpoint says how its states become a vector.
bool IsEncoder(const LoadedModel& model) {
  const std::string pooling = std::string(model.built.desc->name) + ".pooling_type";
  return model.built.hidden_states || model.checkpoint->metadata().Has(pooling);
}

// The policy `auto`: where several share a server, none of them may take all of it.
std::string_view PolicyOf(const Options& o) {
  if (o.policy != "auto") return o.policy;
  return o.clients > 1 ? "fair" : AllPolicies().front()->name;
}

Status CheckRole(const Options& o) {
  TERN_TRY_STATUS(CheckRole(o.role, !o.kv_disk.empty()));
  if (o.role.role == "both" || (IsLone(o) && o.idle_unload.empty())) return {};
  return BadInput("--role: expected one MODEL, that is loaded as long as the server runs");
}

Result<EngineOptions> SchedulingOf(const Options& o) {
  EngineOptions scheduling;
  TERN_TRY(scheduling.policy, FindPolicy(PolicyOf(o)));
  TERN_TRY(scheduling.slo.ttft_s, ParseSecondsByClass("--slo-ttft", o.slo_ttft));
  TERN_TRY(scheduling.slo.itl_s, ParseSecondsByClass("--slo-itl", o.slo_itl));
  const auto goal =
      static_cast<Optimize>(std::ranges::find(kOptimizeNames, o.optimize) - kOptimizeNames.begin());
  const Optimized optimized = OptimizeFor(goal, o.parallel, o.step_tokens);
  scheduling.running = optimized.running;
  scheduling.mixed_step_tokens = optimized.mixed_step_tokens;
  scheduling.key_stretch = optimized.key_stretch;
  scheduling.queue.requests = o.queue;
  scheduling.batch = o.batch;
  scheduling.batch_window_ns = static_cast<int64_t>(1e9 * o.batch_window_s);
  return scheduling;
}

void LogMove(const std::string& log, const AdaptationMove& move) {
  if (log == "text") Say("adapted: " + MoveText(move));
  if (log == "json") Say(boost::json::serialize(boost::json::object{{"adapted", JsonOf(move, move.at_s)}}));
}

// Where KV is kept beyond memory, for all models.
Status OpenDisk(const Options& o) {
  if (o.kv_disk.empty()) return {};
  TERN_TRY(const int64_t bytes, ParseSize(o.kv_disk_bytes));
  TERN_TRY(o.shared->disk, DiskTier::Open({.folder = o.kv_disk, .most_bytes = static_cast<uint64_t>(bytes)}));
  return {};
}

Status UseDisk(const Options& o, Runner& runner, EngineOptions* scheduling) {
  if (o.shared->disk == nullptr) return {};
  scheduling->disk = o.shared->disk;
  TERN_TRY(scheduling->kv_fingerprint, KvFingerprint(runner));
  return {};
}

Status LoadEngine(const Options& o, const std::shared_ptr<const LoadedModel>& model, ServerContext* context) {
  TERN_TRY_STATUS(CheckContinuesText(*model));
  TERN_TRY(RunnerOptions options, ToRunnerOptions(model, o.model));
  options.sequences = o.parallel;
  options.step_outputs = o.parallel + kScoredRows;
  TERN_TRY_STATUS(MakeRoomForDrafts(o.speculation, &options));
  options.kv_tokens = o.kv_tokens > 0 ? o.kv_tokens : -1;
  options.memory_bytes = o.memory_bytes;
  options.most_kv_bytes = o.most_kv_bytes;
  options.step_tokens = o.step_tokens;
  options.own_window_blocks = true;
  const std::string name = Printable(o.model.model);
  {
    const SlowNote note(name +
                        ": measuring whether an int8 KV cache is good enough; kept for the next start");
    TERN_TRY(options.kv_type, ChooseKvType(model, options));
  }
  const SlowNote note(name + ": preparing its weights");
  TERN_TRY(auto runner, Runner::Make(model, options));
  TERN_TRY(EngineOptions scheduling, SchedulingOf(o));
  TERN_TRY(auto drafts, OpenDrafts(o.speculation, o.model, *runner, &scheduling));
  TERN_TRY_STATUS(UseDisk(o, *runner, &scheduling));
  JoinedLink joined;
  if (o.shared->role != nullptr) {
    TERN_TRY(joined, o.shared->role->Join(*runner, &scheduling));
  }
  scheduling.events.on_step = [context](const StepSample& s) { context->meters.step_tokens.Observe(s.rows); };
  SetAdaptation(o.adaptation, *runner, options, &scheduling);
  scheduling.adaptation.on_move = [log = o.log](const AdaptationMove& move) { LogMove(log, move); };
  auto engine = std::make_unique<Engine>(std::move(runner), std::move(scheduling), std::move(drafts));
  TERN_TRY_STATUS(CheckFixed(o.adaptation, *engine));
  context->host = std::make_unique<EngineHost>(std::move(engine), o.shared->turn);
  if (o.shared->role != nullptr) {
    context->kv_link = o.shared->role->meters();
    context->prefill = o.shared->role->Serve(joined, context->host.get());
  }
  return {};
}

// A generating model's encoder, in the memory that its engine leaves.
Result<std::unique_ptr<TextEncoder>> OpenBeside(ModelFlags flags, size_t memory_bytes,
                                                const EngineHost& host) {
  constexpr int kMostTokens = 4096;  // of a text
  const RunnerBytes taken = host.bytes();
  const RunnerBytes& draft = host.draft_bytes();
  const size_t bytes =
      taken.packed_weights + taken.arena + taken.kv + draft.packed_weights + draft.arena + draft.kv;
  const size_t all = memory_bytes > 0 ? memory_bytes : UsableMemory();
  flags.kv_type = "auto";
  return OpenEncoder({.model = std::move(flags),
                      .pooling = "mean",
                      .normalize = "yes",
                      .max_tokens = std::min(kMostTokens, host.context()),
                      .memory_bytes = all > bytes ? all - bytes : 1});
}

Result<std::shared_ptr<const LoadedModel>> Open(const Options& o) {
  // On a terminal there is a bar.
  const SlowNote note(IsTerminal(2) ? "" : Printable(o.model.model) + ": fetching and opening the model");
  return OpenModel(o.model);
}

// What a model is going to take: weights about as large as in its file, and KV.
Result<OpenedModel> OpenServed(const Options& o) {
  TERN_TRY(const auto model, Open(o));
  if (model->tokenizer == nullptr) return BadInput(o.model.model + ": has no tokenizer, serve needs one");
  const size_t weights = model->checkpoint->file_bytes();
  const auto context = static_cast<size_t>(o.model.context > 0 ? o.model.context : model->hparams().context);
  const size_t tokens = o.kv_tokens > 0 ? static_cast<size_t>(o.kv_tokens) : context * size_t(o.parallel);
  const size_t block_bytes = KvStore::BlockBytes(model->built.kv_layers, KvType::kF16);
  const size_t kv = IsEncoder(*model) ? 0 : tokens / kKvBlockTokens * block_bytes;
  const size_t most_kv = o.most_kv_bytes > 0 && o.kv_tokens <= 0 ? o.most_kv_bytes : kv;
  return OpenedModel{.model = model, .bytes = weights + std::min(kv, most_kv), .least_bytes = weights};
}

Result<std::unique_ptr<ServerContext>> StartServed(const Options& o, const OpenedModel& opened,
                                                   const std::shared_ptr<ServerMeters>& meters) {
  auto context = std::make_unique<ServerContext>(meters);
  context->version = TERN_VERSION;
  context->sampling = o.sampling;
  context->deadline_s = o.deadline_s;
  context->stall_s = o.stall_s;
  context->quotas = o.shared->quotas;
  TERN_TRY(context->model, ServedModel::Make(o.name, opened.model));
  context->model.alias = o.model.model;
  if (!IsEncoder(*opened.model)) {
    TERN_TRY_STATUS(LoadEngine(o, opened.model, context.get()));
    context->encoder.OpenLater([flags = o.model, memory = o.memory_bytes, host = context->host.get()] {
      return OpenBeside(flags, memory, *host);
    });
    return context;
  }
  if (o.shared->role != nullptr) return BadInput("--role: the model generates no text, and keeps no KV");
  if (!o.kv_disk.empty() && IsLone(o)) {
    return BadInput("--kv-disk: the model generates no text, and keeps no KV");
  }
  TERN_TRY(auto encoder, OpenEncoder({.model = o.model, .memory_bytes = o.memory_bytes}));
  context->encoder.Set(std::move(encoder));
  return context;
}

Result<std::vector<ServedEntry>> ListModels(const Options& o) {
  if (!o.models.empty() && !o.named.empty()) return BadInput("--model: is MODEL, too; expected one of them");
  std::vector<ServedEntry> entries = EntriesOf(o.models.empty() ? o.named : o.models);
  if (IsLone(o)) {
    if (entries.empty()) entries = EntriesOf(std::vector<std::string>{o.model.model});
    if (!o.name.empty()) {
      entries[0].name = o.name;
      if (entries[0].ref != o.name) entries[0].aliases = {entries[0].ref};
    }
    entries[0].pinned = o.idle_unload.empty();
    return entries;
  }
  if (!o.name.empty()) return BadInput("--name: of several models, expected a name for each in [[models]]");
  TERN_TRY(const std::vector<ServedEntry> listed, EntriesOf(o.model_tables));
  entries.insert(entries.end(), listed.begin(), listed.end());
  if (o.models_dir.empty()) return entries;
  TERN_TRY(const std::vector<ServedEntry> found, EntriesIn(o.models_dir));
  for (const ServedEntry& entry : found) {
    // Those that have a table of their own are as that says.
    if (std::ranges::find(entries, entry.name, &ServedEntry::name) == entries.end()) entries.push_back(entry);
  }
  return entries;
}

// The server's options as they are for one of its models.
Options OptionsFor(const Options& o, const ServedEntry& entry) {
  Options of_model = o;
  of_model.model.model = entry.ref;
  of_model.name = entry.name;
  of_model.model.context = entry.context.value_or(o.model.context);
  of_model.model.precision = entry.precision.value_or(o.model.precision);
  of_model.model.kv_type = entry.kv_type.value_or(o.model.kv_type);
  of_model.parallel = entry.parallel.value_or(o.parallel);
  of_model.kv_tokens = entry.kv_tokens.value_or(o.kv_tokens);
  return of_model;
}

HostedModel HostedOf(const Options& o, const ServedEntry& entry, size_t budget) {
  const Options of_model = OptionsFor(o, entry);
  const bool lone = IsLone(o);
  return {.name = entry.name,
          .aliases = entry.aliases,
          .pinned = entry.pinned,
          .idle_unload_s = entry.idle_unload_s,
          .open = [of_model] { return OpenServed(of_model); },
          .start =
              [of_model, lone, budget](const OpenedModel& opened, const StartWith& with) {
                Options now = of_model;
                // One that is alone has what the machine leaves.
                if (!lone || with.memory_bytes < budget) now.memory_bytes = with.memory_bytes;
                return StartServed(now, opened, with.meters);
              }};
}

// Fetches it where it is not on disk, and says what lists show of it as long as it is not loaded.
Status Fetch(const ModelFlags& flags, HostedModel* hosted) {
  TERN_TRY(const std::string path, FindModelFile(flags));
  std::error_code error;
  if (!std::filesystem::is_regular_file(path, error)) return {};
  hosted->file_bytes = std::filesystem::file_size(path, error);
  const auto written = std::chrono::file_clock::to_sys(std::filesystem::last_write_time(path, error));
  hosted->modified = std::chrono::duration_cast<std::chrono::seconds>(written.time_since_epoch()).count();
  return {};
}

Result<size_t> BudgetOf(const Options& o) {
  constexpr size_t kProcess = size_t{32} << 20;
  const size_t all = UsableMemory();
  // Of one that is alone, its runner leaves some to the rest of the process.
  const size_t share = IsLone(o) ? all : all - all / 16 - std::min(all / 16, kProcess);
  if (o.memory == "auto") return share;
  const auto bytes = ParseSize(o.memory);
  if (!bytes.ok()) return BadInput("--memory: " + bytes.error().what);
  return static_cast<size_t>(bytes.value());
}

struct Hosting {
  std::vector<ModelFlags> files;  // that are fetched at the start
  std::vector<HostedModel> models;
  std::vector<Canary> aliases;
  ModelHostOptions options;
};

// Everything but the models themselves.
Result<Hosting> HostingOf(Options o) {
  constexpr size_t kMostShares = 8;
  Hosting hosting;
  TERN_TRY(const std::vector<ServedEntry> entries, ListModels(o));
  TERN_TRY(hosting.options.memory_bytes, BudgetOf(o));
  if (o.memory != "auto") o.memory_bytes = hosting.options.memory_bytes;
  if (!IsLone(o)) {
    const size_t shares = std::clamp(entries.size(), size_t{1}, kMostShares);
    o.most_kv_bytes = hosting.options.memory_bytes / 2 / shares;
  }
  for (const ServedEntry& entry : entries) {
    hosting.models.push_back(HostedOf(o, entry, hosting.options.memory_bytes));
    hosting.files.push_back(OptionsFor(o, entry).model);
  }
  TERN_TRY(hosting.aliases, AliasesOf(o.alias_tables));
  TERN_TRY_STATUS(ModelHost::Check(hosting.models, hosting.aliases));
  if (!o.idle_unload.empty()) {
    const auto idle_s = ParseDuration(o.idle_unload);
    if (!idle_s) return BadInput("--idle-unload " + o.idle_unload + ": expected a time as 10m or 90s");
    hosting.options.idle_unload_s = *idle_s;
  }
  hosting.options.load_timeout_s = o.load_timeout_s;
  hosting.options.most_waiting = static_cast<size_t>(o.queue);
  return hosting;
}

// Those that are loaded at once.
Status Load(const Options& o, Hosting hosting, ServerContext* server) {
  const bool lone = IsLone(o);
  for (size_t i = 0; i < hosting.files.size() && !lone; ++i) {
    TERN_TRY_STATUS(Fetch(hosting.files[i], &hosting.models[i]));
  }
  std::vector<std::string> first;
  for (const HostedModel& model : hosting.models) {
    if (lone || model.pinned) first.push_back(model.name);
  }
  // How one loads that is alone is said where it takes long.
  hosting.options.say = [server, lone](const std::string& line) {
    if (!lone || !server->loading) Say(Printable(line));
  };
  server->models = std::make_unique<ModelHost>(std::move(hosting.models), std::move(hosting.aliases),
                                               std::move(hosting.options));
  for (const std::string& name : first) TERN_TRY_STATUS(server->models->Load(name));
  return {};
}

std::unique_ptr<Traces> MakeTraces(const std::string& url) {
  return std::make_unique<Traces>(
      TERN_VERSION, [url](const std::string& json) { return HttpPostJson(url, json); },
      [](const Error& error) { Say("traces: " + error.what); });
}

// "http://127.0.0.1:8080"
std::string AddressOf(const Options& o, int port) {
  const std::string scheme = o.http.certificate_file.empty() ? "http" : "https";
  const bool is_v6 = o.http.host.find(':') != std::string::npos && !o.http.host.starts_with('[');
  return fmt::format("{}://{}:{}", scheme, is_v6 ? "[" + o.http.host + "]" : o.http.host, port);
}

// "tiny on http://127.0.0.1:8080, context 2048, KV for 65536 tokens, 32 at once"
std::string StartLine(const Options& o, const ServerContext& context, int port) {
  std::string kv;
  if (context.host != nullptr) {
    const int64_t tokens = int64_t{context.host->counts().scheduler.kv_blocks} * kKvBlockTokens;
    kv = fmt::format("KV for {} tokens", tokens);
    if (o.kv_tokens > 0 && o.kv_tokens != tokens) kv += fmt::format(" ({} wanted)", o.kv_tokens);
    kv += ", ";
  }
  return fmt::format("{} on {}, context {}, {}{} at once", context.model.id, AddressOf(o, port),
                     context.longest_input(), kv, o.parallel);
}

// "3 models on http://127.0.0.1:8080, 8192 MiB for them: a, b, c"
std::string StartLine(const Options& o, ServerContext& server, int port) {
  ModelHost& models = *server.models;
  const auto lone = models.has_one() && IsLone(o) ? models.Look("") : nullptr;
  if (lone != nullptr) return StartLine(o, std::as_const(*lone), port);
  return fmt::format("{} models on {}, {} MiB for them: {}", models.views().size(), AddressOf(o, port),
                     models.memory_bytes() >> 20, models.names());
}

// As many files as the system lets us have are ours to open, and most of them may be connections.
size_t MostConnections() {
  constexpr rlim_t kMost = 16384, kOthers = 256;
  rlimit files{};
  if (getrlimit(RLIMIT_NOFILE, &files) != 0) return HttpLimits().connections;
  const rlimit raised{.rlim_cur = files.rlim_max, .rlim_max = files.rlim_max};
  if (setrlimit(RLIMIT_NOFILE, &raised) == 0) files = raised;
  return std::min(kMost, files.rlim_cur > 2 * kOthers ? files.rlim_cur - kOthers : files.rlim_cur / 2);
}

// Whether it came true in time.
bool WaitUntil(std::chrono::milliseconds most, const std::function<bool()>& holds) {
  const auto deadline = std::chrono::steady_clock::now() + most;
  while (!holds()) {
    if (std::chrono::steady_clock::now() >= deadline) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  return true;
}

// The first interrupt drains: what is under way is finished, and others are told to come back later. A second
// one, or the time that this may take, ends everything with an error that clients can read, where the engine
// is not in the middle of a long step: nobody waits for that.
void WaitForTheEnd(HttpServer& http, ServerContext& context, int drain_timeout_s) {
  while (!Interrupted()) {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    if (TakeHangup()) context.models->ReloadAll();
  }
  context.draining = true;
  http.Drain();
  ClearInterrupt();
  Say("finishing what is under way; interrupt again to end at once");
  const auto is_done = [&] { return http.counts().exchanges == 0; };
  WaitUntil(std::chrono::seconds(drain_timeout_s), [&] { return is_done() || Interrupted(); });
  if (is_done()) return context.models->Close();  // those who wait for one have gone
  Say("ending what is under way");
  context.models->End();
  WaitUntil(std::chrono::milliseconds(700), is_done);
  std::_Exit(0);  // nothing is left to be saved
}

// Those that no endpoint ever saw.
void LogRefusal(ServerContext& context, const std::string& id, int status) {
  using std::chrono::milliseconds;
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  context.log.Write({.unix_ms = std::chrono::duration_cast<milliseconds>(now).count(),
                     .id = id,
                     .method = "none",
                     .route = "none",
                     .end = {.status = status}});
}

Result<ApiKeys> MakeKeys(const Options& o) {
  const auto usual = ParseKeyLimits(o.key_limits);
  if (!usual.ok()) return BadInput("--key-limits: " + usual.error().what);
  TERN_TRY(ApiKeys keys, ApiKeys::Make(o.keys, o.key_file, usual.value()));
  if (!IsLoopbackName(o.http.host) && keys.empty() && o.http.client_ca_file.empty()) {
    return BadInput(
        fmt::format("--host {}: others can reach it, expected --api-key, --api-key-file or --tls-client-ca",
                    o.http.host));
  }
  return keys;
}

Result<std::unique_ptr<HttpServer>> StartHttp(const Options& o, const Router& router,
                                              ServerContext& context) {
  HttpServerOptions options = o.http;
  // Whoever asks comes to the decode process.
  options.port = static_cast<uint16_t>(o.port.value_or(o.role.role == "prefill" ? 0 : kUsualPort));
  options.loopback_only = IsLoopbackName(o.http.host);
  options.limits.connections = MostConnections();
  // Some time to take the error.
  options.limits.write_ms = static_cast<int>(1000 * o.stall_s) + 15'000;
  options.wants_body = [&router](const HttpRequest& head) { return router.WantsBody(head); };
  options.too_large = Router::TooLarge;
  options.tally = context.tally;
  options.on_refused = [&context](const std::string& id, int status) { LogRefusal(context, id, status); };
  return HttpServer::Start(
      options, [&router](std::shared_ptr<HttpExchange> exchange) { router.Handle(std::move(exchange)); });
}

// What each model that is loaded is set to, and every move.
Status SayAdaptation(ModelHost& models) {
  for (const ModelView& model : models.views()) {
    if (model.context == nullptr || model.context->host == nullptr) continue;
    const auto told = boost::json::serialize(JsonOf(model.context->host->adaptation()));
    TERN_TRY(const std::string text, AdaptationText(told));
    Say(model.name + "\n" + text);
  }
  return {};
}

Status Run(Options& o) {
  TERN_TRY(ApiKeys keys, MakeKeys(o));
  o.clients = keys.size();
  TERN_TRY([[maybe_unused]] const EngineOptions scheduling, SchedulingOf(o));
  for (const std::string& origin : o.origins) TERN_TRY_STATUS(CheckOrigin(origin));
  if (const auto bytes = ParseSize(o.kv_disk_bytes); !bytes.ok()) {
    return BadInput("--kv-disk-bytes: " + bytes.error().what);
  }
  TERN_TRY(ApiKeys admin_keys, ApiKeys::Make(o.admin_keys, ""));
  TERN_TRY_STATUS(CheckRole(o));
  TERN_TRY(Hosting hosting, HostingOf(o));
  if (o.only_checks) return HttpServer::Check(o.http);
  signal(SIGPIPE, SIG_IGN);  // who reads our messages may go before we do
  signal(SIGXFSZ, SIG_IGN);  // a file that may not grow is an error of its own
  const bool loopback = IsLoopbackName(o.http.host);
  std::optional<InterruptScope> scope;  // until everything has ended
  ServerContext context;
  context.version = TERN_VERSION;
  TERN_TRY(const LogFormat log, ParseLogFormat(o.log));
  context.log = RequestLog(log, STDERR_FILENO);
  if (!o.traces.empty()) context.traces = MakeTraces(o.traces);
  context.sampling = o.sampling;
  context.deadline_s = o.deadline_s;
  context.stall_s = o.stall_s;
  context.loading = true;
  Workers workers(2, 1024);
  const Router router(AllRoutes(),
                      {.keys = std::move(keys),
                       .admin_keys = std::move(admin_keys),
                       .origins = o.origins,
                       .loopback = loopback},
                      &context, &workers);
  // Before the model is there: who asks is told so, and a port in use is known at once.
  TERN_TRY(const auto http, StartHttp(o, router, context));
  TERN_TRY_STATUS(OpenDisk(o));
  TERN_TRY(o.shared->role, OpenRole(o.role, Say));
  o.shared->quotas = context.quotas;
  TERN_TRY_STATUS(Load(o, std::move(hosting), &context));
  context.loading = false;
  scope.emplace(InterruptScope::Of::kServer);
  Say(StartLine(o, context, http->port()));
  WaitForTheEnd(*http, context, o.drain_timeout_s);
  return o.explains_adaptation ? SayAdaptation(*context.models) : Status();
}

void AddSchedulingFlags(Arguments& args, Options* o) {
  std::vector<std::string_view> policies = NamesOf(AllPolicies());
  policies.insert(policies.begin(), "auto");
  args.Option(
          "--policy", &o->policy,
          "which of those that wait runs next; auto: fair where there are several API keys, else priority")
      .Choices(policies);
  args.Option("--slo-ttft", &o->slo_ttft,
              "what is promised of the time to the first token, as 2s, or by class as high=500ms,mid=2s: who "
              "comes "
              "when it cannot be kept is told at once when to come back")
      .ValueName("TIME")
      .Default("");
  args.Option("--slo-itl", &o->slo_itl,
              "what is promised of the time from a token to the next, as 100ms, or by class: so many run at "
              "once, and "
              "so much of prompts is in a step, that it is kept")
      .ValueName("TIME")
      .Default("");
  args.Option("--optimize", &o->optimize, "what matters where nothing is promised")
      .Choices(std::vector(kOptimizeNames.begin(), kOptimizeNames.end()));
  args.Option("--batch-size", &o->batch, "of --policy dynamic: requests that start together").Range(1, 1024);
  args.Option("--batch-window", &o->batch_window_s, "of --policy dynamic: seconds after which fewer start")
      .Range(0, 60);
}

void AddModelsFlags(Arguments& args, Options* o) {
  args.Option("MODEL", &o->models,
              "catalogue name, hf:org/repo[:quant], https:, file or folder; of several, each is loaded when "
              "it is "
              "asked for")
      .Default(o->model.model);
  args.Flag("--offline", &o->model.offline, "never use the network");
  args.Option("--model", &o->named, "another way to say MODEL, as other servers have it (repeatable)")
      .ValueName("MODEL")
      .KeepsCommas();
  args.Option("--models-dir", &o->models_dir,
              "serve every GGUF file and checkpoint folder in it, by its name")
      .ValueName("DIR");
  args.Option("--memory", &o->memory,
              "most memory of the models that are loaded, as 8GiB: packed weights, KV, activations; auto: "
              "what the "
              "machine has")
      .ValueName("SIZE");
  args.Option("--idle-unload", &o->idle_unload,
              "let a model go that nobody has asked for as long, as 10m; empty: only where another needs the "
              "memory")
      .ValueName("TIME");
  args.Option("--load-timeout", &o->load_timeout_s,
              "most seconds that a request waits for its model to be loaded")
      .Range(0.1, 86400);
  args.Option("--admin-key", &o->admin_keys,
              "a key for /admin/ (repeatable); without any, those who may ask a server that only this "
              "machine can "
              "reach")
      .ValueName("KEY")
      .KeepsCommas();
  args.ConfigTables("models", &o->model_tables);
  args.ConfigTables("aliases", &o->alias_tables);
}

void Setup(Arguments& args) {
  auto o = std::make_shared<Options>();
  AddModelsFlags(args, o.get());
  args.Option("--host", &o->http.host, "address to listen on; others than this machine's own need a key")
      .ValueName("HOST");
  args.Option("--port", &o->port, "port; 0: any free one, as with --role prefill where none is given")
      .Range(0, 65535)
      .Default(std::to_string(kUsualPort));
  args.Option("--name", &o->name, "what clients call a model that is alone, instead of MODEL")
      .ValueName("NAME");
  args.Option("--parallel", &o->parallel, "most answers at once; others wait").Range(1, 1024);
  args.Option(
          "--kv-tokens", &o->kv_tokens,
          "tokens of all requests and of remembered prompts that the KV cache holds, in blocks of 16 and one "
          "more for each answer, at most a context for each; 0: that, or what the memory holds")
      .Range(0, 1 << 30);
  args.Option("--kv-disk", &o->kv_disk,
              "folder where KV of prompts and answers is kept beyond memory, also for the next start; nobody "
              "else may read it")
      .ValueName("DIR");
  args.Option("--kv-disk-bytes", &o->kv_disk_bytes, "most that it takes, as in 500M, 4G").ValueName("SIZE");
  args.Option("--step-tokens", &o->step_tokens,
              "most tokens of prompts and answers that one step computes: a long prompt takes several")
      .Range(1, 1 << 16);
  AddSchedulingFlags(args, o.get());
  AddRoleFlags(args, &o->role);
  args.Option("--queue", &o->queue, "most answers that wait; who asks for more is told when to come back")
      .Range(1, 1 << 20);
  args.Option("--deadline", &o->deadline_s,
              "seconds after which an answer ends with an error, waiting included; 0: never")
      .Range(0, 1e6);
  args.Option("--stall-timeout", &o->stall_s,
              "seconds after which an answer ends with an error whose client takes nothing of it")
      .Range(0.1, 1e5);
  args.Option("--api-key", &o->keys,
              "a key that clients must show, or several with commas between (repeatable)")
      .ValueName("KEY")
      .KeepsCommas();
  args.Option("--api-key-file", &o->key_file,
              "keys, one per line, each with its own limits behind it, if any")
      .ValueName("FILE");
  args.Option("--key-limits", &o->key_limits,
              "what each key may ask for, as requests-per-minute=60,tokens-per-minute=100000,concurrent=4, "
              "and its "
              "weight=1 beside others")
      .ValueName("LIMITS")
      .Default("");
  args.Option("--cors-origin", &o->origins,
              "a page that may ask, as https://example.org (repeatable); *: all")
      .ValueName("ORIGIN");
  args.Option("--tls-cert", &o->http.certificate_file, "certificate chain, PEM").ValueName("FILE");
  args.Option("--tls-key", &o->http.key_file, "its private key, PEM").ValueName("FILE");
  args.Option("--tls-client-ca", &o->http.client_ca_file, "clients need a certificate of these, PEM")
      .ValueName("FILE");
  args.ConfigFile("--config", "options from a file, as in: port = 8080; what is given here wins");
  args.Flag("--check-config", &o->only_checks,
            "say whether options, config, keys and certificates are right, and end; the model is not opened");
  args.Option("--log", &o->log, "a line per request on stderr: for people, JSON, or none")
      .Choices({"text", "json", "none"});
  args.Option("--otlp-traces-endpoint", &o->traces,
              "collector of traces, as http://localhost:4318/v1/traces: a span per request")
      .ValueName("URL");
  args.Option("--drain-timeout", &o->drain_timeout_s,
              "most seconds to finish what is under way when the server is told to end")
      .Range(0, 86400);
  AddRunnerFlags(args, &o->model);
  AddSpeculationFlags(args, &o->speculation);
  AddAdaptationFlags(args, &o->adaptation);
  args.Flag(
      "--explain-adaptation", &o->explains_adaptation,
      "say at the end what was adapted, tried and why; while it runs, tern explain --adaptation URL does");
  AddSamplingFlags(args, &o->sampling);
  args.Run([o] { return Run(*o); });
}

}  // namespace

extern const CommandDesc k_command_serve;
const CommandDesc k_command_serve = {
    .name = "serve",
    .summary = "answer requests over HTTP as OpenAI's API does",
    .example = "tern serve smollm2 --port 8080",
    .setup = Setup,
};

}  // namespace tern
